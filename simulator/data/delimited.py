"""Rows of CSV and TSV files: the separator is found in the header, and every row has to have the header's cells."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from simulator.data.counted import counted
from simulator.data.data_error import DataError
from simulator.data.encodings import read_text
from simulator.data.rows import Rows, rows_of_cells
from simulator.data.shortened import shortened

SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar"}
"""Separator → its name, the more frequent ones first."""
USUAL_SEPARATOR = {".csv": ",", ".tsv": "\t"}
EXCEL_SEPARATOR = re.compile(r'"?sep=(.)"?(\r\n|\n|\r)', re.IGNORECASE)
"""The first line of a file for Excel may name the separator."""
MOST_OF_HEADER = 100_000
MOST_CELLS_SHOWN = 6


def read_delimited(path: Path, wanted: Collection[str]) -> Rows:
    """Read a CSV or TSV file; all values are strings, and a row has the number of the line on which it begins.

    wanted: names of columns that decide between two possible separators. Raises DataError for a file that is empty or
    whose rows do not have the header's cells, with the line.
    """
    text = read_text(path)
    if not text.strip():
        raise DataError(f"{path} is empty: give a header and rows below it")
    declared = EXCEL_SEPARATOR.match(text)
    lines_before = 1 if declared else 0
    text = text[declared.end() :] if declared else text
    with _cells_of_any_length(text):
        separator = declared[1] if declared else _separator(text, wanted)
        records = _records(text, separator, lines_before, path)
        header_line, header = next(records, (1, []))
        names = [name.strip() for name in header]
        numbers, rows = _rows(records, separator, header_line, names, path)
    is_usual = separator == USUAL_SEPARATOR.get(path.suffix.lower())
    notes = () if is_usual else (f"the cells are separated by the {_name(separator)}",)
    return rows_of_cells(str(path), "line", numbers, names, rows, wanted, notes)


@contextmanager
def _cells_of_any_length(text: str) -> Iterator[None]:
    # The limit of the csv module, 131,072 characters, is one for the whole process.
    limit = csv.field_size_limit(max(len(text) + 1, csv.field_size_limit()))
    try:
        yield
    finally:
        csv.field_size_limit(limit)


def _records(text: str, separator: str, lines_before: int, path: Path) -> Iterator[tuple[int, list[str]]]:
    """The line on which each record begins, and its cells; blank ones are left out. Raises DataError."""
    # strict: otherwise a quote that is never closed takes the rest of the file into one cell.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True, skipinitialspace=True)
    begins = lines_before + 1
    try:
        for cells in reader:
            if any(cells):
                yield begins, cells
            begins = lines_before + reader.line_num + 1
    except csv.Error as problem:
        ends = lines_before + reader.line_num
        if "unexpected end" in str(problem):
            what = f"the row that begins on line {begins} has a quote that is never closed. Close it"
        else:
            where = f"line {ends}" if ends == begins else f"the row that begins on line {begins}, on line {ends}"
            what = f"{where}: something other than the {_name(separator)} follows a closing quote"
        raise DataError(
            f'{path}: {what}. A quote inside a quoted text is written twice: "he said ""no"" to me".'
        ) from None


def _rows(
    records: Iterator[tuple[int, list[str]]], separator: str, header_line: int, names: Sequence[str], path: Path
) -> tuple[list[int], list[list[str]]]:
    numbers, rows, width = [], [], len(names)
    for number, cells in records:
        if len(cells) != width:
            if not any(cell.strip() for cell in cells):
                continue
            raise DataError(
                f"{path}: line {number} has {counted(len(cells), 'cell')} ({_shown(cells)}), and the header on line "
                f"{header_line} has {width} ({_shown(names)}). {_remedy(separator, names, cells)}"
            )
        numbers.append(number)
        rows.append(cells)
    return numbers, rows


def _remedy(separator: str, names: Sequence[str], cells: Sequence[str]) -> str:
    name = _name(separator)
    if len(names) == 1:
        return "The separator was not found: write a header with a column for the text and one for the label."
    if len(cells) > len(names):
        example = f'"one{separator} two"'
        at_the_end = "" if cells[-1].strip() else f"Remove the {name} at the end of the row. "
        return f"{at_the_end}A {name} inside a text has to be quoted: {example}."
    return "Write all cells of the row, empty ones too; a line break inside a text has to be quoted."


def _separator(text: str, wanted: Collection[str]) -> str:
    """The separator with which the header has most of the wanted columns, then the one with most columns."""

    def columns(separator: str) -> tuple[int, int]:
        reader = csv.reader(io.StringIO(text[:MOST_OF_HEADER], newline=""), delimiter=separator, skipinitialspace=True)
        try:
            names = [name.strip() for name in next((cells for cells in reader if any(cells)), [])]
        except csv.Error:
            return 0, 0
        return len(set(names) & set(wanted)), len(names)

    return max(SEPARATORS, key=columns)


def _name(separator: str) -> str:
    return SEPARATORS.get(separator, repr(separator))


def _shown(cells: Sequence[str]) -> str:
    more = " | …" if len(cells) > MOST_CELLS_SHOWN else ""
    return " | ".join(shortened(cell) for cell in cells[:MOST_CELLS_SHOWN]) + more
