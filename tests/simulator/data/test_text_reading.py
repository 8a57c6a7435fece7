"""Texts of rows are those that the live service would read from a task with the same data."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from reviews import pairs, read

from ml_backend.labelstudio.label_config import LabelConfig, parse
from ml_backend.labelstudio.texts import BadTask, task_text
from simulator.data.data_error import DataError
from simulator.data.text_reading import text_of_value

CHOICES = '<Choices name="label" toName="t"><Choice value="good"/><Choice value="bad"/></Choices>'
VALUES = [
    "it works",
    " it works\u00a0",
    "a\x00b\x0bc\ud800d",
    "x" * 100_000,
    "see https://example.org/a: it works",
    "<p>it &amp; works</p>",
    "日本語 text",
    "word",
    "7",
    "a/b",
    "…",
    "ends with \x7f",
    "\x1fbegins",
    "",
    " ",
    None,
    7,
    7.5,
    True,
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: repr(value)[:30])
def test_a_value_is_read_as_the_tag_text_shows_it(value: Any):
    shown = parse(f'<View><Text name="t" value="$text"/>{CHOICES}</View>')
    try:
        expected = task_text({"text": value}, shown)
    except BadTask:
        expected = ""
    assert text_of_value(value) == expected


def test_a_list_of_turns_is_read_as_a_dialogue(tmp_path: Path):
    turns = [{"author": "A", "text": "does it work?"}, {"author": "B", "text": "it\x00 does"}]
    shown = parse(f'<View><Paragraphs name="t" value="$chat"/>{CHOICES}</View>')
    path = tmp_path / "mine.json"
    path.write_text(json.dumps([{"chat": turns, "label": "good"}]))
    assert pairs(path, text="chat") == pairs(path, label_config=shown) == [(task_text({"chat": turns}, shown), "good")]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("s3://bucket/text.txt", "holds a link"),
        ({"title": "a"}, r"the text holds an object, .*; name a part of it with --text-column\."),
        ("x" * 100_001, "is longer than 100,000 characters"),
        ([1, {"author": "A"}], "the text is a list, and not one of turns"),
        (
            [{"role": "user", "content": "hi"}],
            "the first turn has no 'author', .*; give the label config .*--label-config",
        ),
    ],
)
def test_a_value_that_the_service_refuses_is_refused_with_its_row(tmp_path: Path, value: Any, reason: str):
    path = tmp_path / "mine.json"
    path.write_text(json.dumps([{"text": "it works", "label": "good"}, {"text": value, "label": "bad"}]))
    with pytest.raises(DataError, match=rf"mine.json: the text of item 2 cannot be used: .*{reason}"):
        read(path)


@pytest.mark.parametrize("config", [None, parse(f'<View><Text name="t" value="$text"/>{CHOICES}</View>')])
@pytest.mark.parametrize(
    ("value", "kind"), [(b"it works", "of the type bytes"), (datetime(2026, 1, 2), "a date or time")], ids=type
)
def test_a_value_that_json_does_not_have_is_no_empty_text(
    tmp_path: Path, value: object, kind: str, config: LabelConfig | None
):
    path = tmp_path / "mine.parquet"
    pd.DataFrame({"text": [value], "label": ["good"]}).to_parquet(path)
    with pytest.raises(
        DataError, match=f"the text of row 1 cannot be used: the text is {kind}, not a string; store it"
    ):
        read(path, label_config=config)


def test_blank_texts_are_blank_whatever_they_hold(tmp_path: Path):
    path = tmp_path / "mine.json"
    path.write_text(json.dumps([{"text": value, "label": "good"} for value in (None, "", " ", "\x00", float("nan"))]))
    assert read(path)["text"].tolist() == [""] * 5
    shown = parse(f'<View><Text name="t" value="$text"/>{CHOICES}</View>')
    assert read(path, label_config=shown)["text"].tolist() == [""] * 5
