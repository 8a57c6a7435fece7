"""Rows of a file as they were written, before texts and labels are read from them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from simulator.data.data_error import DataError


@dataclass(frozen=True)
class Rows:
    """Rows of a file, column by column.

    source: the file, for messages; unit: what the numbers count, such as "line"; numbers: of each row, as an editor
    shows them; columns: name → one value per row, None where a row has none; notes: what was chosen, as sentences.
    """

    source: str
    unit: str
    numbers: Sequence[int]
    columns: Mapping[str, Sequence[Any]]
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.numbers)

    def place(self, row: int) -> str:
        """Where a row is, such as "line 7"; row: its position from 0."""
        return f"{self.unit} {self.numbers[row]}"


def rows_of_cells(
    source: str,
    unit: str,
    numbers: Sequence[int],
    names: Sequence[str],
    cells: Sequence[Sequence[Any]],
    wanted: Collection[str],
    notes: tuple[str, ...] = (),
) -> Rows:
    """Rows below a header with these names; a row may have fewer cells than the header.

    wanted: names of the columns that are read. Raises DataError if the header has one of them more than once.
    """
    repeated = check_names(source, names, wanted)
    columns = {
        name: [row[i] if i < len(row) else None for row in cells]
        for i, name in enumerate(names)
        if name and name not in repeated
    }
    return Rows(source, unit, numbers, columns, notes)


def check_names(source: str, names: Sequence[str], wanted: Collection[str]) -> set[str]:
    """The names that a header has more than once. Raises DataError if a wanted one is among them."""
    count = Counter(names)
    repeated = {name for name in count if count[name] > 1}
    for name in sorted(repeated & set(wanted)):
        raise DataError(f"{source} has {count[name]} columns with the name {name!r}: rename all but one")
    return repeated


def rows_of_objects(
    source: str, unit: str, numbers: Sequence[int], objects: Sequence[Mapping[str, Any]], notes: tuple[str, ...] = ()
) -> Rows:
    """Rows of JSON objects, which need not have the same keys."""
    return Rows(source, unit, numbers, KeysOfObjects(objects), notes)


class KeysOfObjects(Mapping[str, Sequence[Any]]):
    """The values that objects have under each of their keys, one per object, None where an object lacks the key."""

    def __init__(self, objects: Sequence[Mapping[str, Any]]) -> None:
        self._objects = objects
        self._names = dict.fromkeys(name for entry in objects for name in entry)

    def __getitem__(self, name: str) -> Sequence[Any]:
        # Made when it is read: all columns of objects that share no key would take the square of the file's size.
        if name not in self._names:
            raise KeyError(name)
        return [entry.get(name) for entry in self._objects]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)
