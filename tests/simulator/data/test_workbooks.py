"""Excel workbooks: the sheet with the columns is read, and rows have the numbers that Excel shows."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from reviews import REVIEWS, pairs, read

from simulator.data.columns import Columns
from simulator.data.data_error import DataError
from simulator.data.sources import read_file

HEADER = ["text", "label"]


def workbook(folder: Path, **sheets: list[list[Any]]) -> Path:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    path = folder / "mine.xlsx"
    book.save(path)
    return path


def test_a_sheet_is_read_with_the_numbers_of_its_rows(tmp_path: Path):
    path = workbook(tmp_path, Sheet=[[], [" text ", "label", None], *map(list, REVIEWS), [], ["it leaks", "bad", "x"]])
    table = read(path)
    assert list(zip(table["text"], table["label"], strict=True)) == [*REVIEWS, ("it leaks", "bad")]
    assert (table.index.name, table.index.tolist()) == ("row", [*range(3, 23), 24])
    upper = path.rename(tmp_path / "MINE.XLSX")
    assert read(upper).equals(table)


def test_cells_that_are_not_strings_have_their_text(tmp_path: Path):
    path = workbook(tmp_path, Sheet=[HEADER, ["a", 1], ["b", 2.0], ["c", True], ["d", None]])
    assert pairs(path) == [("a", "1"), ("b", "2"), ("c", "true"), ("d", None)]


def test_escaped_characters_are_those_that_excel_shows(tmp_path: Path):
    rows = [HEADER, ["one_x000D_\ntwo", "good_x000D_"], ["a_x0007_b and _x005F_x000D_", "bad"]]
    assert pairs(workbook(tmp_path, Sheet=rows)) == [("one\r\ntwo", "good"), ("ab and _x000D_", "bad")]


def test_of_several_sheets_the_one_with_the_columns_is_read_and_said(tmp_path: Path):
    path = workbook(tmp_path, About=[["by", "me"]], Data=[HEADER, ["a", "x"]], Empty=[])
    found = read_file(path, Columns())
    assert (found.table["text"].tolist(), found.notes) == (["a"], ("the sheet 'Data' is read",))


@pytest.mark.parametrize(
    ("sheets", "reason"),
    [
        ({"A": [HEADER, ["a", "x"]], "B": [HEADER, ["b", "y"]]}, "has 2 sheets with these columns, 'A' and 'B'"),
        ({"A": []}, "mine.xlsx is empty"),
        ({"A": [["text", "kind"], ["a", "x"]]}, "no column 'label'; it has: text, kind"),
        ({"A": [[*HEADER, "text"], ["a", "x", "b"]]}, "2 columns with the name 'text'"),
        ({"A": [HEADER, ["a", "x"], ["b", "#N/A"]]}, "row 3 holds the error #N/A in the column 'label'"),
        ({"A": [HEADER, ["a", datetime(2026, 1, 2)]]}, r"the label of row 2 is .*2026-01-02 00:00:00"),
    ],
)
def test_a_workbook_that_cannot_be_used_is_refused(tmp_path: Path, sheets: dict[str, list], reason: str):
    with pytest.raises(DataError, match=reason):
        pairs(workbook(tmp_path, **sheets))


def test_a_broken_workbook_is_named_with_what_to_do(tmp_path: Path):
    (tmp_path / "mine.xlsx").write_bytes(b"\xd0\xcf\x11\xe0 an old workbook")
    with pytest.raises(
        DataError, match=r"mine.xlsx cannot be read as an Excel workbook: .*save it as .xlsx or as CSV UTF-8"
    ):
        pairs(tmp_path / "mine.xlsx")
