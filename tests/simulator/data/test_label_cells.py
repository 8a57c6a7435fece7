"""Labels: one name for one class, and never the text of a list or an object."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from reviews import pairs

from simulator.data.data_error import DataError
from simulator.data.label_cells import labels_of
from simulator.data.rows import Rows

ROWS = Rows("mine.csv", "line", range(2, 100), {})


@pytest.mark.parametrize(
    ("cell", "label"),
    [
        ("good", "good"),
        (" good\u00a0", "good"),
        ("", None),
        (" \t", None),
        (None, None),
        (float("nan"), None),
        (1, "1"),
        (1.0, "1"),
        (0.5, "0.5"),
        (True, "true"),
        ("True", "True"),
        ("None", "None"),
        ("[draft]", "[draft]"),
        ("{x}", "{x}"),
        ("(none)", "(none)"),
        (["good"], "good"),
        (["['good']"], "good"),
        ([1.0], "1"),
        ([True], "true"),
        ([], None),
        ([""], None),
        ([None], None),
        ('["good"]', "good"),
        ("['good']", "good"),
        ("[]", None),
        ({"choices": ["good"]}, "good"),
        ({"choices": []}, None),
        ('{"choices": ["good"]}', "good"),
        ("{'choices': ['good']}", "good"),
        ('["sch\\u00f6n"]', "schön"),
        ({"taxonomy": [["Media", "Web"]]}, "Media / Web"),
        ([["Media"]], "Media"),
    ],
    ids=repr,
)
def test_a_cell_that_names_one_class_is_that_class(cell: object, label: str | None):
    assert labels_of(ROWS, ["other", cell]) == ["other", label]


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        (["good", "urgent"], r'\["good", "urgent"\]: several classes for one text cannot be simulated'),
        ({"choices": ["good", "urgent"]}, "several classes for one text cannot be simulated"),
        ('{"choices": ["good", "urgent"]}', "several classes for one text cannot be simulated"),
        ("['good', 'urgent']", "several classes for one text cannot be simulated"),
        ("['good' 'urgent']", r"the text of a list or an object of a program: write the name of one class"),
        ("('good',)", r"the text of a list or an object of a program"),
        ("b'good'", r"the text of a list or an object of a program"),
        ("<Choice object at 0x7f0>", r"the text of a list or an object of a program"),
        ("array(['good'], dtype=object)", r"the text of a list or an object of a program"),
        ("{'good'}", "write the name of one class"),
        ('{"choices": ["good"', "write the name of one class"),
        ("['good'", "write the name of one class"),
        ({"name": "good"}, r'\{"name": "good"\}: an object with name is no answer'),
        ({}, "no answer"),
        ({"choices": "good"}, '"good"'),
        (float("inf"), "Infinity"),
        (datetime(2026, 1, 2), "2026-01-02"),
        (b"good", "b'good'"),
        ("go\x00od", "with a character that cannot be shown"),
        ("go\ud800od", "with a character that cannot be shown"),
    ],
    ids=repr,
)
def test_any_other_cell_is_refused_with_its_row_and_what_it_holds(cell: object, reason: str):
    with pytest.raises(DataError, match=rf"^mine.csv: the label of line 3 is .*{reason}") as problem:
        labels_of(ROWS, ["other", cell])
    problem.value.args[0].encode()


@pytest.mark.parametrize("cells", [["a", "1", "2", "1.0"], ["a", 1, "2", "1.00"]])
def test_a_number_in_two_spellings_is_refused(cells: list[object]):
    with pytest.raises(DataError, match=r"the label of line 3 is 1 and that of line 5 is 1\.00?, the same number"):
        labels_of(ROWS, cells)


@pytest.mark.parametrize("name", ["mine.json", "mine.parquet", "mine.csv"])
def test_labels_that_are_lists_are_read_from_every_kind_of_file(tmp_path: Path, name: str):
    table = pd.DataFrame({"text": ["a", "b", "c"], "label": [["good"], ["bad"], np.array([], dtype=object)]})
    path = tmp_path / name
    if name == "mine.json":
        path.write_text(table.to_json(orient="records"))
    elif name == "mine.csv":
        table.to_csv(path, index=False)
    else:
        table.to_parquet(path)
    assert pairs(path) == [("a", "good"), ("b", "bad"), ("c", None)]


def test_numbers_of_a_column_with_gaps_keep_their_names(tmp_path: Path):
    table = pd.DataFrame({"text": ["a", "b", "c"], "label": [1, 2, None]})
    table.to_parquet(tmp_path / "mine.parquet")
    assert pairs(tmp_path / "mine.parquet") == [("a", "1"), ("b", "2"), ("c", None)]
    (tmp_path / "mine.json").write_text(json.dumps([{"text": "a", "label": 1}, {"text": "b", "label": 2.0}]))
    assert pairs(tmp_path / "mine.json") == [("a", "1"), ("b", "2")]


def test_two_classes_that_look_the_same_are_refused(tmp_path: Path):
    path = tmp_path / "mine.csv"
    path.write_text("text,label\na,good\nb,bad\u200f\nc,good\u200b\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"the label of line 4 looks like that of line 2, good, .* U\+200B in it"):
        pairs(path)
    path.write_text("text,label\na,good\nb,bad\u200f\n", encoding="utf-8")
    assert pairs(path) == [("a", "good"), ("b", "bad\u200f")]
