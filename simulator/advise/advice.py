"""`python -m simulator advise`: which embedding and strategy to use, from simulations on the labels so far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isnan

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml_backend.learning.defaults import DEFAULT_STRATEGY
from simulator.advise.limits import LEAST_SEEDS
from simulator.analysis.comparisons import BASELINE
from simulator.analysis.evidence import ALPHA
from simulator.analysis.heads import NAMED, PLAIN
from simulator.analysis.resplits import corrected_t, resampled_means
from simulator.analysis.statistics import holm
from simulator.data.datasets import TEST_SHARE

RESAMPLES = 2000
Combination = tuple[str, str, str, str]
COMBINATION = ["embedding", "strategy", "initial", "head"]


@dataclass(frozen=True)
class StrategyAdvice:
    """One combination of embedding, strategy, start and head, compared with random order on the same embedding.

    Random order is that of the plain head, if it was tried.

    area: mean accuracy (0..1) over the whole learning curve; gain: area minus that of random order; low, high: 95 %
    interval of the gain, by the corrected resampled t-test; p: of that test, Holm-corrected for all combinations except
    those of random order with that head, which have NaN; final: mean accuracy at the end; saved: how many labels fewer
    than random order it needs to reach the final accuracy of random order, median over a bootstrap with the corrected
    spread; saved_low, saved_high: 95 % interval of saved; best: share of the bootstrap resamples in which no
    combination has a higher area.
    """

    embedding: str
    strategy: str
    initial: str
    head: str
    area: float
    gain: float
    low: float
    high: float
    p: float
    final: float
    saved: float
    saved_low: float
    saved_high: float
    best: float

    @property
    def is_significant(self) -> bool:
        """Whether its gain over random order is significant after the correction for the number of combinations."""
        return self.gain > 0 and self.p <= ALPHA


def advise(
    results: pd.DataFrame, test_to_train: float = TEST_SHARE / (1 - TEST_SHARE), seed: int = 0
) -> list[StrategyAdvice]:
    """Advice on all combinations, the highest mean accuracy first.

    results: rows as in results.parquet for one dataset, with `random` among the strategies; test_to_train: number of
    test texts / number of pool texts of each seed; seed: of the bootstrap. Curves are compared at the numbers of labels
    that all runs have. Raises ValueError for fewer than 5 seeds, and if runs have fewer than two numbers of labels in
    common.
    """
    n = results["seed"].nunique()
    if n < LEAST_SEEDS:
        raise ValueError(f"advice needs {LEAST_SEEDS} seeds or more to tell gains from luck, got {n}: raise --seeds")
    table = results.pivot(index=[*COMBINATION, "seed"], columns="n_labeled", values="accuracy").dropna(axis="columns")
    if table.shape[1] < 2:
        raise ValueError(
            "the runs have fewer than two numbers of labels in common: label more texts and run `advise` again"
        )
    labels = table.columns.to_numpy(dtype=np.float64)
    curves = {key: group.to_numpy() for key, group in table.groupby(COMBINATION)}
    initials = sorted({initial for _, _, initial, _ in curves})
    start = BASELINE if BASELINE in initials else initials[0]
    # The plain head, if it was tried, comes last and stays.
    by_head = sorted(curves, key=lambda key: key[3] == PLAIN)
    baselines = {embedding: (embedding, BASELINE, start, head) for embedding, *_, head in by_head}
    counts = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=RESAMPLES)
    resampled = {key: resampled_means(curve, counts, test_to_train) for key, curve in curves.items()}
    highest = np.max([_area(labels, curve) for curve in resampled.values()], axis=0)
    gains = {
        key: corrected_t(_area(labels, curve - curves[baselines[key[0]]]), test_to_train)
        for key, curve in curves.items()
    }
    p = holm(np.array([np.nan if _is_random_order(key, baselines) else gain.p for key, gain in gains.items()]))
    advice = []
    for (key, gain), corrected in zip(gains.items(), p, strict=True):
        embedding, strategy, initial, head = key
        saved = _saved(labels, resampled[key], resampled[baselines[embedding]])
        saved_low, middle, saved_high = np.quantile(saved, [0.025, 0.5, 0.975])
        advice.append(
            StrategyAdvice(
                embedding=embedding,
                strategy=strategy,
                initial=initial,
                head=head,
                area=float(_area(labels, curves[key]).mean()),
                gain=gain.mean,
                low=gain.low,
                high=gain.high,
                p=float(corrected),
                final=float(curves[key][:, -1].mean()),
                saved=float(middle),
                saved_low=float(saved_low),
                saved_high=float(saved_high),
                best=float((_area(labels, resampled[key]) >= highest).mean()),
            )
        )
    return sorted(advice, key=lambda a: -a.area)


def recommended(advice: Sequence[StrategyAdvice]) -> StrategyAdvice | None:
    """The best combination with a significant gain, None without one; advice: as `advise` returns it."""
    # Only the best embedding is considered: the most certain gain may be on an embedding that is worse overall.
    return next((a for a in advice if a.embedding == advice[0].embedding and a.is_significant), None)


def sentence(advice: Sequence[StrategyAdvice]) -> str:
    """The recommendation in words, with its uncertainty."""
    top = advice[0]
    several_heads = len({a.head for a in advice}) > 1
    chosen = recommended(advice)
    if chosen is None:
        return (
            f"No combination on {top.embedding} is significantly better than random order. There, {top.strategy} after "
            f"a {top.initial} start{_head(top, several_heads)} has the highest mean accuracy of all combinations "
            f"({_how_often(top)}). Choose the "
            f"embedding by its accuracy, keep the default strategy, {DEFAULT_STRATEGY}, and run `advise` again "
            "with twice the labels."
        )
    rivals = [a for a in advice if a is not chosen and a.best > 0.05]
    not_better = (
        f"; it is not clearly better than {', '.join(_short(a, several_heads) for a in rivals[:3])}" if rivals else ""
    )
    interval = f"{chosen.saved_low:.0f} to {chosen.saved_high:.0f}"
    saves = (
        f"It needs {chosen.saved:.0f} labels fewer to reach the final accuracy of random order ({interval})."
        if chosen.saved_low > 0
        else f"Whether it reaches the final accuracy of random order with fewer labels is uncertain ({interval} fewer)."
    )
    tested = sum(not isnan(a.p) for a in advice)
    baseline = "random order on the same embedding" + (" without the class names" if several_heads else "")
    return (
        f"Use {chosen.strategy} after a {chosen.initial} start on {chosen.embedding}{_head(chosen, several_heads)}: "
        f"{chosen.gain:+.3f} accuracy on average against {baseline} "
        f"(95 % interval {chosen.low:+.3f} to {chosen.high:+.3f}; "
        f"p = {chosen.p:.3f}, corrected for the {tested} combinations tried), {_how_often(chosen)}{not_better}. "
        f"{saves}"
    )


def _how_often(advice: StrategyAdvice) -> str:
    return f"best in {advice.best:.0%} of the resamples"


def _is_random_order(key: Combination, baselines: Mapping[str, Combination]) -> bool:
    _, strategy, _, head = key
    return strategy == BASELINE and head == baselines[key[0]][3]


def _head(advice: StrategyAdvice, several_heads: bool) -> str:
    """How the head is set in the live service, in words; empty if only one was tried."""
    if not several_heads:
        return ""
    return " with the class names" if advice.head == NAMED else " without the class names (setting class_names: off)"


def _short(advice: StrategyAdvice, several_heads: bool) -> str:
    return "/".join([advice.strategy, advice.initial, advice.embedding, *([advice.head] if several_heads else [])])


def _area(labels: NDArray[np.float64], curves: NDArray[np.float64]) -> NDArray[np.float64]:
    span = labels[-1] - labels[0]
    return np.asarray(np.trapezoid(curves, labels, axis=1) / span)


def _saved(
    labels: NDArray[np.float64], curves: NDArray[np.float64], baseline: NDArray[np.float64]
) -> NDArray[np.float64]:
    """How many labels fewer than the baseline a curve needs to reach the baseline's last value, interpolated: (R,).

    labels (T,); curves, baseline (R, T). A curve that never reaches it counts as if it did one batch after the end, so
    that the number is negative.
    """
    goal = baseline[:, -1]
    return _first_reached(labels, baseline, goal) - _first_reached(labels, curves, goal)


def _first_reached(
    labels: NDArray[np.float64], curves: NDArray[np.float64], goal: NDArray[np.float64]
) -> NDArray[np.float64]:
    reached = curves >= goal[:, None]
    rows, after = np.arange(len(curves)), reached.argmax(axis=1)
    before = np.maximum(after - 1, 0)
    rise = curves[rows, after] - curves[rows, before]
    share = np.divide(goal - curves[rows, before], rise, out=np.zeros(len(curves)), where=rise > 0)
    never_reached = labels[-1] + (labels[-1] - labels[-2])
    return np.where(reached.any(axis=1), labels[before] + share * (labels[after] - labels[before]), never_reached)
