"""Reads texts from a file or from standard input: a text per line, or a column of CSV, TSV or JSON lines."""

from __future__ import annotations

import codecs
import csv
import io
import json
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, TextIO

FORMATS = {".csv": "csv", ".tsv": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl"}
"""Ending of a file, in lower case, to its format; every other file has a text per line."""
NOT_TEXT = {".xlsx", ".xls", ".ods", ".json", ".parquet", ".docx", ".pdf", ".zip", ".gz"}
DELIMITERS = {"csv": ",;\t|", "tsv": "\t"}
UNDECODED = re.compile("[\udc80-\udcff]")


class UnreadableInput(ValueError):
    """The input cannot be read; the message says why and what to do."""


@dataclass(frozen=True)
class Row:
    """A row of the input.

    place: where it is, such as "line 3"; texts: one per field, empty if there is a problem; problem: why it cannot be
    read, or None.
    """

    place: str
    texts: tuple[str, ...]
    problem: str | None = None


def format_of(path: Path | None, given: str | None, columns: Sequence[str]) -> str:
    """`lines`, `csv`, `tsv` or `jsonl`.

    path: None for standard input; given: the format that was asked for; columns: those that were asked for.
    Raises UnreadableInput.
    """
    ending = path.suffix.lower() if path is not None else ""
    if given is None and ending in NOT_TEXT:
        raise UnreadableInput(f"{ending} files cannot be read: save the texts as .csv, .jsonl or one per line")
    chosen = given or FORMATS.get(ending, "lines")
    if chosen == "lines" and columns:
        raise UnreadableInput("--column is for CSV, TSV and JSON lines: name the format, for example with --format csv")
    return chosen


@contextmanager
def opened(path: Path | None, encoding: str | None) -> Iterator[TextIO]:
    """The input as text, standard input if path is None; bytes that cannot be decoded become lone surrogates.

    encoding: by default UTF-8, or UTF-16 if the input starts with its byte order mark. Raises UnreadableInput.
    """
    try:
        binary: Any = path.open("rb") if path is not None else sys.stdin.buffer
        # Looked at without reading, as standard input cannot be rewound.
        is_utf_16 = binary.peek(2)[:2] in (b"\xff\xfe", b"\xfe\xff")
        name = encoding or ("utf-16" if is_utf_16 else "utf-8")
        name = "utf-8-sig" if codecs.lookup(name).name == "utf-8" else name
        text = io.TextIOWrapper(binary, encoding=name, errors="surrogateescape", newline="")
    except LookupError:
        raise UnreadableInput(f"there is no encoding {encoding!r}: try cp1252, latin-1 or utf-16") from None
    except OSError as problem:
        raise UnreadableInput(f"{path or 'standard input'} cannot be read: {problem.strerror or problem}") from None
    with text:
        try:
            yield text
        except UnicodeDecodeError as problem:
            raise UnreadableInput(f"the input is not {name}: {problem.reason}; name its --encoding") from None


def rows(text: TextIO, form: str, columns: Sequence[str], fields: Sequence[str]) -> Iterator[Row]:
    """The rows of the input.

    form: result of `format_of`; columns: the columns that hold the fields, in their order; empty: those with the
    fields' names. Raises UnreadableInput, before or while rows are read.
    """
    if columns and len(columns) != len(fields):
        raise UnreadableInput(
            f"the model reads {_count(len(fields), 'field')} ({', '.join(fields)}): give --column as many times, in "
            "this order"
        )
    if form == "lines":
        if len(fields) > 1:
            raise UnreadableInput(
                f"the model reads {len(fields)} fields ({', '.join(fields)}), and a line is only one: give a .csv or "
                ".jsonl file with a column for each, or --format csv"
            )
        return _of_lines(text)
    if form == "jsonl":
        return _of_json_lines(text, columns or fields)
    return _of_table(text, columns or fields, DELIMITERS[form])


def _of_lines(text: TextIO) -> Iterator[Row]:
    for number, line in enumerate(text, start=1):
        yield _row(f"line {number:,}", (line.rstrip("\r\n"),), text.encoding)


def _of_json_lines(text: TextIO, columns: Sequence[str]) -> Iterator[Row]:
    for number, line in enumerate(text, start=1):
        if line.strip():
            row = _row(f"line {number:,}", (line,), text.encoding)
            yield row if row.problem else _of_json(row.place, line, columns)


def _of_json(place: str, line: str, columns: Sequence[str]) -> Row:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as problem:
        return Row(place, (), f"it is not JSON: {problem}")
    if isinstance(value, str) and len(columns) == 1:
        return Row(place, (value,))
    if not isinstance(value, dict):
        return Row(place, (), f"it is not a JSON object but {_kind(value)}")
    texts = []
    for column in columns:
        if column not in value:
            return Row(place, (), f"it has no {column!r} but {_names(value)}; name yours with --column")
        cell = value[column]
        if isinstance(cell, int) and not isinstance(cell, bool):
            cell = str(cell)
        if not isinstance(cell, str | None):
            return Row(place, (), f"{column!r} holds {_kind(cell)} instead of a text")
        texts.append(cell or "")
    return Row(place, tuple(texts))


def _of_table(text: TextIO, columns: Sequence[str], delimiters: str) -> Iterator[Row]:
    reader, header = _header(iter(text), columns, delimiters)
    positions = [header.index(column) for column in columns]

    def of_reader() -> Iterator[Row]:
        while True:
            # A row with line breaks in its cells is named by its first line.
            place = f"line {reader.line_num + 1:,}"
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as problem:
                yield Row(place, (), f"a quoted cell has no proper end ({problem}); the rows from here on are not read")
                return
            if cells and len(cells) <= max(positions):
                yield Row(place, (), f"it has {_count(len(cells), 'cell')}, and the header {len(header)}")
            elif cells:
                yield _row(place, tuple(cells[position] for position in positions), text.encoding)

    return of_reader()


def _header(lines: Iterator[str], columns: Sequence[str], delimiters: str) -> tuple[Any, list[str]]:
    """A reader, positioned after the header, with the delimiter that finds all columns in it; and the header."""
    csv.field_size_limit(2**31 - 1)
    consumed: list[str] = []

    def recorded() -> Iterator[str]:
        for line in lines:
            consumed.append(line)
            yield line

    longest: list[str] = []
    for delimiter in delimiters:
        reader = csv.reader(chain(list(consumed), recorded()), delimiter=delimiter, strict=True)
        try:
            header = next(reader, [])
        except csv.Error:
            continue
        if set(columns) <= set(header):
            return reader, header
        longest = max(longest, header, key=len)
    if not longest:
        raise UnreadableInput(f"the input has no header: its first line must name the column {_names(columns)}")
    missing = [column for column in columns if column not in longest]
    raise UnreadableInput(
        f"the header, the first line, has no column {_names(missing)} but {_names(longest)}; name yours with --column"
    )


def _row(place: str, texts: tuple[str, ...], encoding: str) -> Row:
    if any(UNDECODED.search(text) for text in texts):
        name = encoding.upper().removesuffix("-SIG")
        return Row(place, (), f"it is not {name}; name the encoding, as in --encoding cp1252")
    return Row(place, texts)


def _kind(value: Any) -> str:
    kinds = {dict: "an object", list: "a list", bool: "true or false", int: "a number", float: "a number with a point"}
    return "null" if value is None else kinds.get(type(value), "a text")


def _names(names: Sequence[str] | dict[str, Any]) -> str:
    shown = ", ".join(repr(name) for name in list(names)[:20])
    return f"{shown} …" if len(names) > 20 else shown or "nothing"


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
