"""What to use, in words, with what is equally good named beside it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from simulator.analysis.comparisons import BASELINE, by_strategy, common_blocks, compare, shared
from simulator.analysis.evidence import left_out, listed, sentences
from simulator.analysis.statistics import Floats, labels_to_reach
from simulator.report.analysis import Analysis
from simulator.report.words import seconds as duration

NO_CHOICE = "nothing to recommend"


@dataclass(frozen=True)
class Recommendation:
    """about: embedding, start, strategy or labels; headline: the choice; reason: the numbers behind it."""

    about: str
    headline: str
    reason: str


def recommendations(analysis: Analysis) -> list[Recommendation]:
    """One for each choice that the results inform: embedding, start, strategy, labels."""
    return [
        *_choice(analysis, "embedding", "whole", "over all labels"),
        *_choice(analysis, "initial", "early", "over the first third of the labels"),
        *_strategy(analysis),
        *_saved(analysis),
    ]


def _choice(analysis: Analysis, column: str, period: str, when: str) -> list[Recommendation]:
    title = {"embedding": "Embedding", "initial": "Start"}[column]
    values = analysis.areas[period]
    if len(values.index.unique(column)) < 2:
        return []
    alike = shared(values, column)
    left = left_out(values.index, alike.index)
    if not len(alike):
        reason = f"No two {title.lower()}s were run with the same strategy, and all else the same."
        return [Recommendation(title, NO_CHOICE, reason)]
    table = compare(alike.groupby(level=["dataset", "seed", column]).mean().unstack(column))
    return [Recommendation(title, _headline(table), sentences(_ranking(table, when), left))]


def _headline(table: pd.DataFrame) -> str:
    best = table.index[table["mark"] == "best"][0]
    tied = list(table.index[table["mark"] == "tied"])
    return f"{best}, or as good: {listed(tied, 'or')}" if tied else str(best)


def _ranking(table: pd.DataFrame, when: str) -> str:
    """Means of what is compared, and the test; table: of `compare`, with at least two that are not partial."""
    ordered = table[table["mark"] != "partial"].sort_values("mean", ascending=False)
    means = [f"{name} {row['mean'] * 100:.1f}" for name, row in ordered.iterrows()]
    worse = int((ordered["mark"] == "worse").sum())
    pairs = int(ordered["blocks"].max())
    return (
        f"Mean accuracy {when}, in %: {', '.join(means)}. {worse} of {len(ordered) - 1} others are significantly worse "
        f"(Wilcoxon signed-rank over {pairs} pair{'s' if pairs != 1 else ''} of (dataset, seed), Holm-corrected)."
    )


def _strategy(analysis: Analysis) -> list[Recommendation]:
    table = analysis.comparison
    if len(table) < 2:
        return []
    if analysis.compared.shape[1] < 2:
        reason = (
            "Too few runs have the same dataset, embedding, start and seed for strategies to be compared over all of "
            "them; the AULC table compares those that one embedding and one start have."
        )
        return [Recommendation("Strategy", NO_CHOICE, reason)]
    best = table.index[table["mark"] == "best"][0]
    equal = [best, *table.index[table["mark"] == "tied"]]
    seconds = analysis.seconds.set_index("strategy")["middle"]
    cheapest = seconds[equal].idxmin()
    fastest = (
        f"A query of {cheapest}{', the fastest of the equals,' if len(equal) > 1 else ''} takes "
        f"{duration(seconds[cheapest])}."
    )
    reason = sentences(_ranking(table, "over all labels"), fastest, analysis.left_out, _of_all(analysis))
    return [Recommendation("Strategy", _headline(table), reason), *_by_budget(analysis)]


def _of_all(analysis: Analysis) -> str:
    """Where strategies were left out: what the runs say that every strategy has."""
    every = analysis.whole.dropna()
    if not len(every) or analysis.compared.shape[1] == every.shape[1]:
        return ""
    table = compare(every.groupby(level=["dataset", "seed"]).mean())
    place = "; ".join(
        f"{title} {listed(list(every.index.unique(column)))}"
        for column, title in (("initial", "start"), ("embedding", "embedding"))
        if len(every.index.unique(column)) < len(analysis.names(column))
    )
    ranking = _ranking(table, "over all labels")
    return (
        f"Over the runs that all {every.shape[1]} have{f' ({place})' if place else ''}: {_headline(table)}. {ranking}"
    )


def _by_budget(analysis: Analysis) -> list[Recommendation]:
    by_period = {}
    for period in ("early", "late"):
        wide = common_blocks(by_strategy(analysis.areas[period]))
        by_period[period] = compare(wide.groupby(level=["dataset", "seed"]).mean())
    words = [
        f"{'few' if period == 'early' else 'many'} labels: {_headline(table)}" for period, table in by_period.items()
    ]
    early, late = (table.index[table["mark"] == "best"][0] for table in by_period.values())
    headline = f"{early} early, {late} late" if early != late else f"{early}, early and late"
    reason = f"With {'; with '.join(words)} (first and last third of the labels)."
    return [Recommendation("By budget", headline, sentences(reason, analysis.left_out))]


def _saved(analysis: Analysis) -> list[Recommendation]:
    best = next((name for name in analysis.order if name != BASELINE and name in analysis.compared), None)
    if BASELINE not in analysis.curves or best is None or len(analysis.cycles) < 2:
        return []
    both = analysis.curves[[BASELINE, best]].dropna()
    if not len(both):
        return [Recommendation("Labels saved", "not known", f"{best}, the best strategy, shares no run with random.")]
    needed = _needed(analysis, both, best)
    total, never = len(needed), int(np.isnan(needed).sum())
    settings = f"{total} setting{'s' if total != 1 else ''} (dataset, embedding, start)"
    if never == total:
        reason = f"In none of {settings} {best} reaches what random reaches with all its labels."
        return [Recommendation("Labels saved", f"none with {best}", reason)]
    # A setting in which it never gets there saves nothing, and counts as such.
    share = float(np.median(np.nan_to_num(1 - needed)))
    reason = (
        f"To reach what random reaches with all its labels, {best} needs {share * 100:.0f} % fewer, the median of "
        f"{settings}; in {never} of them it does not get there."
    )
    return [Recommendation("Labels saved", f"{share * 100:.0f} % with {best}", reason)]


def _needed(analysis: Analysis, both: pd.DataFrame, best: str) -> Floats:
    """Share of the labels with which best reaches random's end, one per setting (dataset, embedding, start), or NaN."""
    setting = ["dataset", "embedding", "initial"]
    sizes = analysis.results.groupby(["dataset", "cycle"])["n_labeled"].first()
    shares = []
    for (dataset, _, _), part in both.groupby(level=[*setting, "cycle"]).mean().groupby(level=setting):
        labels = sizes[dataset].to_numpy(dtype=np.float64)
        target = float(part[BASELINE].iloc[-1])
        shares.append(labels_to_reach(labels, part[best].to_numpy(), target) / labels[-1])
    return np.array(shares)
