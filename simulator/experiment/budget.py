"""The budget of a run: labels of the initial pool, labels per cycle, number of cycles."""

from __future__ import annotations

from dataclasses import dataclass

from ml_backend.learning.defaults import DEFAULT_C

LEAST_PER_CYCLE = 10


@dataclass(frozen=True)
class Budget:
    """The budget of a run.

    initial_size, batch_size: numbers of labels; None means as many as the dataset has classes, at least 10. With an
    initial size of 0 the first cycle is measured without labels, and every batch is a query.

    cycles: number of queries after the initial pool; C: inverse strength of the head's penalty, by default the live
    service's.
    """

    initial_size: int | None = 100
    batch_size: int | None = 100
    cycles: int = 15
    C: float = DEFAULT_C

    def sizes(self, n_classes: int) -> tuple[int, int]:
        """Sizes of the initial pool and of a batch for a dataset with this number of classes."""
        scaled = max(LEAST_PER_CYCLE, n_classes)
        return (
            scaled if self.initial_size is None else self.initial_size,
            scaled if self.batch_size is None else self.batch_size,
        )


BUDGETS = {
    "default": Budget(),
    "low-budget": Budget(initial_size=None, batch_size=None, cycles=20),
}
"""Budgets by the names that --protocol accepts: `default` ends at 1,600 labels, as ActiveGLAE does (arXiv 2306.10087);
`low-budget` grows with the number of classes."""
