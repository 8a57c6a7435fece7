"""Sentences of the report on labelling: classes seen, minutes, reliability, number of seeds."""

from __future__ import annotations

import pandas as pd

from simulator.analysis.comparisons import BASELINE
from simulator.analysis.evidence import extremes, listed, points, sentences
from simulator.analysis.heads import strategy_of
from simulator.analysis.learning_curves import curves
from simulator.analysis.ranking_stability import ALL
from simulator.report import tables_labelling as tables
from simulator.report.analysis import Analysis
from simulator.report.words import NOT_COMPARED


def classes_seen(analysis: Analysis) -> str:
    """Which strategies see every class first and last, and which is best on the rarest class at the end."""
    if not len(analysis.compared_results):
        return NOT_COMPARED
    table = tables.classes(analysis.compared_results, analysis.record)
    return sentences(_first_and_last(table), _rarest(analysis), analysis.left_out)


def _first_and_last(table: pd.DataFrame) -> str:
    """With which strategies every class has a label first and last; empty for fewer than two; table: from `classes`."""
    ranks = table.groupby("dataset")["once"].rank(na_option="bottom")
    order = ranks.groupby(table["strategy"]).mean().sort_values(kind="stable")
    if len(order) < 2:
        return ""
    never = table["once"].isna()
    if never.all():
        return "With no strategy does the median run get a label of every class."
    if order.iloc[0] == order.iloc[-1]:
        where = " on the datasets where the median run gets there" if never.any() else ""
        return f"All strategies need equally many labels until every class has one{where}."
    first, last = (listed(order.index[order == end]) for end in (order.iloc[0], order.iloc[-1]))
    return f"By mean rank over datasets every class has a label first with {first}, and last with {last}."


def _rarest(analysis: Analysis) -> str:
    if not analysis.has("rarest_recall"):
        return ""
    recall = curves(analysis.compared_results, "rarest_recall").groupby(level=["dataset", "cycle"]).mean()
    last = recall.groupby(level="dataset").tail(1).mean().sort_values(ascending=False, kind="stable")
    shown = last.map("{:.2f}".format)
    best = list(last.index[shown == shown.iloc[0]])
    what = "Recall of the rarest class with the last number of labels, mean over datasets"
    if len(best) == len(last) > 1:
        return f"{what}: {shown.iloc[0]} with all strategies."
    random = f", random {shown[BASELINE]}" if BASELINE in last and BASELINE not in best else ""
    return f"{what}: {listed(best)} {shown.iloc[0]}{random}."


def minutes_seen(analysis: Analysis) -> str:
    """Whether counting minutes changes which strategy saves most."""
    if not len(analysis.compared_results):
        return NOT_COMPARED
    is_compared = analysis.saved["strategy"].isin(analysis.compared.columns)
    table, omitted = analysis.saved[is_compared], list(analysis.saved["strategy"][~is_compared])
    is_random = table["strategy"].map(strategy_of) == BASELINE
    reached = table[~is_random].dropna(subset=["minutes", "labels"])
    if not len(reached):
        return ""
    speed = analysis.reading_speed
    length = extremes(
        table.set_index("strategy")["words_per_label"].sort_values(ascending=False, kind="stable"),
        lambda value: f"{value:.1f}",
        first="{name} picks the longest texts, {value} words on average",
        last="{name} the shortest, {value}",
        same="All pick texts of the same length, {value} words on average",
    )
    return sentences(
        f"At {speed.words_per_minute:g} words a minute and {speed.seconds_per_label:g} s per label: until the accuracy "
        f"with which random ends, {_fewest(reached, is_only_one=(~is_random).sum() == 1)}.",
        f"{length}.",
        f"Left out of this, since they lack runs to compare: {listed(omitted)}." if omitted else "",
    )


def _fewest(reached: pd.DataFrame, is_only_one: bool) -> str:
    """Which strategy needs fewest labels and minutes; reached: rows of `Analysis.saved`, the fewest minutes first."""
    by_minutes, by_labels = reached.iloc[0], reached.sort_values("labels", kind="stable").iloc[0]
    labels, minutes = f"{by_labels['labels'] * 100:.0f} %", f"{by_minutes['minutes'] * 100:.0f} %"
    if is_only_one:
        return f"{by_labels['strategy']} needs {labels} of random's labels and {minutes} of its minutes"
    if by_labels["strategy"] == by_minutes["strategy"]:
        return f"{by_labels['strategy']} needs fewest labels ({labels} of random's) and fewest minutes ({minutes})"
    return (
        f"{by_labels['strategy']} needs fewest labels ({labels} of random's), {by_minutes['strategy']} fewest minutes "
        f"({minutes})"
    )


def reliability_seen(analysis: Analysis) -> str:
    """The mean gap at the first and at the last number of labels, and the strategies with the extreme ones."""
    if not len(analysis.compared_results):
        return NOT_COMPARED
    gap = curves(analysis.compared_results, "confidence") - curves(analysis.compared_results, "accuracy")
    by_cycle = gap.groupby(level=["dataset", "cycle"]).mean()
    last = by_cycle.groupby(level="dataset").tail(1).mean().sort_values(kind="stable")
    first = float(by_cycle.groupby(level="dataset").head(1).mean().mean())
    return sentences(
        f"Confidence minus accuracy, mean over strategies and datasets: {points(first)} with the initial labels, "
        f"{points(float(last.mean()))} with all.",
        f"With all, from {points(last.iloc[0])} ({last.index[0]}) to {points(last.iloc[-1])} ({last.index[-1]})."
        if points(last.iloc[0]) != points(last.iloc[-1])
        else "",
        analysis.left_out,
    )


def ranking_seen(analysis: Analysis) -> str:
    """How often few seeds would name the same best strategy as all."""
    table = analysis.ranking_stability
    first = table[table["dataset"] == (ALL if (table["dataset"] == ALL).any() else table["dataset"].iloc[0])]
    shares = [f"{share * 100:.0f} % for {n}" for n, share in zip(first["seeds"], first["best_share"], strict=True)]
    where = "Over all datasets together" if (table["dataset"] == ALL).any() else f"On {first['dataset'].iloc[0]}"
    return (
        f"{where}, {first['best'].iloc[0]} is the best strategy of all {int(first['all_seeds'].iloc[0])} seeds. "
        f"Fewer seeds drawn from these name it too in this share of the draws, by number of seeds: {', '.join(shares)}."
    )
