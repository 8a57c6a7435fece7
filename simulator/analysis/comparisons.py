"""Tables for comparisons: gains over random, effects of the initial pool and of the embedding, tests against the best.

Runs are paired: all strategies of a block, one (dataset, embedding, initial, seed), begin with the same labels. Only
values of the same block are compared with each other.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from simulator.analysis.heads import head_of, of_head
from simulator.analysis.statistics import Floats, holm, paired_t, wilcoxon

BASELINE = "random"
LEAST_SHARE_OF_BLOCKS = 0.8
"""A strategy that has a smaller share of the blocks than this is left out of the comparison, which then names it.

Only blocks with several strategies count, if there are any.
"""


def by_strategy(values: pd.Series) -> pd.DataFrame:
    """Rearrange values with index RUN into a table with one row per BLOCK and one column per strategy."""
    return values.unstack("strategy").sort_index()


def gains(values: pd.DataFrame) -> pd.DataFrame:
    """Each strategy minus random with the same head, row by row; without a row in common a strategy has no column."""
    return _minus_random(values)


def initial_effects(values: pd.Series) -> pd.DataFrame:
    """Each initial method minus random: index dataset, embedding, seed (and cycle), one column per initial method.

    values: index RUN, with or without cycle. These are `paired_initial_effects`, averaged over the strategies that both
    have, since strategies share their initial pool.
    """
    effects = paired_initial_effects(values)
    levels = [level for level in effects.index.names if level != "strategy"]
    return effects.groupby(level=levels).mean()


def paired_initial_effects(values: pd.Series) -> pd.DataFrame:
    """`initial_effects` for each strategy; initial methods that share no row with random have no column."""
    return _minus_random(values.unstack("initial")).dropna(how="all")


def _minus_random(values: pd.DataFrame) -> pd.DataFrame:
    baselines = {name: of_head(BASELINE, head_of(name)) for name in values}
    compared = [name for name, baseline in baselines.items() if name != baseline and baseline in values]
    subtracted = values[[baselines[name] for name in compared]].to_numpy()
    return (values[compared] - subtracted).dropna(axis=1, how="all")


def shared(values: pd.Series, column: str) -> pd.Series:
    """The part of the values in which every compared name of an index level has the same rows.

    values: their index has the level `column`, whose names (embeddings, for instance) are to be compared, and others,
    by which values are paired; NaN counts as missing. Names with too few rows in common with the others are left out:
    names are dropped one by one, each time the one without which most rows are complete, and of the sets on this way
    the one with most comparisons, rows × (names − 1), is kept.
    """
    table = values.unstack(column)
    has_value = table.notna()
    names = list(has_value.sum().sort_values(kind="stable").index)
    chosen, most = names, -1
    while names:
        complete = int(has_value[names].all(axis=1).sum())
        if complete * (len(names) - 1) > most:
            chosen, most = list(names), complete * (len(names) - 1)
        names.remove(max(names, key=lambda name: has_value[[n for n in names if n != name]].all(axis=1).sum()))
    kept = table[chosen].dropna().stack()
    return kept.reorder_levels(values.index.names).sort_index()


def common_blocks(values: pd.DataFrame) -> pd.DataFrame:
    """The columns (strategies) with LEAST_SHARE_OF_BLOCKS or more, and the rows (blocks) that all of them have."""
    enough = _enough(values.to_numpy(dtype=np.float64))
    return values.loc[:, enough].dropna()


def _enough(values: Floats) -> NDArray[np.bool_]:
    has_value = ~np.isnan(values)
    # A block with one strategy compares nothing: otherwise a start that was run with random only would leave random
    # with twice the blocks of the others, which would all be left out.
    of_several = has_value.sum(axis=1) > 1
    counts = has_value[of_several if of_several.any() else slice(None)].sum(axis=0)
    return np.asarray((counts > 0) & (counts >= LEAST_SHARE_OF_BLOCKS * counts.max(initial=0)))


def compare(values: pd.DataFrame, *, lower_is_better: bool = False) -> pd.DataFrame:
    """`compare_columns` for a table with one row per block (index with seed) and one column per strategy.

    Returns one row per strategy, with the arrays of `compare_columns` as columns.
    """
    seeds = values.index.get_level_values("seed").to_numpy()
    columns = compare_columns(values.to_numpy(dtype=np.float64), seeds, lower_is_better=lower_is_better)
    return pd.DataFrame(columns, index=values.columns)


def compare_columns(values: Floats, seeds: NDArray[Any], *, lower_is_better: bool = False) -> dict[str, NDArray[Any]]:
    """Compare strategies, the columns of values (blocks, k) float64, with the best of them; seeds (blocks,).

    Returns arrays (k,): mean, blocks (their number), behind (how far the mean is from the best one, at least 0), p
    (two-sided Wilcoxon signed-rank against the best), p_holm (corrected for the strategies compared), p_seeds (paired
    t-test on differences averaged within a seed), mark: "best", "tied" (p_holm ≥ 0.05), "worse", or "partial" for a
    strategy with too few blocks (LEAST_SHARE_OF_BLOCKS), which is not compared. Means are over the blocks that all
    compared strategies have.
    """
    has_value = ~np.isnan(values)
    blocks = has_value.sum(axis=0)
    mean = np.divide(
        np.where(has_value, values, 0).sum(axis=0), blocks, out=np.full(len(blocks), np.nan), where=blocks > 0
    )
    behind, p, p_holm, p_seeds = (np.full(len(blocks), np.nan) for _ in range(4))
    mark = np.full(len(blocks), "partial", dtype=object)
    compared = np.flatnonzero(_enough(values))
    rows = has_value[:, compared].all(axis=1)
    if len(compared) and rows.any():
        shared_rows = values[np.ix_(rows, compared)]
        mean[compared], blocks[compared] = shared_rows.mean(axis=0), len(shared_rows)
        sign = -1 if lower_is_better else 1
        best = int((sign * mean[compared]).argmax())
        gaps = sign * (shared_rows[:, [best]] - shared_rows)
        not_best = np.delete(np.arange(len(compared)), best)
        rivals = compared[not_best]
        behind[compared] = gaps.mean(axis=0)
        p[rivals] = [wilcoxon(gaps[:, i]).p for i in not_best]
        p_holm[:] = holm(p)
        p_seeds[rivals] = paired_t(_by_seed(gaps[:, not_best], seeds[rows]))
        mark[rivals] = np.where(p_holm[rivals] < 0.05, "worse", "tied")
        mark[compared[best]] = "best"
    numbers = {"mean": mean, "blocks": blocks, "behind": behind, "p": p, "p_holm": p_holm, "p_seeds": p_seeds}
    return {**numbers, "mark": mark}


def _by_seed(values: Floats, seeds: NDArray[Any]) -> Floats:
    """Means of the rows with the same seed, (different seeds, k)."""
    unique_seeds, codes = np.unique(seeds, return_inverse=True)
    sums = np.zeros((len(unique_seeds), values.shape[1]))
    np.add.at(sums, codes, values)
    return sums / np.bincount(codes)[:, None]


def quality_table(quality: pd.DataFrame, measure: str, like: pd.DataFrame) -> pd.DataFrame:
    """A measure of embedding quality as a table with the rows (datasets) and columns (embeddings) of `like`."""
    return quality.pivot(index="dataset", columns="embedding", values=measure).reindex_like(like)


def with_quality(values: pd.Series, quality: pd.DataFrame) -> pd.Series:
    """The values, index with dataset and embedding, for which the quality of the embedding on the dataset is known."""
    measured = pd.MultiIndex.from_frame(quality[["dataset", "embedding"]])
    other_levels = [name for name in values.index.names if name not in measured.names]
    return values[values.index.droplevel(other_levels).isin(measured)]


def embedding_means(values: pd.Series) -> pd.DataFrame:
    """Means of values, index with dataset and embedding: one row per dataset, one column per embedding.

    The means of embeddings are comparable only if the values come from `shared`.
    """
    return values.groupby(level=["dataset", "embedding"]).mean().unstack("embedding")


def variance_shares(values: pd.Series) -> dict[str, float]:
    """Share (0..1) of the variance within datasets that the embedding, the strategy and the initial method explain.

    values: index RUN. Only values that all embeddings, initial methods and strategies share are used, so that effects
    of two factors are not confused; a factor with fewer than two names left has no share. Explained is the variance of
    the means by factor, after the mean of each dataset is subtracted; the rest is interaction and chance.
    """
    for factor in ("embedding", "initial", "strategy"):
        values = shared(values, factor)
    centred = values - values.groupby(level="dataset").transform("mean")
    total = float((centred**2).sum())
    shares = {}
    for factor in ("embedding", "strategy", "initial"):
        if len(values.index.unique(factor)) < 2:
            continue
        explained = centred.groupby(level=["dataset", factor]).transform("mean")
        shares[factor] = float((explained**2).sum()) / total if total else float("nan")
    return shares
