"""One cycle of active learning: fit the head on the labels there are, then choose what to label next.

The live service and the simulator both run this object, so that what is measured offline is what happens live.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning import initial, strategies
from ml_backend.learning.defaults import DEFAULT_C
from ml_backend.learning.head import Head
from ml_backend.learning.pool import Pool
from ml_backend.learning.strategies import tcm


@dataclass(frozen=True)
class Proposal:
    """What a cycle proposes to label.

    rows: (b,) int64, best first; reserve_rows: (r,) int64, chosen without `rows` for when these run out;
    random_rows: those of both, (k,) int64, that `random_share` drew;
    head: fitted on the labels of the pool, None while there are labels of fewer than two classes;
    method: the strategy or initial method that chose; why: a sentence when it was not the strategy that was asked for.
    """

    rows: NDArray[np.int64]
    reserve_rows: NDArray[np.int64]
    random_rows: NDArray[np.int64]
    head: Head | None
    method: str
    why: str
    fit_seconds: float
    query_seconds: float


@dataclass(frozen=True)
class Cycle:
    """How every cycle of a project or a run chooses; cycle number and seed alone decide the random draws.

    C: inverse strength of the head's penalty, for embeddings scaled to a mean square norm of 1; see `DEFAULT_C`.
    random_share: chance of each place in a batch to go to a row drawn uniformly, whatever the strategy: finds classes
    that it passes over, and labels on which the head can be measured without bias.
    """

    strategy: str
    initial: str
    batch_size: int
    seed: int = 0
    C: float = DEFAULT_C
    random_share: float = 0.0

    def fit(self, X: NDArray[np.float32], y: NDArray[np.integer[Any]], n_classes: int) -> Head:
        """The head of labelled embeddings X (n, D) with labels y as `Head.fit` takes them; raises what that raises."""
        mean_square = float(np.vdot(X, X)) / max(1, len(X))
        scaled = self.C / mean_square if np.isfinite(mean_square) and mean_square > 0 else self.C
        return Head(C=scaled).fit(X, y, n_classes)

    def propose(
        self,
        embeddings: NDArray[np.floating[Any]],
        labels: NDArray[np.integer[Any]],
        n_classes: int,
        cycle: int,
        candidates: NDArray[np.bool_] | None = None,
        reserve: int = 0,
    ) -> Proposal:
        """Fit and choose.

        embeddings (N, D); labels (N,) int64 or (N, n_classes) 0/1, -1 unlabelled; cycle: 0 for the first;
        candidates (N,) bool: rows that may be chosen; reserve: rows to choose behind the batch.
        Raises UnknownStrategy, ValueError where shapes do not fit, and NotFinite for NaN in a row with a label or
        that may be chosen.
        """
        started = time.perf_counter()
        pool = Pool(embeddings, labels, n_classes, candidates=candidates)
        pool.check_finite()
        seen = _classes_seen(pool)
        head = None
        if seen >= 2:
            head = self.fit(pool.rows(pool.labeled), pool.labels[pool.labeled], n_classes)
            pool.head = head
        fitted = time.perf_counter()
        name, why = self.strategy, ""
        select: Callable[..., NDArray[np.int64]] = strategies.select
        strategy = strategies.get(name)
        if head is None and (strategy.NEEDS_HEAD or not len(pool.labeled)):
            name, select = self.initial, initial.select
            why = f"the initial method {name} chose, since there are labels of {seen} classes so far"
        elif pool.multi_label and not strategy.MULTI_LABEL:
            name = "random"
            why = f"random chose, since {self.strategy} has no multi-label form"
        places = self._random_places(min(len(pool.unlabeled), self.batch_size + reserve), cycle)
        drawn = self._draw(pool, int(places.sum()), cycle)
        pool = pool.without(drawn)
        strategic = int((~places[: self.batch_size]).sum())
        options = {"typiclust_up_to": tcm.FIRST_BATCHES * self.batch_size} if name == "tcm" else {}
        rows = select(name, pool, strategic, np.random.default_rng([self.seed, cycle]), **options)
        rest = len(places) - len(drawn) - strategic
        reserve_rows = select(name, pool.without(rows), rest, np.random.default_rng([self.seed, cycle, 1]), **options)
        merged = np.empty(len(places), dtype=np.int64)
        merged[places], merged[~places] = drawn, np.concatenate([rows, reserve_rows])
        return Proposal(
            rows=merged[: self.batch_size],
            reserve_rows=merged[self.batch_size :],
            random_rows=drawn,
            head=head,
            method=name,
            why=why,
            fit_seconds=fitted - started,
            query_seconds=time.perf_counter() - fitted,
        )

    def _random_places(self, n: int, cycle: int) -> NDArray[np.bool_]:
        """Which of n places are not the strategy's, (n,): by chance, so that the share holds wherever a batch ends."""
        if not self.random_share:
            return np.zeros(n, dtype=bool)
        return np.random.default_rng([self.seed, cycle, 2]).random(n) < self.random_share

    def _draw(self, pool: Pool, n: int, cycle: int) -> NDArray[np.int64]:
        """n unlabelled rows, drawn before the strategy chooses: afterwards they would be what it left."""
        rng = np.random.default_rng([self.seed, cycle, 3])
        drawn: NDArray[np.int64] = rng.choice(pool.unlabeled, n, replace=False) if n else np.empty(0, dtype=np.int64)
        return drawn


def _classes_seen(pool: Pool) -> int:
    known = pool.labels[pool.labeled]
    if not pool.multi_label:
        return len(np.unique(known))
    # A class tells something once some texts have it and others do not.
    return 2 if len(known) and bool((known.min(axis=0) != known.max(axis=0)).any()) else min(1, len(known))
