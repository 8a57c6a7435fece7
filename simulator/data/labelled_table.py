"""A table of texts and labels, from the rows of any kind of file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ml_backend.labelstudio.answers import answer
from ml_backend.labelstudio.label_config import LabelConfig
from ml_backend.labelstudio.texts import MOST_CHARACTERS, BadTask, LongText
from simulator.data.columns import RENAMED_FIELD, Columns, check_text_columns, label_column, top_of, values_at
from simulator.data.data_error import DataError
from simulator.data.label_cells import labels_of
from simulator.data.left_out import LeftOut
from simulator.data.rows import Rows
from simulator.data.shortened import shortened
from simulator.data.text_reading import TextReader, note_on_markup, text_of_value

LONG_TEXT = ("row", f"with a text of more than {MOST_CHARACTERS:,} characters")


@dataclass(frozen=True)
class LabelledTable:
    """Texts with labels.

    table: the columns text ("" where it is blank), label (None where there is none) and, if the file has them,
    text_pair and split; the index has the numbers of the rows in the file, and its name is what they count, such as
    "line". notes: what was chosen and what was left out, as sentences.
    """

    table: pd.DataFrame
    notes: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, unit: str, numbers: Sequence[int], columns: Mapping[str, Sequence[Any]], notes: tuple[str, ...]
    ) -> LabelledTable:
        """A table of columns of equal length."""
        # As objects: a column of text of pandas takes no lone surrogates, and the table only carries the values.
        return cls(pd.DataFrame(columns, index=pd.Index(numbers, name=unit), dtype=object), notes)


def table_of_rows(
    rows: Rows, columns: Columns, unusable: dict[int, str] | None = None, drop_long: bool = False
) -> LabelledTable:
    """Read the texts and labels of rows. Raises DataError for a missing column, and for a row that cannot be read.

    unusable: if given, a text that cannot be used is no error but "", and its reason is put here under its position;
    drop_long: whether rows with a text that is too long are left out instead of raising an error.
    """
    long: set[int] | None = set() if drop_long else None
    check_text_columns(columns, rows)
    name = label_column(columns, rows)
    if name in columns.texts and f"{RENAMED_FIELD}{name}" not in rows.columns:
        raise DataError(f"{rows.source}: the column {name!r} would be both text and label: name another one")
    texts = _texts(rows, columns, unusable, long)
    read: dict[str, Sequence[Any]] = {"text": texts, "label": _labels(rows, name, columns.label_config)}
    pairs = values_at(rows, columns.text_pair)
    if pairs is not None and columns.label_config is None:
        read["text_pair"] = _checked(rows, pairs, text_of_value, "second text", unusable, long)
    splits = values_at(rows, columns.split)
    if splits is not None:
        read["split"] = splits
    notes = (*rows.notes, *note_on_markup(texts, columns))
    if not long:
        return LabelledTable.of(rows.unit, rows.numbers, read, notes)
    left_out = LeftOut()
    for position in sorted(long):
        left_out.add(LONG_TEXT, rows.place(position))
    kept = [position for position in range(len(rows)) if position not in long]
    read = {name: [values[position] for position in kept] for name, values in read.items()}
    return LabelledTable.of(rows.unit, [rows.numbers[i] for i in kept], read, (*notes, *left_out.notes()))


def _texts(rows: Rows, columns: Columns, unusable: dict[int, str] | None, long: set[int] | None) -> list[str]:
    if columns.label_config is None:
        renamed = rows.columns.get(f"{RENAMED_FIELD}{columns.text}")
        return _checked(rows, renamed or values_at(rows, columns.text) or (), text_of_value, "text", unusable, long)
    # The columns of a row that texts are made of, under the names that they have as fields of a task.
    read = {name for field in columns.texts for name in (field, top_of(field))}
    names = [name for name in rows.columns if name.removeprefix(RENAMED_FIELD) in read]
    names.sort(key=lambda name: name.startswith(RENAMED_FIELD))
    fields = {name.removeprefix(RENAMED_FIELD): rows.columns[name] for name in names}
    data = [dict(zip(fields, values, strict=True)) for values in zip(*fields.values(), strict=True)]
    return _checked(rows, data, TextReader(columns).text, "text", unusable, long)


def _checked(
    rows: Rows,
    values: Sequence[Any],
    read: Callable[[Any], str],
    what: str,
    unusable: dict[int, str] | None,
    long: set[int] | None,
) -> list[str]:
    """The texts of these values. long: if given, the positions of texts that are too long are put here."""
    texts = []
    for position, value in enumerate(values):
        try:
            texts.append(read(value))
        except BadTask as problem:
            if unusable is not None:
                unusable[position] = str(problem)
                texts.append("")
                continue
            is_long = isinstance(problem, LongText)
            if is_long and long is not None:
                long.add(position)
                texts.append("")
                continue
            remedy = "Correct or remove the row" + (", or leave out such rows with --drop-long" if is_long else "")
            raise DataError(
                f"{rows.source}: the {what} of {rows.place(position)} cannot be used: {problem}. {remedy}."
            ) from None
    return texts


def _labels(rows: Rows, name: str, config: LabelConfig | None) -> list[str | None]:
    values = values_at(rows, name) or ()
    if config is None:
        return labels_of(rows, values)
    # The name of a class of the label config is that class, even if it looks like a list or is a number.
    classes = [v.strip() if isinstance(v, str) and v.strip() in config.paths else None for v in values]
    others = labels_of(rows, [value if own is None else None for value, own in zip(values, classes, strict=True)])
    names = [other if own is None else own for own, other in zip(classes, others, strict=True)]
    class_of = {label: _class_in_config(label, config) for label in dict.fromkeys(names) if label is not None}
    for position, label in enumerate(names):
        if label is not None and class_of[label] is None:
            raise DataError(
                f"{rows.source}: the label of {rows.place(position)} is {shortened(label)}, which is no class of "
                f"{config.control!r} in the label config; its classes: {shortened(', '.join(config.classes), 200)}"
            )
    return [None if label is None else class_of[label] for label in names]


def _class_in_config(label: str, config: LabelConfig) -> str | None:
    if label in config.paths:
        return label
    kind = config.control_tag.lower()
    choice = [label] if kind == "taxonomy" else label
    given = answer([{"from_name": config.control, "type": kind, "value": {kind: [choice]}}], config)
    return given.classes[0] if given.classes else None
