"""Names of classes are made readable, and codes are told from words."""

import pytest

from ml_backend.readable_names import is_code, readable

CODES = (
    *("", " ", "?", "-", "1", "-1", "0.5", "10%", "#4", "１", "A", "b", "x", "Ж", "(c)", "C12", "A-3", "x1", "Q 7"),
    *("J45.909", "1a", "label_0", "LABEL_2", "__label__3", "class 1", "class_a", "Group B", "Level three", "Topic-12"),
    *("II", "ABBR", "desc", "LOC", "pos", "One", "3f2a9c", "550e8400-e29b-41d4-a716-446655440000", "fruit / 2"),
)
WORDS = (
    *("AI", "UK", "HR", "Q&A", "B2B", "COVID-19", "5 stars", "Top 10", "5G", "3D", "C++", "n/a", "yes", "No", "not"),
    *("猫", "是", "あ", "不满意", "да", "ja", "فيلم", "😀", "👍", "positive", "SPAM", "HAM", "facade", "decade"),
    *("type 2 diabetes", "Class action", "level", "Grade school", "2 / apple", "groups"),
)


@pytest.mark.parametrize("name", CODES)
def test_a_code_says_nothing(name: str):
    assert is_code(name)


@pytest.mark.parametrize("name", WORDS)
def test_a_word_in_any_script_is_no_code(name: str):
    assert not is_code(name)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("card_arrival", "card arrival"),
        ("reverted_card_payment?", "reverted card payment"),
        ("WrittenWork", "written work"),
        ("MeanOfTransportation", "mean of transportation"),
        ("getHTTPResponse", "get HTTP response"),
        ("comp.os.ms-windows.misc", "comp os ms windows misc"),
        ("ORDER_STATUS", "order status"),
        ("POSITIVE", "positive"),
        ("fruit / GreenApple?", "fruit: green apple"),
        (" two  spaces ", "two spaces"),
        ("???", "???"),
        *((name, name) for name in ("AI", "UK", "COVID-19", "e-mail", "U.S.", "3.5", "YouTube", "Sci/Tech")),
        *((name, name) for name in ("不满意", "")),
        ("5 stars", "5 stars"),
        ("New York - Newark", "New York - Newark"),
    ],
)
def test_a_name_is_written_as_a_person_would(name: str, text: str):
    assert readable(name) == text
