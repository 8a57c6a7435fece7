"""The cells (runs) of a grid, and their order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import product
from pathlib import PurePosixPath
from urllib.parse import quote

ORACLE = "oracle"
"""The name, in place of a strategy's, of runs of `oracle.OracleCycle`, which sees gold labels and the test split."""


class HeadKind(StrEnum):
    """What the head of a run knows: only labels, or the names or descriptions of the classes too."""

    PLAIN = "plain"
    NAMED = "named"


@dataclass(frozen=True, order=True)
class Cell:
    """One run of the grid. Runs that differ in the strategy only begin with the same labels."""

    dataset: str
    embedding: str
    initial: str
    strategy: str
    seed: int
    head: HeadKind = HeadKind.PLAIN

    def part(self) -> PurePosixPath:
        """Path of its results inside the folder `parts`; slashes in names, as hub models have, are percent-quoted.

        Runs of the plain head have no folder of their own, so that parts without a head are found as theirs.
        """
        folder = PurePosixPath(*map(_folder, (self.dataset, self.embedding, self.initial, self.strategy)))
        return (folder if self.head is HeadKind.PLAIN else folder / self.head.value) / f"{self.seed}.json"

    def __str__(self) -> str:
        head = "" if self.head is HeadKind.PLAIN else f", head {self.head}"
        return f"{self.dataset} {self.embedding} {self.strategy} after {self.initial}{head}, seed {self.seed}"


def _folder(name: str) -> str:
    """A folder for a name, whatever it is; dots alone would be another folder than one of its own."""
    return "%2E" * len(name) if set(name) == {"."} else quote(name, safe=":")


def cells(
    datasets: Sequence[str],
    embeddings: Sequence[str],
    strategies: Sequence[str],
    initials: Sequence[str],
    seeds: Sequence[int],
    heads: Sequence[HeadKind] = (HeadKind.PLAIN,),
) -> list[Cell]:
    """All cells of a grid, ordered by seed first, so that a grid that is stopped early has complete seeds."""
    return [
        Cell(dataset, embedding, initial, strategy, seed, head)
        for seed, dataset, embedding, initial, strategy, head in product(
            seeds, datasets, embeddings, initials, strategies, heads
        )
    ]
