"""Third finding: the quality of the embedding bounds what active learning can reach."""

from __future__ import annotations

import pandas as pd

from simulator.comparisons import (
    BASELINE,
    embedding_means,
    quality_table,
    variance_shares,
)
from simulator.evidence import (
    FEW_EMBEDDINGS,
    NO_QUALITY,
    Claim,
    Finding,
    across,
    correlation_claim,
    finding,
    mean_effect,
    points,
    rank_correlation,
    weakest,
)


def embeddings_finding(area: pd.Series, by_cycle: pd.DataFrame, quality: pd.DataFrame | None) -> Finding:
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
    cycles = by_cycle.index.get_level_values("cycle").to_series(index=by_cycle.index)
    ends = by_cycle[cycles == cycles.groupby(level="dataset").transform("max")]
    best = ends.groupby(level=["dataset", "embedding"]).mean().max(axis=1)
    reached = best.unstack("embedding")
    seen = ""
    if quality is not None:
        share = (reached / quality_table(quality, "probe_accuracy", reached)).stack().dropna()
        if len(share):
            seen = (
                f"At the end the best strategy has reached {share.mean() * 100:.0f} % of the accuracy of a head on "
                f"all labels ({share.min() * 100:.0f} to {share.max() * 100:.0f} %); above it in "
                f"{int((share > 1).sum())} of {len(share)} pairs of dataset and embedding."
            )
    return correlation_claim(text, measured, reached, quality, seen)


def _fall_together(area: pd.Series, quality: pd.DataFrame | None) -> Claim:
    text = "Every strategy falls as the embedding gets poorer."
    measured = (
        "Rank correlation of full-data probe accuracy with AULC, over embeddings within a dataset, for each strategy; "
        "the effect is the smallest one."
    )
    if quality is None:
        return Claim(text, measured, None, NO_QUALITY)
    several = {}
    for name, values in area.groupby(level="strategy"):
        outcome = embedding_means(values)
        evidence = rank_correlation(quality_table(quality, "probe_accuracy", outcome), outcome)
        if evidence is None:
            return Claim(text, measured, None, FEW_EMBEDDINGS)
        several[name] = evidence
    shares = variance_shares(area)
    order = sorted(several, key=lambda name: several[name].effect)
    seen = (
        f"ρ from {several[order[0]].effect:.2f} ({order[0]}) to {several[order[-1]].effect:.2f} ({order[-1]}). Within "
        f"a dataset the embedding accounts for {shares['embedding'] * 100:.0f} % of the variance of AULC, the "
        f"strategy for {shares['strategy'] * 100:.1f} %, the initial pool for {shares['initial'] * 100:.1f} %."
    )
    return Claim(text, measured, weakest(list(several.values()), seen))


def _embedding_before_strategy(area: pd.Series, quality: pd.DataFrame | None) -> Claim:
    text = "Random with the best embedding beats the best strategy with the poorest one."
    measured = "AULC on each dataset; best and poorest by full-data probe accuracy; paired by seed."
    if quality is None:
        return Claim(text, measured, None, NO_QUALITY)
    parts = []
    for dataset, values in area.groupby(level="dataset"):
        table = values.droplevel("dataset").groupby(level=["embedding", "strategy", "seed"]).mean().unstack("strategy")
        probes = quality[quality["dataset"] == dataset].set_index("embedding")["probe_accuracy"]
        probes = probes[probes.index.isin(table.index.get_level_values("embedding"))]
        if probes.nunique() < 2 or BASELINE not in table:
            continue
        good, poor = table.loc[probes.idxmax()], table.loc[probes.idxmin()]
        rival = poor.mean().idxmax()
        parts.append(pd.concat({dataset: good[BASELINE] - poor[rival]}, names=["dataset"]))
    if not parts:
        return Claim(text, measured, None, "It takes runs of random, and two embeddings of different quality.")
    units = pd.concat(parts).dropna()
    means = units.groupby(level="dataset").mean()
    return Claim(text, measured, mean_effect(units, f"{points(means.mean())}; {across(means)}."))
