"""Descriptions of classes as people type them."""

from typing import Any

import pytest

from ml_backend.class_descriptions import description_lines
from ml_backend.project_settings import ProjectSettings, SettingsError


def stored(written: Any) -> dict[str, str] | None:
    return ProjectSettings().merged({"class_descriptions": written}).class_descriptions


@pytest.mark.parametrize(
    "written",
    [
        {"billing": "About  invoices.", "bug": "A fault:\n it breaks.", "other": " ", "more": None},
        '{"billing": "About invoices.", "bug": "A fault: it breaks.", "other": ""}',
        "billing: About invoices.\r\n\r\nbug : A fault: it breaks.\r\nother:\r\n",
        "billing：About invoices.\nbug: A fault: it breaks.\nbilling:",
    ],
)
def test_an_object_its_json_and_lines_mean_the_same(written: Any):
    assert stored(written) == {"billing": "About invoices.", "bug": "A fault: it breaks."}


def test_what_models_refuse_is_left_out():
    assert stored({"bug": "It \ud800breaks\x00.", "emoji": "👩\u200d🔧"}) == {
        "bug": "It breaks .",
        "emoji": "👩\u200d🔧",
    }


@pytest.mark.parametrize("written", ["", " \n", "{}", {}, "billing:\nbug:", {"bug": "\u200b"}])
def test_no_description_is_the_default(written: Any):
    settings = ProjectSettings(class_descriptions={"bug": "x"}).merged({"class_descriptions": written})
    assert settings == ProjectSettings()


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("billing: x\njust a sentence", "line 2 .*just a sentence.* has no class before a colon"),
        (": x", "line 1 .* has no class"),
        ("bug: one\nbug: two", "line 2 .* describes 'bug' a second time"),
        ('{"bug": "x"', "is not JSON"),
        ({"bug": 3}, "the description of 'bug' must be a sentence in quotation marks, not 3"),
        (["bug"], r"class_descriptions must be an object of classes and sentences, .*, not \[\"bug\"\]"),
        (5, "class_descriptions must be an object .*, not 5"),
        ('{"bug": "one", "bug": "two"}', "class_descriptions describes 'bug' twice: keep one of the two"),
        ({"bug": "one", " bug ": "two"}, "class_descriptions describes 'bug' twice"),
        ({"bug": "x" * 1001}, "'bug' has 1,001 characters: write at most 1,000"),
        ({f"class {n}": "x" * 1000 for n in range(100)}, "class_descriptions has 100,790 characters in all"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(written: Any, words: str):
    with pytest.raises(SettingsError, match=words) as refused:
        stored(written)
    assert len(str(refused.value)) < 1000


def test_the_lines_of_a_form_mean_what_they_were_made_of():
    described = {"Re: invoice": "An answer: ours.", '"quoted"': "x", "{a}": "y", "two\nlines": "z", "gone": "left"}
    lines = description_lines(["plain", *list(described)[:-1]], described)
    assert lines.splitlines()[0] == "plain:"
    assert stored(lines) == described


def test_only_descriptions_that_differ_are_in_the_history():
    before = ProjectSettings(class_descriptions={"a": "1", "b": "2", "c": "3"})
    after = ProjectSettings(class_descriptions={"a": "1", "b": "4", "d": "5"})
    assert before.changes_to(after) == {"class_descriptions": [{"b": "2", "c": "3"}, {"b": "4", "d": "5"}]}
    assert after.changes_to(ProjectSettings(class_names="off"))["class_descriptions"][1] is None


@pytest.mark.parametrize("wrong", [False, "on", "Auto", 1])
def test_class_names_are_auto_or_off(wrong: Any):
    with pytest.raises(SettingsError, match=r"class_names: .*'auto' or 'off'"):
        ProjectSettings().merged({"class_names": wrong})
    assert ProjectSettings().merged({"class_names": "off"}).model_dump(mode="json")["class_names"] == "off"
