"""Rows of Excel workbooks."""

from __future__ import annotations

import io
import warnings
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import openpyxl
from openpyxl.utils.escape import unescape

from simulator.data.data_error import DataError
from simulator.data.encodings import opened
from simulator.data.rows import Rows, rows_of_cells

ERROR_VALUES = {"#DIV/0!", "#N/A", "#NAME?", "#NULL!", "#NUM!", "#REF!", "#VALUE!", "#SPILL!", "#CALC!"}


def read_workbook(path: Path, wanted: Collection[str]) -> Rows:
    """Read the sheet of a workbook (.xlsx) that has the wanted columns; rows have the numbers that Excel shows.

    wanted: names of the columns that are read. Raises DataError for a broken file, for several sheets with these
    columns, and for a cell in them that holds an error such as #N/A.
    """
    with opened(path) as file, warnings.catch_warnings():
        # They are about styles and drop-down lists, which are not read.
        warnings.simplefilter("ignore")
        try:
            cells = _cells_by_sheet(file.read())
        except Exception as problem:
            raise DataError(
                f"{path} cannot be read as an Excel workbook: {str(problem).rstrip('.')}. It may be incomplete, "
                "protected by a password, of an old Excel (.xls) or of another kind: save it as .xlsx or as CSV UTF-8."
            ) from problem
    title = _sheet_with_wanted_columns(path, cells, wanted)
    notes = (f"the sheet {title!r} is read",) if len(cells) > 1 else ()
    return _rows(path, cells[title], wanted, notes)


Cells = Sequence[tuple[int, tuple[Any, ...]]]
"""The rows of a sheet that are not blank, with their numbers; the first one is the header."""


def _cells_by_sheet(content: bytes) -> dict[str, Cells]:
    workbook = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True)
    try:
        cells: dict[str, Cells] = {}
        for sheet in workbook.worksheets:
            # Programs write wrong dimensions, and rows outside of them would not be read.
            sheet.reset_dimensions()
            rows = enumerate(sheet.iter_rows(values_only=True), start=1)
            filled = [
                (number, tuple(map(_value, row))) for number, row in rows if any(cell is not None for cell in row)
            ]
            if filled:
                cells[sheet.title] = filled
        return cells
    finally:
        workbook.close()


def _value(cell: Any) -> Any:
    # Workbooks hold characters that XML cannot, such as the carriage return of a Windows line break, as _x000D_.
    return unescape(cell) if isinstance(cell, str) else cell


def _sheet_with_wanted_columns(path: Path, cells: Mapping[str, Cells], wanted: Collection[str]) -> str:
    """The sheet with most of the wanted columns. Raises DataError if there is none, or several with the same number."""
    if not cells:
        raise DataError(f"{path} is empty: give a header and rows below it")
    count = {title: len(set(_names(rows)) & set(wanted)) for title, rows in cells.items()}
    best = [title for title in cells if count[title] == max(count.values())]
    if len(best) > 1 and count[best[0]]:
        raise DataError(
            f"{path} has {len(best)} sheets with these columns, {' and '.join(map(repr, best))}: put all rows into one "
            "sheet, or save each sheet as a file"
        )
    return best[0]


def _names(cells: Cells) -> list[str]:
    return ["" if cell is None else str(cell).strip() for cell in cells[0][1]]


def _rows(path: Path, cells: Cells, wanted: Collection[str], notes: tuple[str, ...]) -> Rows:
    numbers = [number for number, _ in cells[1:]]
    rows = rows_of_cells(str(path), "row", numbers, _names(cells), [row for _, row in cells[1:]], wanted, notes)
    for name in rows.columns.keys() & set(wanted):
        for position, value in enumerate(rows.columns[name]):
            if isinstance(value, str) and value in ERROR_VALUES:
                raise DataError(
                    f"{path}: {rows.place(position)} holds the error {value} in the column {name!r}: correct its "
                    "formula"
                )
    return rows
