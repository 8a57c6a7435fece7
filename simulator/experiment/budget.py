"""How many labels a run begins with, adds in each cycle, and how often."""

from __future__ import annotations

from dataclasses import dataclass

from ml_backend.learning.cycle import Cycle

LEAST_PER_CYCLE = 10


@dataclass(frozen=True)
class Budget:
    """Numbers of labels; None means one for each class of the dataset, at least 10.

    C: inverse strength of the head's penalty; the live service's unless said otherwise.
    """

    initial_size: int | None = 100
    batch_size: int | None = 100
    cycles: int = 15
    C: float = Cycle.C

    def sizes(self, n_classes: int) -> tuple[int, int]:
        """Size of the initial pool and of a batch for a dataset of that many classes."""
        scaled = max(LEAST_PER_CYCLE, n_classes)
        return (
            scaled if self.initial_size is None else self.initial_size,
            scaled if self.batch_size is None else self.batch_size,
        )


BUDGETS = {
    "default": Budget(),
    "low-budget": Budget(initial_size=None, batch_size=None, cycles=20),
}
"""By the names that --protocol takes: `default` ends at 1,600 labels as ActiveGLAE does (arXiv 2306.10087);
`low-budget` scales with the classes."""
