"""Which columns or fields of a file hold the text, the label and the split."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ml_backend.labelstudio.label_config import LabelConfig
from ml_backend.labelstudio.value_templates import MISSING, lookup
from simulator.data.data_error import DataError
from simulator.data.rows import Rows
from simulator.data.shortened import shortened

DEFAULT_TEXT = "text"
DEFAULT_LABEL = "label"
MOST_OF_NAMES = 500
"""Characters of a list of columns in a message."""
RENAMED_FIELD = "_data_"
"""In Label Studio's CSV export, before the name of a field whose name a control has too."""


@dataclass(frozen=True)
class Columns:
    """Names of the columns of a file, or of the fields of a task; a file need not have text_pair and split.

    A name such as `meta.title` is the key `title` of the object in `meta`, if there is no column of the whole name.
    control: for files of Label Studio, the control that holds the label, None if there is only one; label_config: makes
    texts and answers be read as the live service reads those of a project with this label config.
    """

    text: str = DEFAULT_TEXT
    text_pair: str = "text_pair"
    label: str = DEFAULT_LABEL
    split: str = "split"
    control: str | None = None
    label_config: LabelConfig | None = None

    @property
    def texts(self) -> tuple[str, ...]:
        """The columns that texts are made of, without that of the second text of a pair."""
        return self.label_config.fields if self.label_config is not None else (self.text,)

    @property
    def labels(self) -> tuple[str, ...]:
        """The columns that may hold the label; the first one that a file has is taken."""
        if self.label != DEFAULT_LABEL:
            return (self.label,)
        # `label` may be a field of the tasks: the column of the control comes first, and one that was named and that no
        # label config confirms has no substitute.
        if self.label_config is not None:
            return tuple(dict.fromkeys((self.label_config.control, self.label)))
        return (self.label,) if self.control is None else (self.control,)

    @property
    def all(self) -> tuple[str, ...]:
        """All columns that are read."""
        return tuple(dict.fromkeys((*self.texts, *self.labels, self.text_pair, self.split)))

    def check(self) -> None:
        """Raise DataError if one column is to be read as two things."""
        names = [self.text, self.text_pair, self.label, self.split]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise DataError(f"the column {twice!r} is named twice: text, second text, label and split are four columns")


def label_column(columns: Columns, rows: Rows) -> str:
    """The column that holds the labels. Raises DataError if the rows have none of that name."""
    for name in columns.labels:
        if values_at(rows, name) is not None:
            return name
    is_control = columns.control is not None and columns.labels == (columns.control,)
    raise _no_column(rows, columns.labels[0], "--control" if is_control else "--label-column")


def check_text_columns(columns: Columns, rows: Rows) -> None:
    """Raise DataError if the rows have none of the columns that texts are made of."""
    if all(values_at(rows, name) is None for name in columns.texts):
        raise _no_column(rows, columns.texts[0], "--text-column")


def _no_column(rows: Rows, name: str, option: str) -> DataError:
    names = shortened(", ".join(map(str, rows.columns)), MOST_OF_NAMES) or "none"
    return DataError(f"{rows.source} has no column {name!r}; it has: {names}. Name the right one with {option}.")


def values_at(rows: Rows, name: str) -> Sequence[Any] | None:
    """The values of a column, or those below a key of its objects for a name such as `meta.title`; None without it.

    A key that no row has is no column.
    """
    if name in rows.columns:
        return rows.columns[name]
    top = top_of(name)
    if top not in rows.columns:
        return None
    values = [lookup({top: value}, name) for value in rows.columns[top]]
    if all(value is MISSING for value in values):
        return None
    return [None if value is MISSING else value for value in values]


def value_at(data: Mapping[str, Any], name: str) -> Any:
    """The value that a field or a name such as `meta.title` has in a task's data; None if there is none."""
    value = lookup(data, name)
    return None if value is MISSING else value


def top_of(name: str) -> str:
    """The column that a name such as `meta.title` or `turns[0].text` begins with."""
    return re.split(r"[.\[]", name, maxsplit=1)[0]
