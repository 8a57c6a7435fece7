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
NAMED, IN_USE = "named", "in use"
"""A head that knows the class names, and the verdict on what was in use, as the simulator writes them."""
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
    """One strategy with or without the class names; settings: of a project that make it so; accuracy: mean over the
    simulated labelling, in percent; gain, low, high: in points of it over what was in use then, with a 95% interval;
    verdict: of the simulator, in words; saved: labels fewer than what was in use needs, None while that is uncertain;
    bar: None for what was in use itself.
    """

    strategy: str
    settings: dict[str, str]
    accuracy: float
    gain: float
    low: float
    high: float
    verdict: str
    saved: int | None
    bar: Bar | None


@dataclass(frozen=True)
class ComparedStrategies:
    """A finished comparison.

    at: Unix time; labels: number that it used; drawn_of: of how many it drew them at random, None if it used all;
    is_change: whether it recommends another strategy than the one that was in use; recommended: settings that do what
    it recommends; headline, reason, saves: what it recommends and why, in the sentences of the simulator;
    several_heads: whether strategies were tried with and without the class names; rows: best first.
    """

    at: float
    labels: int
    drawn_of: int | None
    is_change: bool
    recommended: dict[str, str]
    headline: str
    reason: str
    saves: str
    several_heads: bool
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


def comparison(store: Store, project_id: int) -> Comparison:
    """The comparisons of a project."""
    jobs = store.jobs(project_id, [KIND], limit=JOBS_LOOKED_AT)
    done = next((job for job in jobs if job.state == JobState.DONE and "headline" in (job.result or {})), None)
    newest = jobs[0] if jobs else None
    return Comparison(
        compared=None if done is None else compared_strategies(done),
        job=newest if newest is not None and not newest.has_ended else None,
        error=newest.error if newest is not None and newest.state == JobState.FAILED else None,
    )


def compared_strategies(job: JobRecord) -> ComparedStrategies:
    """What a finished job found; docs/simulator.md describes its result."""
    result = job.result or {}
    rows = result["rows"]
    lowest = min([0.0, *(row["over_current"]["low"] for row in rows)])
    highest = max([0.0, *(row["over_current"]["high"] for row in rows)])
    several_heads = len({row["head"] for row in rows}) > 1
    return ComparedStrategies(
        at=job.ended_at or job.requested_at,
        labels=result["labels"],
        drawn_of=result.get("drawn_of"),
        is_change=result["is_change"],
        recommended=_settings(result["recommended"], several_heads),
        headline=result["headline"],
        reason=result["reason"],
        saves=result["saves"],
        several_heads=several_heads,
        rows=[_row(row, several_heads, lowest, highest) for row in rows],
    )


def _settings(row: dict[str, Any], several_heads: bool) -> dict[str, str]:
    """The settings that the page changes: the others were the project's own in the comparison."""
    class_names = {"class_names": "auto" if row["head"] == NAMED else "off"} if several_heads else {}
    return {"strategy": row["strategy"], **class_names}


def _row(row: dict[str, Any], several_heads: bool, lowest: float, highest: float) -> ComparedStrategy:
    gain = row["over_current"]
    return ComparedStrategy(
        strategy=row["strategy"],
        settings=_settings(row, several_heads),
        accuracy=100 * row["area"],
        gain=100 * gain["gain"],
        low=100 * gain["low"],
        high=100 * gain["high"],
        verdict=row["verdict"],
        saved=round(gain["saved"]) if gain["saved_low"] > 0 else None,
        bar=None if row["verdict"] == IN_USE else _bar(gain, lowest, highest),
    )


def _bar(row: dict[str, Any], lowest: float, highest: float) -> Bar:
    def place(value: float) -> float:
        return round(BAR_WIDTH * (value - lowest) / ((highest - lowest) or 1.0), 1)

    left = place(row["low"])
    return Bar(left, round(max(1.0, place(row["high"]) - left), 1), place(row["gain"]), place(0.0))
