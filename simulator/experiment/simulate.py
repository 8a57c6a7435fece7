"""Simulation of one run: the live service's cycle, with gold labels in place of annotators."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

# Imported before threads are limited: `threadpool_limits` affects only libraries that are loaded by then.
import scipy.linalg
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from ml_backend.learning import Head
from ml_backend.learning.cycle import Cycle
from ml_backend.learning.head.class_prior import ClassPrior, class_prior
from ml_backend.learning.numerics.kept_pairs import KeptPairs
from simulator.data.embedded_dataset import EmbeddedDataset
from simulator.experiment.budget import Budget
from simulator.experiment.evaluations import LabelTimes, evaluated
from simulator.experiment.labels_seen import labels_seen, rarest_class
from simulator.experiment.metrics import HeldOutMetrics, evaluate, expected_of_uniform_guess

assert scipy.linalg

EVALUATION_STREAM = 5
"""Keeps the draws of evaluations apart from those of the cycle, which have smaller numbers."""


@dataclass(frozen=True)
class SimulatedRun:
    """The result of one run.

    cycles: one record of results per cycle, by column; picks: rows of the pool that each cycle added, best first, one
    list per cycle; empty for a cycle without labels.
    """

    cycles: list[dict[str, Any]]
    picks: list[list[int]]


class PoolTooSmall(ValueError):
    """The pool has fewer different texts than the initial pool needs."""

    @classmethod
    def of(cls, offered: int, initial_size: int) -> PoolTooSmall:
        """The error with a message that has both numbers."""
        return cls(
            f"the pool has {offered} different texts, fewer than the initial pool of {initial_size}: "
            "lower --initial-size, or give more texts"
        )


def simulate(data: EmbeddedDataset, plan: Cycle, budget: Budget, with_evaluations: bool = False) -> SimulatedRun:
    """Simulate one run, on one thread; only the columns of seconds vary between calls.

    plan: strategy, initial method and seed; its batch size and C are replaced by those of the budget. With class
    vectors in the data the head knows the classes from them, except when the initial pool is chosen. A record has
    cycle, n_labeled, the metrics of the head fitted on these labels, the columns of `labels_seen`, fit_seconds for that
    fit, and query_seconds for choosing the labels that this cycle added. Without labels and class vectors there is no
    head, and the metrics are those of a uniform guess. with_evaluations adds the columns of `evaluations.evaluated`.
    When the pool runs out, the run ends early.

    Raises PoolTooSmall, and what strategies raise.
    """
    initial_size, batch_size = budget.sizes(data.n_classes)
    offered = int(data.offered.sum())
    if offered < initial_size:
        raise PoolTooSmall.of(offered, initial_size)
    with threadpool_limits(limits=1):
        return _run_cycles(
            data, replace(plan, C=budget.C), initial_size, [batch_size] * budget.cycles, with_evaluations
        )


def _run_cycles(
    data: EmbeddedDataset, plan: Cycle, initial_size: int, sizes: list[int], with_evaluations: bool
) -> SimulatedRun:
    labels = np.full(len(data.y), -1, dtype=np.int64)
    times = LabelTimes(len(data.y))
    prior = None
    if data.class_vectors is not None:
        prior = class_prior(data.class_vectors, data.X, np.flatnonzero(data.offered), plan.seed)
    records: list[dict[str, Any]] = []
    picks: list[list[int]] = [] if initial_size else [[]]
    query_seconds, kept_pairs = 0.0, KeptPairs()
    # As in the live service, the proposal for the next cycle fits the head of this one; the last one queries no rows.
    # Proposals are numbered as there, where the first batch is number 0; an initial pool is the first batch.
    for number, size in enumerate([*([initial_size] if initial_size else []), *sizes, 0]):
        is_initial = number == 0 and initial_size > 0
        proposal = replace(plan, batch_size=size).propose(
            data.X,
            labels,
            data.n_classes,
            number,
            candidates=data.offered,
            # All heads begin with the same initial pool, so that their runs can be compared in pairs.
            prior=None if is_initial else prior,
            kept_pairs=kept_pairs,
        )
        if not is_initial:
            seconds = proposal.fit_seconds, query_seconds
            record = {"cycle": len(records), **_measured(data, plan, labels, proposal.head, prior, *seconds)}
            if with_evaluations:
                record |= evaluated(data, labels, proposal, times, [plan.seed, number, EVALUATION_STREAM])
            records.append(record)
        if not len(proposal.rows):
            break
        query_seconds = proposal.query_seconds
        labels[proposal.rows] = data.y[proposal.rows]
        times.add(proposal, number)
        picks.append(proposal.rows.tolist())
    return SimulatedRun(records, picks)


def _measured(
    data: EmbeddedDataset,
    plan: Cycle,
    labels: NDArray[np.int64],
    head: Head | None,
    prior: ClassPrior | None,
    fit_seconds: float,
    query_seconds: float,
) -> dict[str, Any]:
    labelled = np.flatnonzero(labels >= 0)
    if head is None and len(labelled):
        # With labels of one class no head was fitted: this one always predicts that class, which can be measured.
        started = time.perf_counter()
        head = plan.fit(data.X[labelled], labels[labelled], data.n_classes, prior)
        fit_seconds = time.perf_counter() - started
    measured: HeldOutMetrics
    if head is None:
        measured = expected_of_uniform_guess(data.y_test, data.n_classes)
    else:
        measured = evaluate(head.predict_proba(data.X_test), data.y_test, rarest_class(data))
    return {
        "n_labeled": len(labelled),
        **asdict(measured),
        **labels_seen(data, labels),
        "fit_seconds": fit_seconds,
        "query_seconds": query_seconds,
    }
