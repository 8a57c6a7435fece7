"""Recommendations in words: what to use, and what is not significantly worse."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from simulator.analysis.comparisons import BASELINE, by_strategy, common_blocks, compare, shared
from simulator.analysis.evidence import left_out, listed, sentences
from simulator.analysis.heads import by_head
from simulator.analysis.statistics import Floats, labels_to_reach
from simulator.report.analysis import Analysis
from simulator.report.words import seconds as duration

NO_CHOICE = "nothing to recommend"


@dataclass(frozen=True)
class Recommendation:
    """One recommendation. about: what is chosen, such as the embedding; headline: the choice; reason: its numbers."""

    about: str
    headline: str
    reason: str


def recommendations(analysis: Analysis) -> list[Recommendation]:
    """One recommendation for each choice that the results compare: embedding, start, head, strategy, labels needed."""
    return [
        *_embedding_or_start(analysis, "embedding", "whole", "over all labels"),
        *_embedding_or_start(analysis, "initial", "early", "over the first third of the labels"),
        *_head(analysis),
        *_strategy(analysis),
        *_saved(analysis),
    ]


def _embedding_or_start(analysis: Analysis, column: str, period: str, when: str) -> list[Recommendation]:
    return _factor(analysis.areas[period], column, {"embedding": "Embedding", "initial": "Start"}[column], when)


def _head(analysis: Analysis) -> list[Recommendation]:
    if len(analysis.heads) < 2:
        return []
    return _factor(by_head(analysis.areas["whole"]), "head", "Head", "over all labels")


def _factor(values: pd.Series, column: str, title: str, when: str) -> list[Recommendation]:
    if len(values.index.unique(column)) < 2:
        return []
    common = shared(values, column)
    omitted = left_out(values.index, common.index)
    if not len(common):
        reason = f"No two {title.lower()}s were run with the same strategy and otherwise equal settings."
        return [Recommendation(title, NO_CHOICE, reason)]
    table = compare(common.groupby(level=["dataset", "seed", column]).mean().unstack(column))
    return [Recommendation(title, _headline(table), sentences(_ranking(table, when), omitted))]


def _headline(table: pd.DataFrame) -> str:
    best = table.index[table["mark"] == "best"][0]
    tied = list(table.index[table["mark"] == "tied"])
    return f"{best}; as good: {listed(tied, 'or')}" if tied else str(best)


def _ranking(table: pd.DataFrame, when: str) -> str:
    """The means in order, and the test, in words; table: from `compare`, with two or more rows that are not partial."""
    ordered = table[table["mark"] != "partial"].sort_values("mean", ascending=False)
    means = [f"{name} {row['mean'] * 100:.1f}" for name, row in ordered.iterrows()]
    worse = int((ordered["mark"] == "worse").sum())
    pairs = int(ordered["blocks"].max())
    test = f"Wilcoxon signed-rank over {pairs} pair{'s' if pairs != 1 else ''} of (dataset, seed), Holm-corrected"
    return (
        f"Mean accuracy {when}, in %: {', '.join(means)}. Significantly worse than the first: {worse} of "
        f"{len(ordered) - 1} ({test})."
    )


def _strategy(analysis: Analysis) -> list[Recommendation]:
    table = analysis.comparison
    if len(table) < 2:
        return []
    if analysis.compared.shape[1] < 2:
        reason = (
            "Too few runs have the same dataset, embedding, start and seed to compare all strategies over all runs. "
            "The AULC table compares the strategies of one embedding and one start."
        )
        return [Recommendation("Strategy", NO_CHOICE, reason)]
    best = table.index[table["mark"] == "best"][0]
    equally_good = [best, *table.index[table["mark"] == "tied"]]
    seconds = analysis.seconds.set_index("strategy")["middle"]
    cheapest = seconds[equally_good].idxmin()
    fastest = (
        f"A query of {cheapest}{', the fastest of these,' if len(equally_good) > 1 else ''} takes "
        f"{duration(seconds[cheapest])}."
    )
    reason = sentences(_ranking(table, "over all labels"), fastest, analysis.left_out, _over_all_strategies(analysis))
    return [Recommendation("Strategy", _headline(table), reason), *_by_budget(analysis)]


def _over_all_strategies(analysis: Analysis) -> str:
    """If strategies were left out: the comparison over the runs that all strategies have."""
    complete_blocks = analysis.whole.dropna()
    if not len(complete_blocks) or analysis.compared.shape[1] == complete_blocks.shape[1]:
        return ""
    table = compare(complete_blocks.groupby(level=["dataset", "seed"]).mean())
    restriction = "; ".join(
        f"{title} {listed(list(complete_blocks.index.unique(column)))}"
        for column, title in (("initial", "start"), ("embedding", "embedding"))
        if len(complete_blocks.index.unique(column)) < len(analysis.names(column))
    )
    ranking = _ranking(table, "over all labels")
    in_brackets = f" ({restriction})" if restriction else ""
    return f"Over the runs that all {complete_blocks.shape[1]} have{in_brackets}: {_headline(table)}. {ranking}"


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
    reason = f"With {'. With '.join(words)}. (Few and many are the first and the last third of the labels.)"
    return [Recommendation("By budget", headline, sentences(reason, analysis.left_out))]


def _saved(analysis: Analysis) -> list[Recommendation]:
    best = next((name for name in analysis.order if name != BASELINE and name in analysis.compared), None)
    if BASELINE not in analysis.curves or best is None or len(analysis.cycles) < 2:
        return []
    both = analysis.curves[[BASELINE, best]].dropna()
    if not len(both):
        return [
            Recommendation(
                "Labels saved", "not known", f"{best}, the best strategy, has no runs that can be compared with random."
            )
        ]
    needed = _needed(analysis, both, best)
    total, never = len(needed), int(np.isnan(needed).sum())
    settings = f"{total} setting{'s' if total != 1 else ''} (dataset, embedding, start)"
    if never == total:
        reason = f"In none of {settings} does {best} reach the accuracy that random reaches with all its labels."
        return [Recommendation("Labels saved", f"none with {best}", reason)]
    # A setting in which it never reaches that accuracy counts as saving nothing.
    share = float(np.median(np.nan_to_num(1 - needed)))
    reason = (
        f"To reach the accuracy that random reaches with all its labels, {best} needs {share * 100:.0f} % fewer labels "
        f"(median of {settings}); in {never} of them it does not reach that accuracy."
    )
    return [Recommendation("Labels saved", f"{share * 100:.0f} % with {best}", reason)]


def _needed(analysis: Analysis, both: pd.DataFrame, best: str) -> Floats:
    """Share of the labels with which `best` reaches the final accuracy of random, one per setting; NaN for never."""
    setting = ["dataset", "embedding", "initial"]
    sizes = analysis.results.groupby(["dataset", "cycle"])["n_labeled"].first()
    shares = []
    for (dataset, _, _), part in both.groupby(level=[*setting, "cycle"]).mean().groupby(level=setting):
        labels = sizes[dataset].to_numpy(dtype=np.float64)
        target = float(part[BASELINE].iloc[-1])
        shares.append(labels_to_reach(labels, part[best].to_numpy(), target) / labels[-1])
    return np.array(shares)
