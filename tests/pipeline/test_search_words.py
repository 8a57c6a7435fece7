"""What a search for words looks for, and how a found text shows them."""

from __future__ import annotations

import pytest

from ml_backend.pipeline.search_words import MOST_WORDS, SNIPPET, marked, marked_by_meaning, words_of


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("late parcel", ["late", "parcel"]),
        ('"late parcel" refund', ["late parcel", "refund"]),
        ('"late', ['"late']),
        ('"" x', ["x"]),
        ("a a A", ["a", "A"]),
        (" ", []),
    ],
)
def test_words_are_parted_by_spaces_and_quoted_ones_stay_together(question: str, words: list[str]):
    assert [word for word in words_of(question) if word != '""'] == words


def test_no_more_words_are_looked_for_than_a_query_should_have():
    assert len(words_of(" ".join(str(n) for n in range(100)))) == MOST_WORDS


def test_the_text_is_whole_in_its_parts_and_each_word_is_marked_in_any_letter_case():
    text = "Refund: where is my refund? (a.b)"
    parts = marked(text, ["refund", "a.b"])
    assert "".join(part for part, _ in parts) == text
    assert [part for part, is_word in parts if is_word] == ["Refund", "refund", "a.b"]
    assert marked("abc", []) == [("abc", False)]


def test_a_long_text_is_cut_around_its_first_word():
    text = "x " * 2000 + "needle" + " y" * 2000
    parts = marked(text, ["needle"])
    assert ("needle", True) in parts
    assert (parts[0], parts[-1]) == (("… ", False), (" …", False))
    assert len("".join(part for part, _ in parts)) <= SNIPPET + 4
    assert marked(text, [])[-1] == (" …", False)


def test_short_words_of_a_sentence_are_not_marked():
    assert marked_by_meaning("parcel was left in the rain") == ["parcel", "left", "rain"]
