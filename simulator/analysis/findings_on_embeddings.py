"""The third finding: the quality of the embedding bounds what active learning can reach."""

from __future__ import annotations

import pandas as pd

from simulator.analysis.comparisons import (
    BASELINE,
    common_blocks,
    quality_table,
    variance_shares,
)
from simulator.analysis.evidence import (
    FEW_EMBEDDINGS,
    NO_QUALITY,
    Claim,
    PaperFinding,
    across,
    correlation_claim,
    finding,
    left_out,
    listed,
    mean_effect,
    over_equal_runs,
    points,
    probe_correlation,
    rho,
    sentences,
    undecided,
    weakest,
)


def embeddings_finding(area: pd.Series, by_cycle: pd.DataFrame, quality: pd.DataFrame | None) -> PaperFinding:
    """Decide the third finding.

    area: AULC, index RUN; by_cycle: from `learning_curves.curves`; quality: embedding_quality.parquet, or None.
    """
    return finding(
        "The quality of the embedding bounds what active learning can reach; with poor embeddings all strategies fall "
        "together.",
        [_bound(by_cycle, quality), _fall_together(area, quality), _embedding_before_strategy(area, quality)],
    )


def _bound(by_cycle: pd.DataFrame, quality: pd.DataFrame | None) -> Claim:
    text = "What the best strategy reaches at the end rises with the quality of the embedding."
    measured = (
        "Rank correlation of full-data probe accuracy with the best strategy's accuracy at the last cycle, over "
        "embeddings within a dataset."
    )
    if quality is None:
        return undecided(text, measured, NO_QUALITY)
    cycles = by_cycle.index.get_level_values("cycle").to_series(index=by_cycle.index)
    ends = by_cycle[cycles == cycles.groupby(level="dataset").transform("max")].droplevel("cycle").stack().dropna()
    common, omitted = over_equal_runs(ends, quality)
    if not len(common):
        return undecided(text, measured, FEW_EMBEDDINGS, omitted)
    best = common.groupby(level=["dataset", "embedding", "strategy"]).mean().unstack("strategy").max(axis=1)
    reached = best.unstack("embedding")
    share = (reached / quality_table(quality, "probe_accuracy", reached)).stack().dropna()
    seen = (
        f"At the end the best strategy reaches {share.mean() * 100:.0f} % of the accuracy of a head fitted on all "
        f"labels ({share.min() * 100:.0f} to {share.max() * 100:.0f} %); it exceeds that head in "
        f"{int((share > 1).sum())} of {len(share)} pairs of dataset and embedding."
    )
    return correlation_claim(text, measured, reached, quality, seen, omitted)


def _fall_together(area: pd.Series, quality: pd.DataFrame | None) -> Claim:
    text = "Every strategy falls as the embedding gets poorer."
    measured = (
        "Rank correlation of full-data probe accuracy with AULC, over embeddings within a dataset, for each strategy. "
        "The effect is the smallest of these."
    )
    if quality is None:
        return undecided(text, measured, NO_QUALITY)
    common, omitted = over_equal_runs(area, quality)
    by_strategy, unknown = {}, []
    for name, values in common.groupby(level="strategy"):
        evidence = probe_correlation(values, quality)
        if evidence is None:
            unknown.append(name)
        else:
            by_strategy[name] = evidence
    if not by_strategy:
        return undecided(text, measured, FEW_EMBEDDINGS, omitted)
    order = sorted(by_strategy, key=lambda name: by_strategy[name].effect)
    lowest, highest = (f"{rho(by_strategy[name].effect)} ({name})" for name in (order[0], order[-1]))
    seen = f"ρ from {lowest} to {highest}."
    not_known = f"Not known for {listed(unknown)}: {FEW_EMBEDDINGS}" if unknown else ""
    return Claim(
        text, measured, weakest(list(by_strategy.values()), sentences(seen, not_known, omitted, _variance_seen(common)))
    )


def _variance_seen(values: pd.Series) -> str:
    titles = {"embedding": "the embedding", "strategy": "the strategy", "initial": "the initial pool"}
    shares = pd.Series(variance_shares(values), dtype=float).dropna()
    if not len(shares):
        return ""
    parts = [f"{titles[factor]} accounts for {share * 100:.1f} %" for factor, share in shares.items()]
    return f"Of the variance of AULC within a dataset {', '.join(parts)}, over the runs that all of them share."


def _embedding_before_strategy(area: pd.Series, quality: pd.DataFrame | None) -> Claim:
    text = "Random with the best embedding beats the best strategy with the poorest one."
    measured = (
        "AULC on each dataset, paired by initial pool and seed. The best and the poorest embedding are those with the "
        "highest and the lowest full-data probe accuracy."
    )
    if quality is None:
        return undecided(text, measured, NO_QUALITY)
    common, omitted = over_equal_runs(area, quality)
    parts = []
    for dataset, values in common.groupby(level="dataset"):
        probes = quality[quality["dataset"] == dataset].set_index("embedding")["probe_accuracy"]
        probes = probes[probes.index.isin(values.index.unique("embedding"))]
        if probes.nunique() < 2:
            continue
        tables = values.droplevel("dataset").unstack("strategy")
        poor = common_blocks(tables.xs(probes.idxmin(), level="embedding"))
        if BASELINE not in poor or not len(poor):
            continue
        good = tables.xs(probes.idxmax(), level="embedding")[BASELINE].reindex(poor.index)
        gap = (good - poor[poor.mean().idxmax()]).groupby(level="seed").mean()
        parts.append(pd.concat({dataset: gap}, names=["dataset"]))
    if not parts:
        why = "This needs runs of random, and two embeddings of different quality, on the same datasets and seeds."
        return undecided(text, measured, why, omitted)
    units = pd.concat(parts)
    compared = common[common.index.get_level_values("dataset").isin(units.index.unique("dataset"))]
    omitted = left_out(area.index, compared.index)
    means = units.groupby(level="dataset").mean()
    return Claim(text, measured, mean_effect(units, sentences(f"{points(means.mean())}; {across(means)}.", omitted)))
