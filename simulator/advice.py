"""`python -m simulator advise`: what the labels of a project so far say about embedding and strategy."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import joblib
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml_backend.learning.cycle import Cycle
from simulator.datasets import TEST_SHARE, held_out_rows
from simulator.embeddings import embed
from simulator.protocol import Protocol
from simulator.simulate import Data, simulate

LEAST_LABELS = 100
LEAST_PER_CLASS = 5
RESAMPLES = 2000
BASELINE = "random"


class TooFewLabels(ValueError):
    """The labels cannot carry any advice; the message says how many would."""


@dataclass(frozen=True)
class Advice:
    """One combination against random order on the same embedding.

    gain: mean of accuracy (0..1) over the whole curve, minus that of random order; low, high: 95 % interval of the
    gain, a paired bootstrap over seeds; saved: labels fewer than random order needs for its own last accuracy, the
    median over the bootstrap, and saved_low, saved_high its interval; final: mean accuracy at the end;
    best: share of the bootstrap in which no combination has a higher mean of accuracy.
    """

    embedding: str
    strategy: str
    initial: str
    area: float
    gain: float
    low: float
    high: float
    final: float
    saved: float
    saved_low: float
    saved_high: float
    best: float


def check_enough(y: NDArray[np.int64]) -> None:
    """Raise TooFewLabels, with the reason, where a replay would tell noise. y (N,): the labels there are."""
    total = len(y)
    if total < LEAST_LABELS:
        raise TooFewLabels(
            f"there are {total} labels; advice needs {LEAST_LABELS} or more, since a fifth of them has to measure what "
            "the others teach. Go on with badge and typiclust meanwhile: they are the defaults."
        )
    counts = np.bincount(y)
    if np.median(counts) < LEAST_PER_CLASS:
        raise TooFewLabels(
            f"half of the {len(counts)} classes have fewer than {LEAST_PER_CLASS} labels; advice about so many classes "
            f"needs about {LEAST_PER_CLASS * len(counts):,} labels, and there are {total}"
        )


def protocol_for(pool: int, n_classes: int) -> Protocol:
    """A replay that ends at two thirds of the pool: beyond that every order has the same texts."""
    batch = max(5, pool // 24)
    initial = max(batch, min(n_classes * 2, pool // 4))
    return Protocol(initial_size=initial, batch_size=batch, cycles=max(2, (2 * pool // 3 - initial) // batch))


@dataclass(frozen=True)
class Labelled:
    """What a project has: texts and labels y (N,) as positions in classes."""

    texts: list[str]
    y: NDArray[np.int64]
    classes: tuple[str, ...]


def replay(
    labelled: Labelled,
    embeddings: Sequence[str],
    strategies: Sequence[str],
    initials: Sequence[str],
    seeds: int,
    jobs: int,
    follow: Callable[[Iterator[Any], int], Iterator[Any]],
) -> pd.DataFrame:
    """Play every combination on the labels there are; rows as of results.parquet, without a dataset.

    Each seed holds out another fifth of each class, so that the spread over seeds also tells what other labels to
    measure on would have said. follow: shows the progress of an iterator of so many items.
    Raises TooFewLabels, ModelNotAvailable and what strategies raise.
    """
    check_enough(labelled.y)
    protocol = protocol_for(int(len(labelled.y) * (1 - TEST_SHARE)), len(labelled.classes))
    tasks = []
    for embedding, X in embed(embeddings, labelled.texts, []):
        for seed, strategy, initial in product(range(seeds), strategies, initials):
            held_out = held_out_rows(labelled.y, seed)
            keys = {"embedding": embedding, "strategy": strategy, "initial": initial, "seed": seed}
            plan = Cycle(strategy, initial, batch_size=1, seed=seed)
            tasks.append(joblib.delayed(_rows)(keys, _data(labelled, X, held_out), plan, protocol))
    with joblib.parallel_config(backend="loky", n_jobs=jobs, inner_max_num_threads=1):
        runs = joblib.Parallel(return_as="generator")(tasks)
        return pd.DataFrame([row for rows in follow(runs, len(tasks)) for row in rows])


def _data(labelled: Labelled, X: NDArray[np.float32], held_out: NDArray[np.bool_]) -> Data:
    first = np.unique(np.array(labelled.texts)[~held_out], return_index=True)[1]
    offered = np.zeros(int((~held_out).sum()), dtype=bool)
    offered[first] = True
    y = labelled.y
    return Data(X[~held_out], y[~held_out], offered, X[held_out], y[held_out], len(labelled.classes))


def _rows(keys: dict[str, Any], data: Data, plan: Cycle, protocol: Protocol) -> list[dict[str, Any]]:
    return [keys | cycle for cycle in simulate(data, plan, protocol).cycles]


def advise(results: pd.DataFrame, seed: int = 0) -> list[Advice]:
    """All combinations, the best first.

    results: rows of results.parquet for one dataset, with `random` among the strategies.
    """
    initials = sorted(results["initial"].unique())
    curves = {
        key: group.pivot(index="seed", columns="n_labeled", values="accuracy").sort_index()
        for key, group in results.groupby(["embedding", "strategy", "initial"])
    }
    labels = np.array(next(iter(curves.values())).columns, dtype=np.float64)
    draws = np.random.default_rng(seed).integers(0, results["seed"].nunique(), (RESAMPLES, results["seed"].nunique()))
    baseline = BASELINE if BASELINE in initials else initials[0]
    areas = {key: _area(labels, curve.to_numpy()) for key, curve in curves.items()}
    resampled = {key: area[draws].mean(axis=1) for key, area in areas.items()}
    highest = np.max(list(resampled.values()), axis=0)
    found = []
    for key, curve in curves.items():
        embedding, strategy, initial = key
        against = (embedding, BASELINE, baseline)
        gains = (areas[key] - areas[against])[draws].mean(axis=1)
        saved = _saved(labels, curve.to_numpy()[draws].mean(axis=1), curves[against].to_numpy()[draws].mean(axis=1))
        low, high = np.quantile(gains, [0.025, 0.975])
        saved_low, saved_high = np.quantile(saved, [0.025, 0.975])
        found.append(
            Advice(
                embedding=embedding,
                strategy=strategy,
                initial=initial,
                area=float(areas[key].mean()),
                gain=float((areas[key] - areas[against]).mean()),
                low=float(low),
                high=float(high),
                final=float(curve.iloc[:, -1].mean()),
                saved=float(np.median(saved)),
                saved_low=float(saved_low),
                saved_high=float(saved_high),
                best=float((resampled[key] >= highest).mean()),
            )
        )
    return sorted(found, key=lambda a: -a.area)


def sentence(advice: Sequence[Advice]) -> str:
    """The recommendation in words, with how sure it is."""
    top = advice[0]
    name = f"{top.strategy} after a {top.initial} start on {top.embedding}"
    rivals = [a for a in advice[1:] if a.best > 0.05]
    sure = f"best in {top.best:.0%} of the resampled seeds"
    if top.strategy == BASELINE or top.low <= 0:
        return (
            f"Nothing beats random order beyond doubt on these labels. {name} had the highest curve ({sure}); choose "
            "the embedding by its accuracy, keep the default strategy, and ask again with twice the labels."
        )
    tied = f"; not told apart from {', '.join(_short(a) for a in rivals[:3])}" if rivals else ""
    between = f"{top.saved_low:.0f} to {top.saved_high:.0f}"
    saves = (
        f"It needs {top.saved:.0f} labels fewer for what random order reaches at the end ({between})."
        if top.saved_low > 0
        else f"Whether it saves labels for what random order reaches at the end is open ({between})."
    )
    return (
        f"Use {name}: {top.gain:+.3f} accuracy on average against random order on the same embedding (95 % interval "
        f"{top.low:+.3f} to {top.high:+.3f}), {sure}{tied}. {saves}"
    )


def _short(advice: Advice) -> str:
    return f"{advice.strategy}/{advice.initial}/{advice.embedding}"


def _area(labels: NDArray[np.float64], curves: NDArray[np.float64]) -> NDArray[np.float64]:
    span = labels[-1] - labels[0]
    return np.asarray(np.trapezoid(curves, labels, axis=1) / span)


def _saved(
    labels: NDArray[np.float64], curves: NDArray[np.float64], baseline: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Labels fewer until the baseline's last value, by linear interpolation; negative where it is never reached.

    curves, baseline (R, T). A curve that stays below counts as one batch more than the whole budget.
    """
    # A curve that falls again has reached the value all the same.
    reached = np.maximum.accumulate(curves, axis=1)
    goal = baseline[:, -1]
    missed = labels[-1] + (labels[-1] - labels[-2])
    needed = np.array(
        [np.interp(g, _rising(row), labels) if row[-1] >= g else missed for row, g in zip(reached, goal, strict=True)]
    )
    first = np.maximum.accumulate(baseline, axis=1)
    own = np.array([np.interp(g, _rising(row), labels) for row, g in zip(first, goal, strict=True)])
    return np.asarray(own - needed)


def _rising(row: NDArray[np.float64]) -> NDArray[np.float64]:
    # np.interp wants strictly rising values; plateaus are tilted by less than any accuracy differs.
    return row + np.arange(len(row)) * 1e-12
