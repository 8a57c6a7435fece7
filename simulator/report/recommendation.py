"""What to use, in words, with what is equally good named beside it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from simulator.comparisons import BASELINE, by_strategy, common_blocks, compare
from simulator.evidence import listed
from simulator.report.analysis import Analysis
from simulator.report.words import seconds as duration
from simulator.statistics import labels_to_reach


@dataclass(frozen=True)
class Advice:
    """about: embedding, start, strategy or labels; headline: the choice; reason: the numbers behind it."""

    about: str
    headline: str
    reason: str


def recommendations(analysis: Analysis) -> list[Advice]:
    """One for each thing that the results let one choose."""
    return [
        *_choice(analysis, "embedding", "whole", "over all labels"),
        *_choice(analysis, "initial", "early", "over the first third of the labels"),
        *_strategy(analysis),
        *_saved(analysis),
    ]


def _choice(analysis: Analysis, column: str, period: str, when: str) -> list[Advice]:
    values = analysis.areas[period]
    wide = values.groupby(level=["dataset", "strategy", "seed", *({"embedding", "initial"} - {column}), column]).mean()
    every = wide.unstack(column)
    paired = common_blocks(every)
    if paired.shape[1] < 2 or not len(paired):
        return []
    table = compare(paired.groupby(level=["dataset", "seed"]).mean())
    rare = [name for name in every if name not in paired]
    reason = _ranking(table, when) + (f" Run too rarely to be compared here: {listed(rare)}." if rare else "")
    return [Advice({"embedding": "Embedding", "initial": "Start"}[column], _headline(table), reason)]


def _headline(table: pd.DataFrame) -> str:
    best = table.index[table["mark"] == "best"][0]
    tied = list(table.index[table["mark"] == "tied"])
    return f"{best}, or as good: {listed(tied, 'or')}" if tied else str(best)


def _ranking(table: pd.DataFrame, when: str) -> str:
    ordered = table[table["mark"] != "partial"].sort_values("mean", ascending=False)
    means = [f"{name} {row['mean'] * 100:.1f}" for name, row in ordered.iterrows()]
    worse = int((table["mark"] == "worse").sum())
    tail = (
        f"{worse} of {len(ordered) - 1} others are significantly worse"
        if len(ordered) > 1
        else "nothing to compare with"
    )
    return f"Mean accuracy {when}, in %: {', '.join(means)}. {tail} ({_test(table)})."


def _test(table: pd.DataFrame) -> str:
    return f"Wilcoxon signed-rank over {int(table['blocks'].max())} pairs of (dataset, seed), Holm-corrected"


def _strategy(analysis: Analysis) -> list[Advice]:
    table = analysis.comparison
    if len(table) < 2:
        return []
    best = table.index[table["mark"] == "best"][0]
    equal = [best, *table.index[table["mark"] == "tied"]]
    seconds = analysis.seconds.set_index("strategy")["middle"]
    cheapest = seconds[equal].idxmin()
    reason = _ranking(table, "over all labels")
    reason += f" A query of {cheapest}{', the fastest of the equals,' if len(equal) > 1 else ''} takes "
    reason += f"{duration(seconds[cheapest])}."
    return [Advice("Strategy", _headline(table), reason), *_by_budget(analysis)]


def _by_budget(analysis: Analysis) -> list[Advice]:
    found = {}
    for period in ("early", "late"):
        wide = common_blocks(by_strategy(analysis.areas[period]))
        if not len(wide):
            return []
        found[period] = compare(wide.groupby(level=["dataset", "seed"]).mean())
    words = [f"{'few' if period == 'early' else 'many'} labels: {_headline(table)}" for period, table in found.items()]
    early, late = (table.index[table["mark"] == "best"][0] for table in found.values())
    headline = f"{early} early, {late} late" if early != late else f"{early}, early and late"
    return [Advice("By budget", headline, f"With {'; with '.join(words)} (first and last third of the labels).")]


def _saved(analysis: Analysis) -> list[Advice]:
    if BASELINE not in analysis.curves:
        return []
    table = analysis.comparison
    best = next((name for name in analysis.order if name != BASELINE and table.loc[name, "mark"] != "partial"), None)
    if best is None:
        return []
    saved, never = [], 0
    means = analysis.curves.groupby(level=["dataset", "embedding", "initial", "cycle"]).mean()
    sizes = analysis.results.groupby(["dataset", "cycle"])["n_labeled"].first()
    for (dataset, _, _), part in means.groupby(level=["dataset", "embedding", "initial"]):
        both = part[[BASELINE, best]].dropna()
        if len(both) < 2:
            continue
        labels = sizes[dataset].to_numpy(dtype=np.float64)[: len(both)]
        needed = labels_to_reach(labels, both[best].to_numpy(), float(both[BASELINE].iloc[-1]))
        never += bool(np.isnan(needed))
        if not np.isnan(needed):
            saved.append(1 - needed / labels[-1])
    total = len(saved) + never
    if not saved:
        return []
    # A setting in which it never gets there saves nothing, and counts as such.
    share = float(np.median([*saved, *[0.0] * never]))
    reason = (
        f"To reach what random reaches with all its labels, {best} needs {share * 100:.0f} % fewer, the median of "
        f"{total} settings (dataset, embedding, start); in {never} of them it does not get there."
    )
    return [Advice("Labels saved", f"{share * 100:.0f} % with {best}", reason)]
