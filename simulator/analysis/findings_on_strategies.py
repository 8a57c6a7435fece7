"""The second finding: no strategy is best everywhere, and some are robust."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from simulator.analysis.comparisons import common_blocks, gains
from simulator.analysis.evidence import (
    ALPHA,
    FEW_EMBEDDINGS,
    NO_QUALITY,
    Claim,
    Evidence,
    PaperFinding,
    extremes,
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
from simulator.analysis.statistics import holm, mean_interval, pitman_morgan, wilcoxon

ROBUST = ["badge", "entropy"]
SPIKY = "margin"


def strategies_finding(whole: pd.DataFrame, quality: pd.DataFrame | None) -> PaperFinding:
    """Decide the second finding.

    whole: AULC, one row per block, one column per strategy; quality: embedding_quality.parquet, or None.
    """
    gain = gains(whole)
    return finding(
        "No strategy is best everywhere: Margin spikes on single datasets; Badge and Entropy are robust, and gain "
        "more from better embeddings.",
        [_no_universal_best(whole), _spikes(gain), _robust(gain), _robust_and_quality(gain, quality)],
    )


def _no_universal_best(whole: pd.DataFrame) -> Claim:
    text = "Every strategy is clearly beaten by another one on some dataset."
    measured = (
        "AULC, paired by dataset, embedding, initial pool and seed. The worst case of a strategy is the dataset and "
        "the other strategy with which it is furthest behind. The effect is the smallest worst case of all strategies."
    )
    common = common_blocks(whole)
    datasets = common.index.get_level_values("dataset")
    omitted = left_out(whole.stack().dropna().index, common.stack().index)
    if common.shape[1] < 3 or datasets.nunique() < 2:
        why = "This needs at least 3 strategies, and 2 datasets on which all of them were run."
        return undecided(text, measured, why, omitted)
    names = list(common.columns)
    tests = datasets.nunique() * (len(names) - 1)
    worst: dict[str, tuple[float, str, str]] = {}
    p_by_strategy = {}
    for name in names:
        behind = common.drop(columns=name).sub(common[name], axis=0)
        means = behind.groupby(level="dataset").mean()
        dataset, rival = means.stack().idxmax()
        worst[name] = (float(means.loc[dataset, rival]), dataset, rival)
        least = [
            wilcoxon(part[rival].to_numpy(), "greater").p
            for _, part in behind.groupby(level="dataset")
            for rival in behind
        ]
        p_by_strategy[name] = min(1.0, min(least) * tests)
    mildest = min(worst, key=lambda name: worst[name][0])
    effect, dataset, rival = worst[mildest]
    gap = (common[rival] - common[mildest]).xs(dataset, level="dataset").groupby(level="seed").mean()
    low, high = mean_interval(gap.to_numpy())
    unbeaten = [name for name in names if p_by_strategy[name] >= ALPHA]
    seen = (
        f"The smallest worst case is that of {mildest}: on {dataset} it is {effect * 100:.1f} points behind {rival}. "
        + (f"Not clearly beaten anywhere: {listed(unbeaten)}." if unbeaten else "All are clearly beaten somewhere.")
    )
    test = (
        f"Wilcoxon signed-rank, one-sided, per dataset and rival, Bonferroni-corrected for {tests}; every strategy "
        "must be beaten (intersection-union: the largest p)"
    )
    p = max(p_by_strategy.values())
    evidence = Evidence("points", effect, float(low), float(high), test, p, sentences(seen, omitted))
    return Claim(text, measured, evidence)


def _spikes(gain: pd.DataFrame) -> Claim:
    text = "Margin's gain varies more from dataset to dataset than that of Badge and Entropy."
    measured = (
        "Standard deviation over datasets of the gain over random (AULC): that of Margin divided by that of the mean "
        "of Badge and Entropy."
    )
    absent = _without_gain([SPIKY, *ROBUST], gain)
    if absent:
        return undecided(text, measured, absent)
    means = gain[[SPIKY, *ROBUST]].dropna().groupby(level="dataset").mean()
    if len(means) < 4:
        return undecided(
            text,
            measured,
            "This needs at least 4 datasets on which these three and random were run with the same settings.",
        )
    spiky, steady = means[SPIKY].to_numpy(), means[ROBUST].mean(axis=1).to_numpy()
    spread = pitman_morgan(spiky, steady)
    if np.isnan(spread.p):
        return undecided(text, measured, "The gains do not vary over datasets.")
    most = extremes(
        means[SPIKY].sort_values(ascending=False, kind="stable"),
        points,
        first="Margin gains most on {name} ({value})",
        last="least on {name} ({value})",
        same="Margin gains {value} on every dataset",
    )
    seen = (
        f"{most}; its spread is {spiky.std(ddof=1) * 100:.2f} points, that of Badge and Entropy "
        f"{steady.std(ddof=1) * 100:.2f}."
    )
    test = f"Pitman–Morgan test of equal variances over {len(means)} datasets, paired, one-sided"
    return Claim(text, measured, Evidence("ratio", spread.ratio, spread.low, spread.high, test, spread.p, seen))


def _robust(gain: pd.DataFrame) -> Claim:
    text = "Badge and Entropy beat random overall, and are below it on no dataset."
    measured = "Gain over random (AULC), for each of the two. The effect is the smaller gain."
    absent = _without_gain(ROBUST, gain)
    if absent:
        return undecided(text, measured, absent)
    evidence_of_each, seen, against = [], [], []
    for name in ROBUST:
        values = gain[name].dropna()
        units = values.groupby(level=["dataset", "seed"]).mean()
        evidence_of_each.append(mean_effect(units, ""))
        parts = {dataset: part.to_numpy() for dataset, part in values.groupby(level="dataset")}
        below = holm(np.array([wilcoxon(part, "less").p for part in parts.values()]))
        harmed = [dataset for dataset, p in zip(parts, below, strict=True) if p < ALPHA]
        means = values.groupby(level="dataset").mean()
        seen.append(
            f"{name} {points(means.mean())}, lowest {points(means.min())} on {means.idxmin()}, significantly below "
            f"random on {listed(harmed) if harmed else 'no dataset'}"
        )
        if harmed:
            against.append(f"{name} is below random on {listed(harmed)} (Wilcoxon signed-rank, Holm over datasets)")
    return Claim(text, measured, weakest(evidence_of_each, f"{'; '.join(seen)}.", "; ".join(against)))


def _robust_and_quality(gain: pd.DataFrame, quality: pd.DataFrame | None) -> Claim:
    text = "The better the embedding, the more Badge and Entropy gain over random."
    measured = (
        "Rank correlation of full-data probe accuracy with the gain over random (AULC), over embeddings within a "
        "dataset, for each of the two. The effect is the smaller correlation."
    )
    absent = _without_gain(ROBUST, gain)
    if absent:
        return undecided(text, measured, absent)
    if quality is None:
        return undecided(text, measured, NO_QUALITY)
    evidence_of_each, seen = [], []
    for name in ROBUST:
        paired = gain[name].dropna()
        common, omitted = over_equal_runs(paired, quality)
        evidence = probe_correlation(common, quality)
        if evidence is None:
            return undecided(text, measured, f"{name}: {FEW_EMBEDDINGS}", omitted)
        evidence_of_each.append(evidence)
        seen.append(sentences(f"ρ = {rho(evidence.effect)} for {name}.", omitted))
    return Claim(text, measured, weakest(evidence_of_each, sentences(*seen)))


def _without_gain(names: Sequence[str], gain: pd.DataFrame) -> str:
    """A sentence that names the strategies without a gain over random; empty if all have one."""
    absent = [name for name in names if name not in gain]
    return f"There are no runs of {listed(absent)} that can be compared with runs of random." if absent else ""
