"""An unknown name is answered with the known one that was most likely meant, and with all of them."""

from __future__ import annotations

import pytest

from ml_backend.learning.unknown_names import unknown_name


@pytest.mark.parametrize(
    ("given", "meant"), [("margn", "margin"), ("Margin", "margin"), ("tf-idf", "tfidf"), ("core set", "coreset")]
)
def test_a_misspelt_name_is_answered_with_the_one_that_was_meant(given: str, meant: str):
    known = ["coreset", "margin", "tfidf"]
    sentence = f"unknown thing {given!r}: did you mean {meant}? Known: coreset, margin, tfidf"
    assert unknown_name("thing", given, known) == sentence


@pytest.mark.parametrize("given", ["magic", "x", ""])
def test_a_name_that_is_like_none_is_answered_with_all(given: str):
    assert unknown_name("thing", given, ["coreset", "margin"]) == f"unknown thing {given!r}; known: coreset, margin"


def test_there_may_be_no_names_at_all():
    assert unknown_name("thing", "x", []) == "unknown thing 'x'; known: none"
