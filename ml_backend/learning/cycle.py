"""One cycle of active learning: fit the head on the labels so far, then choose what to label next.

The live service and the simulator both use `Cycle`, so what the simulator measures is what the service does.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning import initial, strategies
from ml_backend.learning.batch.random_share import random_order, random_places
from ml_backend.learning.defaults import DEFAULT_C
from ml_backend.learning.head import Head
from ml_backend.learning.head.class_prior import ClassPrior
from ml_backend.learning.head.held_out import HeldOut
from ml_backend.learning.numerics.kept_pairs import KeptPairs
from ml_backend.learning.pool import Pool
from ml_backend.learning.strategies import tcm
from ml_backend.learning.strategy_file import StrategyFile


@dataclass(frozen=True)
class Proposal:
    """What a cycle proposes to label.

    rows: (b,) int64, the rows of the batch, best first.
    reserve_rows: (r,) int64, the rows to label when the batch runs out; none of them is in `rows`.
    random_rows: (k,) int64, the rows of batch and reserve that were drawn uniformly from all that could be chosen:
    because of `random_share`, or because the method is `random`.
    head: the head fitted to the labels of the pool; None while the labels are of fewer than two classes and there is no
    class prior.
    held_out: the labels of the head in folds, of which the strategy may have fitted some; None without a head.
    method: name of the strategy or initial method that chose the rows.
    why: a sentence that says why `method` is not the strategy that was asked for; empty when it is.
    fit_seconds: seconds to check the pool and fit the head; query_seconds: seconds to choose the rows.
    """

    rows: NDArray[np.int64]
    reserve_rows: NDArray[np.int64]
    random_rows: NDArray[np.int64]
    head: Head | None
    held_out: HeldOut | None
    method: str
    why: str
    fit_seconds: float
    query_seconds: float


@dataclass(frozen=True)
class Cycle:
    """How a project or a simulated run chooses in every cycle. Draws depend on seed, cycle and method only.

    strategy, initial: names, see `strategies.names` and `initial.names`; the strategy may also be in a file.
    batch_size: number of rows per batch.
    C: inverse strength of the head's penalty, for embeddings scaled to a mean square norm of 1; see `DEFAULT_C`.
    random_share: probability, 0 to 1, that a place in the batch goes to a row drawn uniformly; see
    `batch.random_share`.
    subpool, balance: options of the strategy, see `strategies.select`; None turns them off. Initial methods take
    neither. balance is also off where there are no predicted classes to balance: without a head, and where a text can
    have several labels.
    """

    strategy: str | StrategyFile
    initial: str
    batch_size: int
    seed: int = 0
    C: float = DEFAULT_C
    random_share: float = 0.0
    subpool: int | None = None
    balance: int | None = None

    def fit(
        self, X: NDArray[np.float32], y: NDArray[np.integer[Any]], n_classes: int, prior: ClassPrior | None = None
    ) -> Head:
        """A head fitted to labelled embeddings X, (n, D) float32, with C divided by the mean square norm of X's rows.

        y: labels, (n,) integers in 0..n_classes-1, or (n, n_classes) of 0/1 where a text can have several.
        prior: what the names of the classes say, None to do without.
        Raises the errors of `Head.fit`.
        """
        mean_square = float(np.vdot(X, X)) / max(1, len(X))
        scaled = self.C / mean_square if np.isfinite(mean_square) and mean_square > 0 else self.C
        return Head(C=scaled).fit(X, y, n_classes, prior)

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
        """Fit the head to the labels, if they are of two classes or more, and choose the rows to label next.

        With a class prior, a head is fitted whatever the labels, even to none.

        embeddings: (N, D) float32 or float16.
        labels: (N,) int64, or (N, n_classes) of 0/1 where a text can have several; -1 where there is no label.
        cycle: number of the cycle, 0 for the first.
        candidates: (N,) bool, the rows that may be chosen; None: every row without a label.
        reserve: number of rows to choose in addition to the batch.
        prior: what the names of the classes say, see `class_prior`; None: the head knows nothing of them.
        kept_pairs: the same object in every cycle, so that strategies that cover the pool compute its pairs of rows
        once; None: in every cycle. See `KeptPairs`.
        Raises UnknownStrategy; BrokenStrategy; UnknownInitial; ValueError when shapes do not fit; NotFinite when a row
        that is labelled or may be chosen holds NaN or infinity.
        """
        started = time.perf_counter()
        pool = Pool(embeddings, labels, n_classes, candidates=candidates)
        pool.kept_pairs = kept_pairs
        pool.check_finite()
        classes_seen = _classes_seen(pool)
        head = held_out = None
        if classes_seen >= 2 or prior is not None:
            X, y = pool.rows(pool.labeled), pool.labels[pool.labeled]
            fitted_head = self.fit(X, y, n_classes, prior)
            # A head of labels of one class that knows nothing of the names always predicts that class.
            head = fitted_head if classes_seen >= 2 or fitted_head.prior_strength > 0 else None
            pool.head = head
        if head is not None:
            held_out = HeldOut(X, y, n_classes, head.C, prior, np.random.default_rng([self.seed, cycle, 4]))
            pool.held_out = held_out
        fitted = time.perf_counter()
        method = self._method(pool, classes_seen)
        n_places = min(len(pool.unlabeled), self.batch_size + reserve)
        places = random_places(n_places, self.random_share, self.seed, cycle, method.name)
        rows, reserve_rows, random_chosen = self._fill(pool, method, places, cycle)
        return Proposal(
            rows=rows,
            reserve_rows=reserve_rows,
            random_rows=np.concatenate([rows, reserve_rows]) if method.is_uniform else random_chosen,
            head=head,
            held_out=held_out,
            method=method.name,
            why=method.why,
            fit_seconds=fitted - started,
            query_seconds=time.perf_counter() - fitted,
        )

    def _fill(
        self, pool: Pool, method: _Method, places: NDArray[np.bool_], cycle: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """The rows of the batch, of its reserve, and those of both that were drawn at random.

        places: (n,) bool, which of the places of the batch, then of the reserve, are filled at random.
        """
        in_batch, in_reserve = places[: self.batch_size], places[self.batch_size :]
        drawn = random_order(pool, self.seed, cycle, method.name) if places.any() else np.empty(0, dtype=np.int64)
        batch_drawn, others = np.split(drawn, [int(in_batch.sum())])
        rest = pool.without(batch_drawn)
        chosen = method.select(rest, int((~in_batch).sum()), np.random.default_rng([self.seed, cycle]))
        reserve_drawn = others[~np.isin(others, chosen)][: int(in_reserve.sum())]
        rest = rest.without(np.concatenate([chosen, reserve_drawn]))
        reserve_chosen = method.select(rest, int((~in_reserve).sum()), np.random.default_rng([self.seed, cycle, 1]))
        batch = _merged(in_batch, batch_drawn, chosen)
        return batch, _merged(in_reserve, reserve_drawn, reserve_chosen), np.concatenate([batch_drawn, reserve_drawn])

    def _method(self, pool: Pool, classes_seen: int) -> _Method:
        """The method that chooses from this pool: the strategy, or what replaces it and the reason for that."""
        info = strategies.get(self.strategy).INFO
        if not len(pool.labeled) or (pool.head is None and info.needs_head):
            seen = {0: "no labels", 1: "labels of one class only"}.get(
                classes_seen, f"labels of {classes_seen} classes"
            )
            why = f"the initial method {self.initial} chose, since there are {seen} so far"
            return _Method(self.initial, partial(initial.select, self.initial), why, self.initial == "random")
        strategy, why = self.strategy, ""
        if pool.multi_label and not info.multi_label:
            strategy, why = "random", f"random chose, since {self.strategy} has no multi-label form"
        options: dict[str, Any] = {"typiclust_up_to": tcm.FIRST_BATCHES * self.batch_size} if strategy == "tcm" else {}
        balance = None if pool.head is None or pool.multi_label else self.balance
        select = partial(strategies.select, strategy, subpool=self.subpool, balance=balance, **options)
        return _Method(str(strategy), select, why, strategy == "random" and balance is None)


@dataclass(frozen=True)
class _Method:
    """A strategy or initial method with its options: select(pool, batch_size, rng) returns rows, (b,) int64.

    is_uniform: whether all rows have the same chance to be chosen.
    """

    name: str
    select: Callable[[Pool, int, np.random.Generator], NDArray[np.int64]]
    why: str
    is_uniform: bool


def _merged(at_random: NDArray[np.bool_], drawn: NDArray[np.int64], chosen: NDArray[np.int64]) -> NDArray[np.int64]:
    rows = np.empty(len(at_random), dtype=np.int64)
    rows[at_random], rows[~at_random] = drawn, chosen
    return rows


def _classes_seen(pool: Pool) -> int:
    labels = pool.labels[pool.labeled]
    if not pool.multi_label:
        return len(np.unique(labels))
    # A class tells something once some texts have it and others do not.
    return 2 if len(labels) and bool((labels.min(axis=0) != labels.max(axis=0)).any()) else min(1, len(labels))
