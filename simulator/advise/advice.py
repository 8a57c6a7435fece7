"""Comparison of embeddings, strategies, starts and heads by simulation on the labels so far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import pandas as pd

from simulator.advise.combination import Combination
from simulator.advise.limits import LEAST_SEEDS
from simulator.analysis.comparisons import BASELINE
from simulator.analysis.evidence import ALPHA
from simulator.analysis.heads import PLAIN
from simulator.analysis.resplits import corrected_t, resampled_means
from simulator.analysis.statistics import Floats, holm
from simulator.data.datasets import TEST_SHARE

RESAMPLES = 2000


class Verdict(StrEnum):
    """What the labels so far say of a combination, compared with the one in use."""

    IN_USE = "in use"
    BETTER = "better"
    WORSE = "worse"
    SAME = "the same"
    NOT_CLEAR = "not clear"


@dataclass(frozen=True)
class Difference:
    """A combination against another one, the reference, on the same splits.

    gain: mean accuracy (0..1) over the learning curve minus that of the reference; low, high: 95 % interval of the
    gain, by the corrected resampled t-test; saved: how many labels fewer it needs to reach the final accuracy of the
    reference, median over a bootstrap with the corrected spread; saved_low, saved_high: 95 % interval of saved.
    """

    gain: float
    low: float
    high: float
    saved: float
    saved_low: float
    saved_high: float


@dataclass(frozen=True)
class ComparedCombination:
    """One combination of embedding, strategy, start and head.

    area: mean accuracy (0..1) over the whole learning curve; final: mean accuracy at its end; over_random: against
    random order on the same embedding, after a random start and with the plain head, if these were tried; over_current:
    against the combination in use; p: of the t-test of over_current, Holm-corrected for all other combinations, NaN for
    the one in use; best: share of the bootstrap resamples in which it has the highest area, equal ones share it.
    """

    combination: Combination
    area: float
    final: float
    over_random: Difference
    over_current: Difference
    p: float
    verdict: Verdict
    best: float


def compare(
    results: pd.DataFrame, current: Combination, test_to_train: float = TEST_SHARE / (1 - TEST_SHARE), seed: int = 0
) -> list[ComparedCombination]:
    """All combinations, the highest mean accuracy first and of equal ones the one in use.

    results: rows as in results.parquet for one dataset, with `random` among the strategies; current: the combination in
    use, which is among them; test_to_train: number of test texts / number of pool texts of each seed; seed: of the
    bootstrap. Curves are compared at the numbers of labels that all runs have. Raises ValueError for fewer than 5
    seeds, and if runs have fewer than two numbers of labels in common.
    """
    n = results["seed"].nunique()
    if n < LEAST_SEEDS:
        raise ValueError(f"advice needs {LEAST_SEEDS} seeds or more to tell gains from luck, got {n}: raise --seeds")
    index = [*Combination._fields, "seed"]
    table = results.pivot(index=index, columns="n_labeled", values="accuracy").dropna(axis="columns")
    if table.shape[1] < 2:
        raise ValueError(
            "the runs have fewer than two numbers of labels in common: label more texts and run `advise` again"
        )
    labels = table.columns.to_numpy(dtype=np.float64)
    curves = {Combination(*key): group.to_numpy() for key, group in table.groupby(index[:-1])}
    counts = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=RESAMPLES)
    runs = _Runs(labels, curves, {key: resampled_means(c, counts, test_to_train) for key, c in curves.items()})
    random_order = _random_order(curves)
    others = [key for key in curves if key != current]
    tests = [corrected_t(runs.gains(key, current), test_to_train) for key in others]
    p = {current: float("nan")} | dict(zip(others, holm(np.array([test.p for test in tests])), strict=True))
    best = runs.shares_best()
    compared = []
    for key, curve in curves.items():
        over_current = runs.difference(key, current, test_to_train)
        compared.append(
            ComparedCombination(
                combination=key,
                area=float(_area(labels, curve).mean()),
                final=float(curve[:, -1].mean()),
                over_random=runs.difference(key, random_order[key.embedding], test_to_train),
                over_current=over_current,
                p=float(p[key]),
                verdict=_verdict(key == current, np.array_equal(curve, curves[current]), over_current.gain, p[key]),
                best=best[key],
            )
        )
    return sorted(compared, key=lambda c: (-c.area, c.combination != current))


@dataclass(frozen=True)
class _Runs:
    """labels (T,); curves: combination → (seeds, T); resampled: combination → bootstrap means of its curves (R, T)."""

    labels: Floats
    curves: Mapping[Combination, Floats]
    resampled: Mapping[Combination, Floats]

    def gains(self, key: Combination, reference: Combination) -> Floats:
        """Area minus that of the reference on each split, (seeds,) float64."""
        return _area(self.labels, self.curves[key] - self.curves[reference])

    def difference(self, key: Combination, reference: Combination, test_to_train: float) -> Difference:
        gain = corrected_t(self.gains(key, reference), test_to_train)
        saved = _saved(self.labels, self.resampled[key], self.resampled[reference])
        low, middle, high = (float(value) for value in np.quantile(saved, [0.025, 0.5, 0.975]))
        return Difference(gain.mean, gain.low, gain.high, middle, low, high)

    def shares_best(self) -> dict[Combination, float]:
        areas = np.stack([_area(self.labels, curve) for curve in self.resampled.values()])
        is_best = areas == areas.max(axis=0)
        return dict(zip(self.resampled, (is_best / is_best.sum(axis=0)).mean(axis=1).tolist(), strict=True))


def _random_order(curves: Mapping[Combination, Floats]) -> dict[str, Combination]:
    """By embedding, the combination of random order with which the others are compared."""
    initials = sorted({key.initial for key in curves})
    start = BASELINE if BASELINE in initials else initials[0]
    # The plain head, if it was tried, comes last and stays.
    by_head = sorted(curves, key=lambda key: key.head == PLAIN)
    return {key.embedding: Combination(key.embedding, BASELINE, start, key.head) for key in by_head}


def _verdict(is_current: bool, is_same: bool, gain: float, p: float) -> Verdict:
    if is_current:
        return Verdict.IN_USE
    if is_same:
        return Verdict.SAME
    if not p <= ALPHA:
        return Verdict.NOT_CLEAR
    return Verdict.BETTER if gain > 0 else Verdict.WORSE


def _area(labels: Floats, curves: Floats) -> Floats:
    return np.asarray(np.trapezoid(curves, labels, axis=1) / (labels[-1] - labels[0]))


def _saved(labels: Floats, curves: Floats, reference: Floats) -> Floats:
    """How many labels fewer than the reference a curve needs to reach the reference's last value, interpolated: (R,).

    labels (T,); curves, reference (R, T). A curve that never reaches it counts as if it did one batch after the end, so
    that the number is negative.
    """
    goal = reference[:, -1]
    return _first_reached(labels, reference, goal) - _first_reached(labels, curves, goal)


def _first_reached(labels: Floats, curves: Floats, goal: Floats) -> Floats:
    reached = curves >= goal[:, None]
    rows, after = np.arange(len(curves)), reached.argmax(axis=1)
    before = np.maximum(after - 1, 0)
    rise = curves[rows, after] - curves[rows, before]
    share = np.divide(goal - curves[rows, before], rise, out=np.zeros(len(curves)), where=rise > 0)
    never_reached = labels[-1] + (labels[-1] - labels[-2])
    return np.where(reached.any(axis=1), labels[before] + share * (labels[after] - labels[before]), never_reached)
