"""Tables for comparisons, made from results with one row per cycle: areas, gains, effects of the initial pool.

Runs are paired: all strategies of a block, one (dataset, embedding, initial, seed), begin with the same labels. Only
values of the same block are compared with each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from simulator.analysis.statistics import Floats, area, holm, paired_t, wilcoxon

GROUP = ["dataset", "embedding", "initial"]
BLOCK = ["dataset", "embedding", "initial", "seed"]
RUN = ["dataset", "embedding", "strategy", "initial", "seed"]
METRICS = ["accuracy", "balanced_accuracy", "macro_f1", "nll", "ece"]
LOWER_IS_BETTER = {"nll", "ece"}
SECONDS = ["fit_seconds", "query_seconds"]
COLUMNS = [*RUN, "cycle", "n_labeled", *METRICS, *SECONDS]
PERIODS = ["whole", "early", "middle", "late"]
BASELINE = "random"
LEAST_SHARE_OF_BLOCKS = 0.8
"""A strategy that has a smaller share of the blocks than this is left out of the comparison, which then names it."""


@dataclass(frozen=True)
class Audit:
    """Which runs are complete. results: the rows of complete runs; planned, complete: numbers of runs.

    missing: runs that are absent or ended before the others of their dataset, with the columns RUN, found and expected
    (numbers of cycles); not_run: combinations of dataset, embedding and initial without a single run.
    """

    results: pd.DataFrame
    planned: int
    complete: int
    missing: pd.DataFrame
    not_run: pd.DataFrame


@dataclass(frozen=True)
class LabelAxis:
    """The x axis of a figure: numbers of labels if all datasets have the same ones, otherwise cycles.

    positions (cycles,) float64: the position of each cycle.
    """

    title: str
    positions: Floats

    def at(self, cycles: pd.Index) -> Floats:
        """Positions of these cycles (n,), float64."""
        return np.asarray(self.positions[cycles.to_numpy(dtype=np.int64)])


def label_axis(results: pd.DataFrame) -> LabelAxis:
    """The x axis for figures over all datasets of these results."""
    sizes = results.groupby("cycle")["n_labeled"].agg(["nunique", "first"]).sort_index()
    if (sizes["nunique"] == 1).all():
        return LabelAxis("labels", sizes["first"].to_numpy(dtype=np.float64))
    return LabelAxis("cycle", np.arange(len(sizes), dtype=np.float64))


def common_cycles(table: pd.DataFrame) -> pd.DataFrame:
    """The rows up to the last cycle that every dataset has; table: index with dataset and cycle."""
    cycles = table.index.get_level_values("cycle")
    ends = pd.Series(cycles, index=table.index).groupby(level="dataset").max()
    return table[cycles <= ends.min()]


def audit(results: pd.DataFrame, plan: Mapping[str, Sequence[Any]] | None = None) -> Audit:
    """Separate complete runs from the others.

    plan: more values of the columns of RUN than the results have. Planned runs are all strategies and seeds, of the
    results and of the plan, for each (dataset, embedding, initial) in the results. Raises ValueError, with the names,
    if columns are missing, a cycle occurs twice, or runs of one dataset have different numbers of labels at one cycle.
    """
    absent = [column for column in COLUMNS if column not in results]
    if absent:
        raise ValueError(f"the results have no column {', '.join(absent)}")
    if not len(results):
        raise ValueError("the results have no rows: no run is finished yet")
    twice = results.duplicated([*RUN, "cycle"])
    if twice.any():
        first = results.loc[twice, [*RUN, "cycle"]].iloc[0].to_dict()
        raise ValueError(f"{int(twice.sum())} cycles occur twice, the first is {first}")
    _refuse_two_budgets(results)
    named = {column: sorted({*results[column], *(plan or {}).get(column, ())}) for column in RUN}
    groups = results[GROUP].drop_duplicates()
    every = pd.MultiIndex.from_product([named[column] for column in GROUP], names=GROUP).to_frame(index=False)
    not_run = every.merge(groups, how="left", indicator=True).query("_merge == 'left_only'")[GROUP]
    planned = groups.merge(pd.Series(named["strategy"], name="strategy"), how="cross")
    planned = planned.merge(pd.Series(named["seed"], name="seed"), how="cross").sort_values(RUN)
    cycles = results[results["accuracy"].notna()].groupby(RUN)["cycle"].size()
    planned["found"] = cycles.reindex(pd.MultiIndex.from_frame(planned[RUN]), fill_value=0).to_numpy()
    planned["expected"] = planned["dataset"].map(results.groupby("dataset")["cycle"].max() + 1)
    complete = planned["found"] >= planned["expected"]
    complete_runs = results.merge(planned.loc[complete, RUN], on=RUN)
    missing = planned.loc[~complete, [*RUN, "found", "expected"]]
    return Audit(
        complete_runs, len(planned), int(complete.sum()), missing.reset_index(drop=True), not_run.reset_index(drop=True)
    )


def _refuse_two_budgets(results: pd.DataFrame) -> None:
    sizes = results.groupby(["dataset", "cycle"])["n_labeled"].nunique()
    if (sizes > 1).any():
        dataset, cycle = sizes[sizes > 1].index[0]
        raise ValueError(
            f"runs of {dataset} have different numbers of labels at cycle {cycle}: they follow different protocols; "
            "write each protocol to its own folder"
        )


def curves(results: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Learning curves of a metric: one row per BLOCK and cycle, one column per strategy; NaN for missing runs."""
    return results.pivot(index=[*BLOCK, "cycle"], columns="strategy", values=metric).sort_index()


def areas(results: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Area under the learning curve (AULC): one row per run (index RUN), one column per period of PERIODS.

    The area is that of trapezoids over the number of labels, divided by their range; periods are the whole curve and
    its thirds. For runs of one cycle it is their only value.
    """
    parts = []
    for _, part in results.groupby("dataset"):
        values = part.pivot(index=RUN, columns="cycle", values=metric)
        labels = part.groupby("cycle")["n_labeled"].first().to_numpy(dtype=np.float64)
        parts.append(pd.DataFrame(_areas_by_period(labels, values.to_numpy()), index=values.index, columns=PERIODS))
    return pd.concat(parts).sort_index()


def _areas_by_period(labels: Floats, values: Floats) -> Floats:
    if len(labels) < 2:
        return np.repeat(values, len(PERIODS), axis=1)
    thirds = np.linspace(labels[0], labels[-1], 4)
    bounds = [(labels[0], labels[-1]), *pairwise(thirds)]
    return np.stack([area(labels, values, start, end) for start, end in bounds], axis=1)


def by_strategy(values: pd.Series) -> pd.DataFrame:
    """Rearrange values with index RUN into a table with one row per BLOCK and one column per strategy."""
    return values.unstack("strategy").sort_index()


def gains(values: pd.DataFrame) -> pd.DataFrame:
    """Each strategy minus random, row by row; strategies that share no row with random have no column in the result."""
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
    if BASELINE not in values:
        return values.iloc[:, :0]
    return values.drop(columns=BASELINE).sub(values[BASELINE], axis=0).dropna(axis=1, how="all")


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
    counts = (~np.isnan(values)).sum(axis=0)
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
