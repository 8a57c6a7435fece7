import pytest

from ml_backend.labelstudio.label_config import LabelConfig, parse
from ml_backend.labelstudio.texts import BadTask, task_text, text_hash
from ml_backend.text_fields import FIELD_SEPARATOR


def config(shown: str = '<Text name="t" value="$text"/>') -> LabelConfig:
    return parse(f'<View>{shown}<Choices name="c" toName="t"><Choice value="a"/><Choice value="b"/></Choices></View>')


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ({}, "no field 'text'"),
        ({"text": None}, "'text' is null"),
        ({"text": ""}, "is empty"),
        ({"text": " \n\t"}, "is empty"),
        ({"text": "\x00\x01\x1f"}, "is empty"),
        ({"text": "x" * 1_048_576}, "longer than 100,000 characters"),
        ({"text": 7}, "a number instead of a string"),
        ({"text": True}, "a true/false value instead"),
        ({"text": ["a"]}, "a list instead"),
        ({"text": "s3://bucket/file.txt"}, r"a link to a storage \(s3://"),
    ],
)
def test_a_task_without_a_usable_text_says_why(data: dict, reason: str):
    with pytest.raises(BadTask, match=reason):
        task_text(data, config())


def test_control_characters_are_removed_and_nothing_else():
    assert task_text({"text": "  a\x00b\ud83d 😀 <b>é</b>\tc "}, config()) == "ab 😀 <b>é</b>\tc"


def test_markup_of_hypertext_is_stripped():
    markup = "<style>p{}</style><p>Hello &amp; <b>good</b>bye</p><script>alert(1)</script><p>again</p>"
    assert task_text({"h": markup}, config('<HyperText name="t" value="$h"/>')) == "Hello & goodbye\nagain"


def test_a_closing_tag_without_its_opening_one_hides_nothing():
    markup = "Hello</script> world</style>!"
    assert task_text({"h": markup}, config('<HyperText name="t" value="$h"/>')) == "Hello world!"


def test_dialogues_keep_the_speakers_names():
    shown = '<Paragraphs name="t" value="$turns" nameKey="who" textKey="said"/>'
    turns = [{"who": "A", "said": "hi"}, {"said": "yes"}]
    assert task_text({"turns": turns}, config(shown)) == "A: hi\nyes"
    with pytest.raises(BadTask, match="no string under 'said'"):
        task_text({"turns": [{"who": "A"}]}, config(shown))


def test_fields_are_joined_and_may_be_nested():
    shown = '<Text name="t" value="$mail.subject $mail.body"/>'
    assert task_text({"mail": {"subject": "s", "body": "b"}}, config(shown)) == f"s{FIELD_SEPARATOR}b"


def test_equal_texts_have_equal_hashes():
    assert text_hash("a") == text_hash("a") != text_hash("b")
    assert len(text_hash("ü")) == 32
