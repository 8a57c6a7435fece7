"""Simulation of one run: the live service's cycle, with gold labels in place of annotators."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

# Imported before threads are limited: `threadpool_limits` affects only libraries that are loaded by then.
import sklearn.cluster
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from ml_backend.learning import Head
from ml_backend.learning.cycle import Cycle
from simulator.data.embedded_dataset import EmbeddedDataset
from simulator.experiment.budget import Budget
from simulator.experiment.metrics import evaluate

assert sklearn.cluster


@dataclass(frozen=True)
class SimulatedRun:
    """The result of one run.

    cycles: one record of results per cycle; picks: queried rows of the pool, best first, one list per cycle.
    """

    cycles: list[dict[str, float]]
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


def simulate(data: EmbeddedDataset, plan: Cycle, budget: Budget) -> SimulatedRun:
    """Simulate one run, on one thread; only the two columns of seconds vary between calls.

    plan: strategy, initial method and seed; its batch size and C are replaced by those of the budget. A record has
    cycle, n_labeled, the metrics of the head fitted on these labels, fit_seconds for that fit, and query_seconds for
    choosing the labels that this cycle added. When the pool runs out, the run ends early. Raises PoolTooSmall, and what
    strategies raise.
    """
    initial_size, batch_size = budget.sizes(data.n_classes)
    offered = int(data.offered.sum())
    if offered < initial_size:
        raise PoolTooSmall.of(offered, initial_size)
    with threadpool_limits(limits=1):
        return _run_cycles(data, replace(plan, C=budget.C), [initial_size] + [batch_size] * budget.cycles)


def _run_cycles(data: EmbeddedDataset, plan: Cycle, sizes: list[int]) -> SimulatedRun:
    labels = np.full(len(data.y), -1, dtype=np.int64)
    records: list[dict[str, float]] = []
    picks: list[list[int]] = []
    query_seconds = 0.0
    # As in the live service, the proposal for the next cycle fits the head of this one; the last one queries no rows.
    for cycle, size in enumerate([*sizes, 0]):
        proposal = replace(plan, batch_size=size).propose(
            data.X, labels, data.n_classes, cycle, candidates=data.offered
        )
        if cycle:
            seconds = proposal.fit_seconds, query_seconds
            records.append({"cycle": cycle - 1, **_measured(data, plan, labels, proposal.head, *seconds)})
        if not len(proposal.rows):
            break
        query_seconds = proposal.query_seconds
        labels[proposal.rows] = data.y[proposal.rows]
        picks.append(proposal.rows.tolist())
    return SimulatedRun(records, picks)


def _measured(
    data: EmbeddedDataset,
    plan: Cycle,
    labels: NDArray[np.int64],
    head: Head | None,
    fit_seconds: float,
    query_seconds: float,
) -> dict[str, Any]:
    labelled = np.flatnonzero(labels >= 0)
    if head is None:
        # With labels of one class no head was fitted: this one always predicts that class, which can be measured.
        started = time.perf_counter()
        head = plan.fit(data.X[labelled], labels[labelled], data.n_classes)
        fit_seconds = time.perf_counter() - started
    return {
        "n_labeled": len(labelled),
        **asdict(evaluate(head.predict_proba(data.X_test), data.y_test)),
        "fit_seconds": fit_seconds,
        "query_seconds": query_seconds,
    }
