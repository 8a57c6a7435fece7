"""The runs of a grid, and their order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import PurePosixPath
from urllib.parse import quote


@dataclass(frozen=True, order=True)
class Cell:
    """One run of the grid. All strategies of the other four names begin with the same labels."""

    dataset: str
    embedding: str
    initial: str
    strategy: str
    seed: int

    def part(self) -> PurePosixPath:
        """Where its results lie inside the folder of parts; names of hub models have slashes, which are quoted."""
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
    """All runs of a grid, seed by seed: of a grid that is stopped early, whole seeds are saved."""
    return [
        Cell(dataset, embedding, initial, strategy, seed)
        for seed, dataset, embedding, initial, strategy in product(seeds, datasets, embeddings, initials, strategies)
    ]
