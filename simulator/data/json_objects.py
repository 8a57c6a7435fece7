"""The objects of JSON files: a list of objects, or one object on each line, whatever the file's ending."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulator.data.data_error import DataError
from simulator.data.encodings import LINE_BREAK, line_number, read_text
from simulator.data.shortened import shortened

DECODER = json.JSONDecoder(parse_constant=lambda name: None if name == "NaN" else float(name))
"""NaN is no JSON, and programs write it where there is no value."""
EXAMPLE = '{"text": "it broke", "label": "bad"}'


@dataclass(frozen=True)
class JsonObjects:
    """The objects of a file. unit, numbers: how each is counted, its "line" or its position in the list, from 1."""

    source: str
    unit: str
    numbers: Sequence[int]
    objects: Sequence[dict[str, Any]]


def read_json(path: Path) -> JsonObjects:
    """Read a file with a list of objects, or with one object on each line. Raises DataError."""
    text = read_text(path)
    beginning = text.lstrip()[:1]
    if not beginning:
        raise DataError(f"{path} is empty: give a list of objects such as {EXAMPLE}, or one object on each line")
    if beginning == "[":
        return _list(text, path)
    return _lines(text, path)


def _list(text: str, path: Path) -> JsonObjects:
    try:
        entries = DECODER.decode(text)
    except json.JSONDecodeError as problem:
        if _first_line_is_whole(text):
            return _lines(text, path)
        raise DataError(
            f"{path} is not valid JSON: {_where(text, problem)}. Correct it there; if the file ends "
            "there, it is incomplete: write or copy it again."
        ) from None
    except (ValueError, RecursionError) as problem:
        raise DataError(f"{path} is not valid JSON: {_reason(problem)}") from None
    if not entries:
        raise DataError(f"{path} holds an empty list: give a list of objects such as {EXAMPLE}")
    _check_objects(path, "item", range(1, len(entries) + 1), entries)
    return JsonObjects(str(path), "item", range(1, len(entries) + 1), entries)


def _lines(text: str, path: Path) -> JsonObjects:
    # A line break inside a string of JSON is escaped, so no line break that an editor shows is part of an object; other
    # separators, such as U+2028, may be.
    numbers, entries = [], []
    for number, line in enumerate(LINE_BREAK.split(text), start=1):
        if not line.strip():
            continue
        try:
            entries.append(DECODER.decode(line))
        except (ValueError, RecursionError) as problem:
            _refuse_if_one_value(text, path, is_first=not entries)
            raise DataError(
                f"{path}: line {number} is not valid JSON: {_reason(problem)}. It is: {shortened(line, 60)} Correct or "
                f"remove the line; each line has to hold one object such as {EXAMPLE}."
            ) from None
        numbers.append(number)
    _check_objects(path, "line", numbers, entries)
    if len(entries) == 1 and entries[0] and all(isinstance(value, (dict, list)) for value in entries[0].values()):
        raise _one_object(path)
    return JsonObjects(str(path), "line", numbers, entries)


def _refuse_if_one_value(text: str, path: Path, is_first: bool) -> None:
    """Raise DataError if the file is one object over several lines, or several of them."""
    if not is_first:
        return
    try:
        value, end = DECODER.raw_decode(text.lstrip())
    except (ValueError, RecursionError):
        return
    if not isinstance(value, dict) or not LINE_BREAK.search(text.lstrip()[:end]):
        return
    if not text.lstrip()[end:].strip():
        raise _one_object(path)
    raise DataError(f"{path}: the first object takes several lines: write each object on a line of its own, or a list")


def _one_object(path: Path) -> DataError:
    return DataError(
        f"{path} holds a single object: write a list of objects such as [{EXAMPLE}, …], or one object on each line "
        '(pandas: to_json(..., orient="records"))'
    )


def _first_line_is_whole(text: str) -> bool:
    try:
        DECODER.decode(LINE_BREAK.split(text.lstrip(), maxsplit=1)[0])
    except (ValueError, RecursionError):
        return False
    return True


def _check_objects(path: Path, unit: str, numbers: Sequence[int], entries: Sequence[Any]) -> None:
    for number, entry in zip(numbers, entries, strict=True):
        if not isinstance(entry, dict):
            raise DataError(f"{path}: {unit} {number} is {shortened(entry)}, not an object such as {EXAMPLE}")


def _where(text: str, problem: json.JSONDecodeError) -> str:
    line = line_number(text, problem.pos)
    return f"line {line}: {_reason(problem)}"


def _reason(problem: Exception) -> str:
    if isinstance(problem, json.JSONDecodeError):
        return f"{problem.msg} at column {problem.colno}"
    if isinstance(problem, RecursionError):
        return "lists or objects are nested too deeply"
    return "a number has too many digits"
