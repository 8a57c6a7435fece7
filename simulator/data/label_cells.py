"""Class names from the cells of a label column; what is not the name of one class is refused."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from ml_backend.labelstudio.answers import Answer
from ml_backend.labelstudio.export_config import answers_of_cells
from simulator.data.data_error import DataError
from simulator.data.rows import Rows
from simulator.data.shortened import shortened

TEXT_OF_A_VALUE = re.compile(r"""[\[({]\s*['"\[{]|b['"]|<[\w. ]+ object at 0x|[\w.]+\(\s*['"\[{]""")
"""How the text of a list, an object or another value of a program begins."""
WHOLE_FLOAT = re.compile(r"([+-]?\d+)\.0+")
NOT_SHOWN = re.compile(r"[\x00-\x08\x0e-\x1f\x7f\ud800-\udfff]")

INVISIBLE = re.compile(r"[\u00ad\u200b\u200e\u200f\u2060\ufeff]")


def labels_of(rows: Rows, cells: Sequence[Any]) -> list[str | None]:
    """The class that each cell of a column names, None for a blank one, an empty list or NaN.

    Truth values have the name that JSON gives them, a number that of its digits, without the zero of 1.0, and a list of
    one is its element. Raises DataError, with the row, for a cell that names no class or several.
    """
    prepared = [_prepared(cell) for cell in cells]
    keys = [cell if isinstance(cell, str) else _key(cell) for cell in prepared]
    distinct = dict(zip(keys, prepared, strict=True))
    answers = dict(zip(distinct, answers_of_cells(list(distinct.values())), strict=True))
    problems = {key: _problem(distinct[key], answer) for key, answer in answers.items()}
    for position, key in enumerate(keys):
        if problems[key] is not None:
            raise DataError(f"{rows.source}: the label of {rows.place(position)} {problems[key]}")
    name_of = {key: answer.classes[0] if answer.classes else None for key, answer in answers.items()}
    labels = [name_of[key] for key in keys]
    _check_numbers(rows, labels)
    _check_invisible(rows, labels)
    return labels


def _prepared(cell: Any) -> Any:
    if isinstance(cell, list) and len(cell) == 1 and not isinstance(cell[0], (list, dict)):
        return _prepared(cell[0])
    if isinstance(cell, bool):
        return json.dumps(cell)
    return float(cell) if isinstance(cell, Decimal) else cell


def _key(cell: Any) -> tuple[str, str]:
    return type(cell).__name__, repr(cell)


def _problem(cell: Any, answer: Answer) -> str | None:
    """Why a cell does not name one class, as the end of a sentence."""
    shown = shortened(cell)
    classes = answer.classes or ()
    if answer.problem is not None:
        return f"is {shown}: {answer.problem}"
    if len(classes) > 1:
        return (
            f"is {shown}: several classes for one text cannot be simulated. Write the name of one class, or leave out "
            "the rows with several"
        )
    if any(NOT_SHOWN.search(name) for name in classes):
        return f"is {shown}, with a character that cannot be shown: write the name of one class"
    is_joined = isinstance(cell, str) and any(not _is_written_in(name, cell) for name in classes)
    if is_joined or any(is_text_of_value(name) for name in classes):
        return f"is {shown}, the text of a list or an object of a program: write the name of one class"
    return None


def is_text_of_value(name: str) -> bool:
    """Whether a class has the text of a list, an object or another value of a program as its name."""
    return TEXT_OF_A_VALUE.match(name) is not None


def _is_written_in(name: str, cell: str) -> bool:
    """Whether a class is in the cell as it is written there: Python joins the strings of ['good' 'bad']."""
    parts = [name, json.dumps(name)[1:-1], json.dumps(name, ensure_ascii=False)[1:-1]]
    return any(part in cell for part in parts) or all(part.strip() in cell for part in name.split(" / "))


def _check_invisible(rows: Rows, labels: Sequence[str | None]) -> None:
    """Raise DataError if two classes look the same, because one has a character that nobody sees."""
    names = {label for label in labels if label is not None}
    for name in sorted(names):
        hidden = INVISIBLE.search(name)
        seen = INVISIBLE.sub("", name).strip()
        if hidden and seen in names:
            one, other = (rows.place(labels.index(label)) for label in (name, seen))
            raise DataError(
                f"{rows.source}: the label of {one} looks like that of {other}, {shortened(seen)}, and has the "
                f"invisible character U+{ord(hidden[0]):04X} in it: remove it"
            )


def _check_numbers(rows: Rows, labels: Sequence[str | None]) -> None:
    """Raise DataError if one number is a class in two spellings, 1 and 1.0: programs write both for one class."""
    names = {label for label in labels if label is not None}
    for name in sorted(names):
        whole = WHOLE_FLOAT.fullmatch(name)
        if whole and whole[1] in names:
            one, other = (rows.place(labels.index(label)) for label in (whole[1], name))
            raise DataError(
                f"{rows.source}: the label of {one} is {whole[1]} and that of {other} is {name}, the same number: "
                "write all of them in one way"
            )
