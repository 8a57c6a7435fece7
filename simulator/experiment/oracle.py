"""An oracle that chooses batches by what their gold labels bring on the test split: a reference, never a strategy.

No strategy can do this, since nobody knows the labels before they are given. Its learning curve shows how much better
than the strategies a choice of the same texts could be. It is greedy and tries a sample of batches, so it is not a
bound: a strategy can end above it.

After BoSS (2026, arXiv 2603.13109): in every cycle an ensemble of strategies proposes batches from random subsets of
the pool, and the one whose head is best is taken. The numbers and the measure are ours.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning import Head, strategies
from ml_backend.learning.catalogue import builtin_names
from ml_backend.learning.cycle import Cycle, Proposal
from ml_backend.learning.head.class_prior import ClassPrior
from ml_backend.learning.numerics.kept_pairs import KeptPairs
from ml_backend.learning.pool import Pool
from simulator.data.embedded_dataset import EmbeddedDataset
from simulator.experiment.grid import ORACLE
from simulator.experiment.metrics import evaluate

CANDIDATES = 100
"""Number of batches of which the best is taken."""
LARGEST_PART = 2000
"""Batches are proposed from at most this many rows, or twice the batch size; more rows cost much time."""
WITHOUT = ("tcm",)
"""Strategies that are not asked: `tcm` is one of the others at any time."""
STREAM = 6
"""Keeps the draws of candidates apart from those of the cycle and of evaluations, which have smaller numbers."""


@dataclass(frozen=True)
class OracleCycle(Cycle):
    """A cycle whose batch is the best of many by the head's accuracy on the test split of `data`.

    Fields are those of `Cycle`, of which strategy and the options of strategies are not used; the initial pool and
    batches without a head are chosen as in any run. data: where the gold labels and the test split are.
    """

    data: EmbeddedDataset | None = None

    @classmethod
    def of(cls, data: EmbeddedDataset, initial: str, seed: int) -> OracleCycle:
        """The oracle of a run; its batch size and C are the budget's, which `simulate` fills in."""
        return cls("random", initial, batch_size=1, seed=seed, data=data)

    def propose(
        self,
        embeddings: NDArray[np.floating[Any]],
        labels: NDArray[np.integer[Any]],
        n_classes: int,
        cycle: int,
        candidates: NDArray[np.bool_] | None = None,
        reserve: int = 0,
        prior: ClassPrior | None = None,
        kept_pairs: KeptPairs | None = None,
    ) -> Proposal:
        """As `Cycle.propose`; the rows are those of the best candidate."""
        proposal = super().propose(embeddings, labels, n_classes, cycle, candidates, reserve, prior, kept_pairs)
        if proposal.head is None or proposal.method != self.strategy or not len(proposal.rows):
            return proposal
        started = time.perf_counter()
        pool = Pool(embeddings, labels, n_classes, proposal.head, candidates)
        pool.held_out = proposal.held_out
        rng = np.random.default_rng([self.seed, cycle, STREAM])
        rows = max(candidate_batches(pool, self.batch_size, rng), key=lambda batch: self._worth(pool, batch, prior))
        seconds = proposal.query_seconds + time.perf_counter() - started
        return replace(
            proposal, rows=rows, random_rows=np.empty(0, dtype=np.int64), method=ORACLE, query_seconds=seconds
        )

    def _worth(self, pool: Pool, batch: NDArray[np.int64], prior: ClassPrior | None) -> tuple[float, float]:
        """Accuracy on the test split, then log likelihood there, with the gold labels of the batch in addition."""
        assert self.data is not None
        rows = np.concatenate([pool.labeled, batch])
        head: Head = self.fit(pool.rows(rows), self.data.y[rows], pool.n_classes, prior)
        measured = evaluate(head.predict_proba(self.data.X_test), self.data.y_test)
        return measured.accuracy, -measured.nll


def candidate_batches(pool: Pool, batch_size: int, rng: np.random.Generator) -> Iterator[NDArray[np.int64]]:
    """CANDIDATES batches, (b,) int64 rows each: by strategies in turn, on random parts of the unlabelled rows.

    The size of a part is drawn log-uniformly between twice the batch size and LARGEST_PART.
    """
    names = [name for name in strategies.names() if name in builtin_names() and name not in WITHOUT]
    smallest = 2 * batch_size
    bounds = np.log([smallest, max(smallest, LARGEST_PART)])
    for number in range(CANDIDATES):
        size = round(float(np.exp(rng.uniform(*bounds))))
        yield strategies.select(names[number % len(names)], pool, batch_size, rng, subpool=size)
