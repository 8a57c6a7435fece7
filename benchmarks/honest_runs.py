"""Simulated runs in which the head is evaluated as in the live service, beside the truth; for honest_numbers.py."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

# Imported before threads are limited: `threadpool_limits` affects only libraries that are loaded by then.
import sklearn.cluster
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from ml_backend.learning.cycle import Cycle, Proposal
from ml_backend.learning.evaluation.evaluation import Evaluation, evaluate
from ml_backend.learning.evaluation.stopping import LEAST_LABELS, MOST_CHANGED, ROWS_COMPARED, STEP
from ml_backend.learning.head import Head
from ml_backend.learning.head.class_prior import ClassPrior, class_prior
from simulator.data.embedded_dataset import EmbeddedDataset

assert sklearn.cluster

BATCH = 20
CLASS_LOOKS = (100, 200, 400)
LOOK_EVERY = (5, 20, 100)
Row = dict[str, Any]


@dataclass(frozen=True)
class Setting:
    """One simulated run. kind: plain or named; flipped: share of the labels given that are of another class."""

    dataset: str
    strategy: str
    kind: str
    share: float
    seed: int
    labels: int
    flipped: float = 0.0


class Run:
    """A run of the live service's cycle on gold labels."""

    def __init__(self, data: EmbeddedDataset, setting: Setting) -> None:
        self.data, self.setting = data, setting
        self.plan = Cycle(setting.strategy, "typiclust", BATCH, setting.seed, random_share=setting.share)
        self.prior: ClassPrior | None = None
        if setting.kind == "named":
            assert data.class_vectors is not None
            self.prior = class_prior(data.class_vectors, data.X, np.flatnonzero(data.offered), setting.seed)
        self.gold = data.y
        self.given = _flipped(data.y, setting, data.n_classes)
        self.labels = np.full(len(data.y), -1, dtype=np.int64)
        self.given_at = np.full(len(data.y), np.nan)
        self.drawn_at = np.full(len(data.y), np.nan)
        self.order: list[int] = []

    def proposals(self) -> Iterator[Proposal]:
        """The proposal after each batch, before its rows are labelled."""
        for cycle in range(self.setting.labels // BATCH + 1):
            proposal = self.plan.propose(
                self.data.X, self.labels, self.data.n_classes, cycle, self.data.offered, prior=self.prior
            )
            yield proposal
            rows = proposal.rows
            if not len(rows):
                return
            self.labels[rows] = self.given[rows]
            self.given_at[rows] = cycle
            at_random = np.intersect1d(rows, proposal.random_rows)
            self.drawn_at[at_random] = cycle - 0.5
            self.order += rows.tolist()

    @property
    def labelled(self) -> NDArray[np.int64]:
        """(n,) int64, rows with a label, ascending."""
        return np.flatnonzero(self.labels >= 0)

    @property
    def open(self) -> NDArray[np.int64]:
        """(m,) int64, rows that may still be labelled, ascending."""
        return np.flatnonzero(self.data.offered & (self.labels < 0))

    def evaluate(self, proposal: Proposal) -> Evaluation:
        """What the service says of the proposal's head."""
        assert proposal.head is not None
        assert proposal.held_out is not None
        rows, X_open = self.labelled, self.data.X[self.open]
        return evaluate(proposal.head, proposal.held_out, self.given_at[rows], self.drawn_at[rows], X_open, len(X_open))

    def test_accuracy(self, head: Head) -> float:
        """The share of right predictions on the test split."""
        return float((_predicted(head, self.data.X_test) == self.data.y_test).mean())


def accuracy_rows(data: EmbeddedDataset, setting: Setting) -> list[Row]:
    """One row for each look of a run, a look after each batch: what is said, and what is true on the open texts."""
    run, rows = Run(data, setting), []
    with threadpool_limits(limits=1):
        for proposal in run.proposals():
            if proposal.head is None or not len(run.labelled) or not len(run.open):
                continue
            found = run.evaluate(proposal)
            predicted, gold = _predicted(proposal.head, data.X[run.open]), run.gold[run.open]
            rows.append(
                _setting(setting)
                | {
                    "n": len(run.labelled),
                    "truth": float((predicted == gold).mean()),
                    "test": run.test_accuracy(proposal.head),
                    "seconds": found.seconds,
                    "changed": found.stop.changed,
                    "forecast": None if found.forecast is None else found.forecast.labels,
                    "audits": int((~np.isnan(run.drawn_at[run.labelled])).sum()),
                    "value": None,
                }
                | _accuracy(found)
                | {"classes": _classes(found, predicted, gold) if len(run.labelled) in CLASS_LOOKS else []}
            )
    return rows


def stop_rows(data: EmbeddedDataset, setting: Setting) -> list[Row]:
    """The learning curve of a run on the test split, and where the rule stops for looks every few labels."""
    run, curve, stops = Run(data, setting), {}, dict.fromkeys(LOOK_EVERY, 0)
    predicted: dict[int, NDArray[np.int64]] = {}
    with threadpool_limits(limits=1):
        for proposal in run.proposals():
            n, newest = len(run.labelled), len(run.labelled) - BATCH
            if proposal.head is not None and n:
                curve[n] = run.test_accuracy(proposal.head)
            if all(stops.values()):
                continue
            rng = np.random.default_rng(setting.seed)
            compared = rng.choice(run.open, min(ROWS_COMPARED, len(run.open)), replace=False)
            for prefix in range(max(newest + 5, LEAST_LABELS - STEP), n + 1, 5):
                head = _head_of_first(run, prefix)
                if head is None:
                    continue
                predicted[prefix] = _predicted(head, data.X)
                before = predicted.get(prefix - STEP)
                if before is None:
                    continue
                changed = float((predicted[prefix] != before)[compared].mean())
                for every in LOOK_EVERY:
                    if not stops[every] and prefix >= LEAST_LABELS and not prefix % every and changed <= MOST_CHANGED:
                        stops[every] = prefix
            predicted = {m: p for m, p in predicted.items() if m >= n - STEP}
    return [_setting(setting) | {"curve": curve, "stops": stops}]


def look_again_rows(data: EmbeddedDataset, setting: Setting) -> list[Row]:
    """How many of the listed labels are among the flipped ones, at the end of a run."""
    run = Run(data, setting)
    with threadpool_limits(limits=1):
        proposal = next(p for p in run.proposals() if len(run.labelled) >= setting.labels)
        listed = run.labelled[[doubtful.row for doubtful in run.evaluate(proposal).look_again]]
    wrong = run.given != run.gold
    return [
        _setting(setting)
        | {
            "n": len(run.labelled),
            "listed": len(listed),
            "hits": int(wrong[listed].sum()),
            "wrong": int(wrong[run.labelled].sum()),
        }
    ]


def _head_of_first(run: Run, n: int) -> Head | None:
    rows = np.sort(run.order[:n])
    y = run.given[rows]
    if run.prior is None and len(np.unique(y)) < 2:
        return None
    return run.plan.fit(run.data.X[rows], y, run.data.n_classes, run.prior)


def _accuracy(found: Evaluation) -> Row:
    if found.accuracy is None:
        return {}
    accuracy = found.accuracy
    return {"value": accuracy.value, "low": accuracy.low, "high": accuracy.high, "basis": str(accuracy.basis)}


def _classes(found: Evaluation, predicted: NDArray[np.int64], gold: NDArray[np.int64]) -> list[Row]:
    rows = []
    for quality in found.classes:
        of_class, as_class = gold == quality.number, predicted == quality.number
        hits = int((of_class & as_class).sum())
        for what, share, of in (("precision", quality.precision, as_class), ("recall", quality.recall, of_class)):
            if of.any():
                shown = {} if share is None else {"value": share.value, "low": share.low, "high": share.high}
                audits = 0 if share is None else share.audits
                rows.append(
                    {"what": what, "labels": quality.labels, "audits": audits, "truth": hits / of.sum(), **shown}
                )
    return rows


def _flipped(y: NDArray[np.int64], setting: Setting, n_classes: int) -> NDArray[np.int64]:
    rng = np.random.default_rng([setting.seed, 9])
    is_flipped = rng.random(len(y)) < setting.flipped
    return np.asarray(np.where(is_flipped, (y + rng.integers(1, n_classes, len(y))) % n_classes, y))


def _predicted(head: Head, X: NDArray[np.float32]) -> NDArray[np.int64]:
    return np.asarray(head.predict_proba(X).argmax(axis=1))


def _setting(setting: Setting) -> Row:
    return {
        "dataset": setting.dataset,
        "strategy": setting.strategy,
        "kind": setting.kind,
        "share": setting.share,
        "seed": setting.seed,
        "flipped": setting.flipped,
    }
