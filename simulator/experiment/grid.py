"""The cells (runs) of a grid, and their order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import PurePosixPath
from urllib.parse import quote


@dataclass(frozen=True, order=True)
class Cell:
    """One run of the grid. Runs that differ in the strategy only begin with the same labels."""

    dataset: str
    embedding: str
    initial: str
    strategy: str
    seed: int

    def part(self) -> PurePosixPath:
        """Path of its results inside the folder `parts`; slashes in names, as hub models have, are percent-quoted."""
        folder = PurePosixPath(
            *(quote(n, safe=":") for n in (self.dataset, self.embedding, self.initial, self.strategy))
        )
        return folder / f"{self.seed}.json"

    def __str__(self) -> str:
        return f"{self.dataset} {self.embedding} {self.strategy} after {self.initial}, seed {self.seed}"


def cells(
    datasets: Sequence[str],
    embeddings: Sequence[str],
    strategies: Sequence[str],
    initials: Sequence[str],
    seeds: Sequence[int],
) -> list[Cell]:
    """All cells of a grid, ordered by seed first, so that a grid that is stopped early has complete seeds."""
    return [
        Cell(dataset, embedding, initial, strategy, seed)
        for seed, dataset, embedding, initial, strategy in product(seeds, datasets, embeddings, initials, strategies)
    ]
