"""The comparison of strategies on a project's own labels, as its page shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

from ml_backend.store import Store
from ml_backend.store.job_records import JobRecord
from ml_backend.store.states import JobState

KIND = "compare_strategies"
LEAST_LABELS, LEAST_OF_CLASS, LEAST_PER_CLASS = 100, 2, 5
"""The simulator holds out a fifth of the labels to measure on: it leaves out classes with fewer than LEAST_OF_CLASS
labels, and compares nothing with fewer than LEAST_LABELS, or if half of the classes have fewer than LEAST_PER_CLASS."""
BASELINE = "random"
JOBS_LOOKED_AT = 10
BAR_WIDTH = 200
"""Of the drawing of an interval, in its own units."""


@dataclass(frozen=True)
class Bar:
    """An interval drawn on a scale of BAR_WIDTH units that all rows share; zero: where no gain is."""

    left: float
    width: float
    middle: float
    zero: float


@dataclass(frozen=True)
class ComparedStrategy:
    """One strategy; accuracy: mean over the simulated labelling, in percent; gain, low, high: in points of it over
    random order, with a 95% interval; saved: labels fewer than random order needs, None while that is uncertain; bar:
    None for random order itself.
    """

    strategy: str
    accuracy: float
    gain: float
    low: float
    high: float
    saved: int | None
    bar: Bar | None


@dataclass(frozen=True)
class ComparedStrategies:
    """A finished comparison.

    at: Unix time; labels: number that it used; drawn_of: of how many it drew them at random, None if it used all;
    recommended: a strategy, "" if none is clearly better than random order; words: what follows, as a sentence;
    details: the simulator's own sentence; rows: best first.
    """

    at: float
    labels: int
    drawn_of: int | None
    recommended: str
    words: str
    details: str
    rows: list[ComparedStrategy]


@dataclass(frozen=True)
class Comparison:
    """The newest comparison that was finished, the one that goes on or waits, and why the last one failed."""

    compared: ComparedStrategies | None
    job: JobRecord | None
    error: str | None


def labels_compared(labels: Mapping[str, int]) -> int:
    """Number of labels that a comparison would use. labels: number of labels of each class."""
    return sum(n for n in labels.values() if n >= LEAST_OF_CLASS)


def what_is_missing(labels: Mapping[str, int]) -> str:
    """Why there are too few labels to compare strategies, as sentences; empty if there are enough.

    labels: number of labels of each class.
    """
    counts = [n for n in labels.values() if n >= LEAST_OF_CLASS]
    total = labels_compared(labels)
    counted = "" if total == sum(labels.values()) else f" in classes that have {LEAST_OF_CLASS} or more"
    if total < LEAST_LABELS:
        return (
            f"{LEAST_LABELS - total:,} more labels are needed{counted}: with fewer than {LEAST_LABELS}, a comparison "
            "would measure chance."
        )
    if median(counts) < LEAST_PER_CLASS:
        return (
            f"There are {total:,} labels{counted}. Of these {len(counts):,} classes half have fewer than "
            f"{LEAST_PER_CLASS}, so a comparison would measure chance. About {LEAST_PER_CLASS * len(counts):,} labels "
            "will do."
        )
    return ""


def comparison(store: Store, project_id: int, default: str) -> Comparison:
    """The comparisons of a project. default: the strategy to keep while none is clearly better."""
    jobs = store.jobs(project_id, [KIND], limit=JOBS_LOOKED_AT)
    done = next((job for job in jobs if job.state == JobState.DONE and job.result), None)
    newest = jobs[0] if jobs else None
    return Comparison(
        compared=None if done is None else compared_strategies(done, default),
        job=newest if newest is not None and not newest.has_ended else None,
        error=newest.error if newest is not None and newest.state == JobState.FAILED else None,
    )


def compared_strategies(job: JobRecord, default: str) -> ComparedStrategies:
    """What a finished job found."""
    result = job.result or {}
    lowest = min([0.0, *(row["low"] for row in result["rows"])])
    highest = max([0.0, *(row["high"] for row in result["rows"])])
    best = result["recommended"]
    return ComparedStrategies(
        at=job.ended_at or job.requested_at,
        labels=result["labels"],
        drawn_of=result.get("drawn_of"),
        recommended="" if best is None else best["strategy"],
        words=_words(best, default),
        details=result["sentence"],
        rows=[_row(row, lowest, highest) for row in result["rows"]],
    )


def _row(row: dict[str, Any], lowest: float, highest: float) -> ComparedStrategy:
    is_certain = row["saved_low"] is not None and row["saved_low"] > 0
    return ComparedStrategy(
        strategy=row["strategy"],
        accuracy=100 * row["area"],
        gain=100 * row["gain"],
        low=100 * row["low"],
        high=100 * row["high"],
        saved=round(row["saved"]) if is_certain else None,
        bar=None if row["strategy"] == BASELINE else _bar(row, lowest, highest),
    )


def _bar(row: dict[str, Any], lowest: float, highest: float) -> Bar:
    def place(value: float) -> float:
        return round(BAR_WIDTH * (value - lowest) / ((highest - lowest) or 1.0), 1)

    left = place(row["low"])
    return Bar(left, round(max(1.0, place(row["high"]) - left), 1), place(row["gain"]), place(0.0))


def _words(best: dict[str, Any] | None, default: str) -> str:
    if best is None:
        return (
            "No strategy was clearly better than random order on these labels. Keep the default, "
            f"`{default}`, and compare again with twice the labels. An interval that lies just above 0 may be luck, "
            "since several strategies were tried."
        )
    gain, low, high = (f"{100 * best[name]:.1f}" for name in ("gain", "low", "high"))
    saved = ""
    if best["saved_low"] > 0:
        saved = f" It would have reached the same accuracy with about {best['saved']:.0f} labels fewer."
    return (
        f"With `{best['strategy']}` the model would have been right {gain} points more often than with random order, "
        f"on average over the labelling (95% interval: {low} to {high} points).{saved}"
    )
