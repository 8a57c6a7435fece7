"""How far the ranking of strategies depends on the number of seeds."""

from __future__ import annotations

import numpy as np
import pandas as pd

from simulator.analysis.complete_runs import GROUP
from simulator.analysis.statistics import Floats

SEEDS = (1, 3, 5, 10, 20)
"""Numbers of seeds that are drawn, up to the number of those that there are."""
DRAWS = 1000
ALL = "all"


def comparable_seeds(values: pd.DataFrame) -> pd.DataFrame:
    """The rows of values, index BLOCK, of the seeds with most blocks, on the settings that all of these seeds have.

    Seeds then differ by chance only; a setting is a dataset, an embedding and an initial method.
    """
    sizes = values.groupby(level="seed").size()
    most = values[values.index.get_level_values("seed").isin(sizes.index[sizes == sizes.max()])]
    n_seeds = pd.Series(1, most.index).groupby(level=GROUP).transform("size")
    return most[n_seeds == most.index.unique("seed").size]


def stability(values: pd.DataFrame) -> pd.DataFrame:
    """How often the best of n seeds is the best of all, by dataset and for all datasets together (ALL).

    values: larger is better; index with dataset and seed, one column per strategy, no NaN. DRAWS times, n of the seeds
    are drawn with replacement (the bootstrap), the same seeds for all strategies and datasets. For ALL each dataset
    counts once, however many settings it has, as in `Analysis.comparison`.
    Returns dataset, all_seeds (their number), seeds (n), best (the strategy with the highest mean of all seeds),
    best_share (0..1: of draws in which it has the highest mean too), tau (mean of Kendall's τ between the ranking of a
    draw and that of all seeds) and lost (mean over draws of how far the mean of all seeds of the strategy that is best
    in the draw is below the highest). Datasets with fewer than two seeds or strategies are left out,
    and all together if no seeds have runs of each dataset.
    """
    datasets = values.index.unique("dataset")
    parts = {str(name): values.xs(name, level="dataset", drop_level=False) for name in datasets}
    if len(parts) > 1:
        parts = {ALL: values} | parts
    rows = []
    for name, part in parts.items():
        comparable = comparable_seeds(part)
        by_seed = comparable.groupby(level=["dataset", "seed"]).mean().groupby(level="seed").mean()
        if min(by_seed.shape) < 2 or (name == ALL and len(comparable.index.unique("dataset")) < len(datasets)):
            continue
        numbers = by_seed.to_numpy(dtype=np.float64)
        best = str(by_seed.columns[numbers.mean(axis=0).argmax()])
        rows += [(name, len(numbers), n, best, *_stability_of(numbers, n)) for n in SEEDS if n <= len(numbers)]
    return pd.DataFrame(rows, columns=["dataset", "all_seeds", "seeds", "best", "best_share", "tau", "lost"])


def _stability_of(numbers: Floats, n: int) -> tuple[float, float, float]:
    """best_share, tau and lost for draws of n seeds; numbers: (seeds, strategies)."""
    rng = np.random.default_rng(n)
    counts = rng.multinomial(n, np.full(len(numbers), 1 / len(numbers)), size=DRAWS)
    drawn, whole = counts @ numbers / n, numbers.mean(axis=0)
    best = drawn.argmax(axis=1)
    first, second = np.triu_indices(numbers.shape[1], k=1)
    agree = np.sign(drawn[:, first] - drawn[:, second]) * np.sign(whole[first] - whole[second])
    return float((best == whole.argmax()).mean()), float(agree.mean()), float((whole.max() - whole[best]).mean())
