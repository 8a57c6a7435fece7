"""Deciding a claim from its evidence: an effect, its interval and a test."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd

from simulator.analysis.comparisons import embedding_means, quality_table, shared, with_quality
from simulator.analysis.complete_runs import RUN
from simulator.analysis.rank_correlation import mean_spearman
from simulator.analysis.statistics import LEAST_BOOTSTRAPPED, Floats, holm, mean_interval, wilcoxon

Verdict = Literal["supported", "not supported", "undecided"]
Unit = Literal["points", "rho", "ratio"]

ALPHA = 0.05
SMALLEST_RELEVANT: dict[Unit, float] = {"points": 0.005, "rho": 0.1, "ratio": 1.1}
"""Smaller effects do not count: half a point of accuracy, a rank correlation of 0.1, a ratio of 1.1."""
NO_EFFECT: dict[Unit, float] = {"points": 0.0, "rho": 0.0, "ratio": 1.0}

NO_QUALITY = "The results have no embedding_quality.parquet, or these embeddings are not in it."
FEW_EMBEDDINGS = (
    "A rank correlation needs at least 3 embeddings of different quality that were run on the same datasets."
)


@dataclass(frozen=True)
class Evidence:
    """An effect with its 95 % interval low to high, positive in the direction of the claim (for a ratio: above 1).

    test: name of the test, with its statistic; p: one-sided p-value for the claim; seen: what the numbers show, in
    words; against: a test that supports the opposite, in words, or empty.
    """

    unit: Unit
    effect: float
    low: float
    high: float
    test: str
    p: float
    seen: str
    against: str = ""


@dataclass(frozen=True)
class Claim:
    """A part of a finding that a test can decide.

    measured: how it is measured; evidence: None if the results cannot decide the claim; why: the reason for that;
    p_holm: p-value of the evidence, corrected for the claims of the finding.
    """

    text: str
    measured: str
    evidence: Evidence | None
    why: str = ""
    p_holm: float = float("nan")
    verdict: Verdict = "undecided"


@dataclass(frozen=True)
class PaperFinding:
    """A finding of the paper with the verdict on it.

    title: the paper's sentence; verdict: supported if all claims are, not supported if any is not, otherwise undecided.
    """

    title: str
    claims: list[Claim]
    verdict: Verdict


def finding(title: str, claims: Sequence[Claim]) -> PaperFinding:
    """Decide the claims, with p-values Holm-corrected within the finding, and from them the finding."""
    corrected = holm(np.array([claim.evidence.p if claim.evidence else np.nan for claim in claims]))
    decided = [
        replace(claim, p_holm=float(p), verdict=decide(claim.evidence, float(p)))
        for claim, p in zip(claims, corrected, strict=True)
    ]
    verdicts = {claim.verdict for claim in decided}
    verdict: Verdict = "supported"
    if "not supported" in verdicts:
        verdict = "not supported"
    elif "undecided" in verdicts:
        verdict = "undecided"
    return PaperFinding(title, decided, verdict)


def decide(evidence: Evidence | None, p: float) -> Verdict:
    """The verdict on a claim. Supported: p < 0.05 and the interval is on the claim's side of no effect.

    Not supported: a test supports the opposite, or the interval excludes a relevant effect (SMALLEST_RELEVANT).
    Otherwise undecided.
    """
    if evidence is None:
        return "undecided"
    if evidence.against:
        return "not supported"
    if p < ALPHA and evidence.low > NO_EFFECT[evidence.unit]:
        return "supported"
    return "not supported" if evidence.high < SMALLEST_RELEVANT[evidence.unit] else "undecided"


def interval_over_datasets(units: pd.Series) -> tuple[float, float, float]:
    """Mean over datasets of units (index dataset, seed), and the ends of its 95 % interval.

    The interval is over datasets if there are at least 5, otherwise over seeds.
    """
    means = units.groupby(level="dataset").mean()
    by_seed = units.groupby(level="seed").mean()
    low, high = mean_interval((means if len(means) >= LEAST_BOOTSTRAPPED else by_seed).to_numpy())
    return float(means.mean()), float(low), float(high)


def mean_effect(units: pd.Series, seen: str, against: str = "") -> Evidence:
    """Evidence that the mean of paired differences (index dataset, seed) is above 0."""
    effect, low, high = interval_over_datasets(units)
    test = wilcoxon(units.to_numpy(dtype=np.float64), "greater")
    name = f"Wilcoxon signed-rank over {test.pairs} pairs of (dataset, seed), one-sided, W = {test.statistic:g}"
    return Evidence("points", effect, low, high, name, test.p, seen, against)


def rank_correlation(quality: pd.DataFrame, outcome: pd.DataFrame, seen: str = "") -> Evidence | None:
    """Evidence that outcome rises with quality (rows datasets, columns embeddings); None for too few embeddings."""
    correlation = mean_spearman(_floats(quality), _floats(outcome))
    if np.isnan(correlation.rho):
        return None
    datasets = int((~np.isnan(correlation.rhos)).sum())
    name = (
        f"Spearman's ρ over {quality.shape[1]} embeddings, mean of {datasets} datasets, "
        "permutation of embeddings, one-sided"
    )
    return Evidence("rho", correlation.rho, correlation.low, correlation.high, name, correlation.p, seen)


def probe_correlation(values: pd.Series, quality: pd.DataFrame) -> Evidence | None:
    """Evidence that values (index with dataset and embedding) rise with full-data probe accuracy.

    None for too few embeddings.
    """
    outcome = embedding_means(values)
    return rank_correlation(quality_table(quality, "probe_accuracy", outcome), outcome)


def undecided(text: str, measured: str, *why: str) -> Claim:
    """A claim that the results cannot decide; why: sentences that give the reason, empty ones are dropped."""
    return Claim(text, measured, None, sentences(*why))


def over_equal_runs(values: pd.Series, quality: pd.DataFrame) -> tuple[pd.Series, str]:
    """The values that embeddings of known quality have in common, and a sentence that names what was left out.

    values: index with dataset and embedding, and the levels by which embeddings are paired.
    """
    common = shared(with_quality(values, quality), "embedding")
    return common, left_out(values.index, common.index)


def correlation_claim(
    text: str, measured: str, outcome: pd.DataFrame, quality: pd.DataFrame, seen: str, omitted: str
) -> Claim:
    """A claim that the outcome (rows datasets, columns embeddings) rises with full-data probe accuracy.

    omitted: a sentence that names what was left out of the outcome, or empty.
    """
    evidence = rank_correlation(quality_table(quality, "probe_accuracy", outcome), outcome, sentences(seen, omitted))
    return Claim(text, measured, evidence) if evidence else undecided(text, measured, FEW_EMBEDDINGS, omitted)


def left_out(before: pd.Index, after: pd.Index) -> str:
    """A sentence that names what a restriction removed from an index with levels of RUN; empty for nothing."""
    titles = {"initial": ("start", "starts"), "strategy": ("strategy", "strategies")}
    words = []
    for column in RUN:
        removed = before.unique(column).difference(after.unique(column)) if column in before.names else []
        singular, plural = titles.get(column, (column, f"{column}s"))
        words += [f"{singular if len(removed) == 1 else plural} {listed(list(removed))}"] if len(removed) else []
    return f"Left out, since they lack runs to compare: {'; '.join(words)}." if words else ""


def sentences(*parts: str) -> str:
    """Join sentences with spaces; empty ones are dropped."""
    return " ".join(part for part in parts if part)


def weakest(evidence_of_each: Sequence[Evidence], seen: str, against: str = "") -> Evidence:
    """Evidence for a claim that has to hold for each of several: the largest p and the smallest effect.

    This is an intersection-union test (Berger 1982, Technometrics 24).
    """
    least = min(evidence_of_each, key=lambda evidence: evidence.effect)
    p = float(np.max([evidence.p for evidence in evidence_of_each]))
    return replace(least, p=p, seen=seen, against=against)


def points(value: float) -> str:
    """A difference (0..1) in words, as in +1.3 points."""
    rounded = round(value * 100, 1) + 0.0  # adding 0 makes −0 a 0
    return f"{rounded:+.1f} points".replace("-", "−")


def p_value(p: float) -> str:
    """A p-value in words, as in "p = 0.012" or "p < 0.001"."""
    if np.isnan(p):
        return "p not computable"
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}" if p < 0.1 else f"p = {p:.2f}"


def rho(value: float) -> str:
    """A rank correlation in words, as in −0.12."""
    return f"{value:.2f}".replace("-", "−")


def across(means: pd.Series) -> str:
    """In words: on how many datasets a difference (index dataset) is above 0, and its smallest and largest value."""
    if len(means) == 1:
        return f"measured on {means.index[0]} only"
    spread = extremes(
        means.sort_values(kind="stable"),
        points,
        first="from {value} ({name})",
        last="to {value} ({name})",
        same="{value} on each",
    )
    return f"above 0 on {int((means > 0).sum())} of {len(means)} datasets, {spread.replace(', to', ' to')}"


def extremes(values: pd.Series, shown: Callable[[float], str], *, first: str, last: str, same: str) -> str:
    """The first and the last of ordered values (index: names) in words.

    first, last: phrases with {name} and {value}; same: with {value}, for values that are written alike, so that no two
    names are called different that look the same.
    """
    top, bottom = (shown(float(values.iloc[i])) for i in (0, -1))
    if len(values) > 1 and top == bottom:
        return same.format(value=top)
    words = first.format(name=values.index[0], value=top)
    return f"{words}, {last.format(name=values.index[-1], value=bottom)}" if len(values) > 1 else words


def listed(names: Sequence[object], last: str = "and") -> str:
    """The names in words, as in "a, b and c"; "none" for no names."""
    words = [str(name) for name in names]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}" if words else "none"


def _floats(table: pd.DataFrame) -> Floats:
    return np.asarray(table, dtype=np.float64)
