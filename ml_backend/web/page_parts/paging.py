"""Long lists in parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from ml_backend.labelstudio.json_values import parsed_id

Item = TypeVar("Item")


@dataclass(frozen=True)
class Part(Generic[Item]):
    """A part of a list. number: of the part, from 1; parts: how many there are, at least 1; total: items of all."""

    items: Sequence[Item]
    number: int
    parts: int
    total: int


def part_of(items: Sequence[Item], asked: str | None, size: int) -> Part[Item]:
    """The part that an address asks for, the first if it asks for none, the last if there are fewer.

    asked: what the address says, which anybody can write.
    """
    parts = max(1, -(-len(items) // size))
    number = min(parsed_id(asked) or 1, parts)
    return Part(items[(number - 1) * size : number * size], number, parts, len(items))
