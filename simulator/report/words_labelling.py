"""Sentences of the report on labelling: classes seen, minutes, reliability, number of seeds."""

from __future__ import annotations

from simulator.analysis.comparisons import BASELINE
from simulator.analysis.evidence import listed, points, sentences
from simulator.analysis.learning_curves import curves
from simulator.analysis.ranking_stability import ALL
from simulator.report import tables_labelling as tables
from simulator.report.analysis import Analysis


def classes_seen(analysis: Analysis) -> str:
    """Which strategies see every class first and last, and which is best on the rarest class at the end."""
    table = tables.classes(analysis)
    pooled = table.assign(rank=table.groupby("dataset")["once"].rank(na_option="bottom"))
    order = pooled.groupby("strategy")["rank"].mean().sort_values(kind="stable")
    if len(order) < 2:
        return _rarest(analysis)
    first, last = (listed(order.index[order == end]) for end in (order.iloc[0], order.iloc[-1]))
    compared = (
        "All strategies need equally many labels until every class has one."
        if order.iloc[0] == order.iloc[-1]
        else f"By mean rank over datasets every class has a label first with {first}, and last with {last}."
    )
    return sentences(compared, _rarest(analysis))


def _rarest(analysis: Analysis) -> str:
    if not analysis.has("rarest_recall"):
        return ""
    recall = curves(analysis.results, "rarest_recall").groupby(level=["dataset", "cycle"]).mean()
    last = recall.groupby(level="dataset").tail(1).mean().sort_values(ascending=False, kind="stable")
    random = f", random {last[BASELINE]:.2f}" if BASELINE in last and last.index[0] != BASELINE else ""
    best = f"{last.index[0]} {last.iloc[0]:.2f}"
    return f"Recall of the rarest class with the last number of labels, mean over datasets: {best}{random}."


def minutes_seen(analysis: Analysis) -> str:
    """Whether counting minutes changes which strategy saves most."""
    table = analysis.saved
    table = table[table["strategy"] != BASELINE]
    reached = table.dropna(subset=["minutes", "labels"])
    if not len(reached):
        return ""
    by_minutes = reached.iloc[0]
    by_labels = reached.sort_values("labels", kind="stable").iloc[0]
    longest = table.sort_values("words_per_label", kind="stable").iloc[-1]
    speed = analysis.reading_speed
    labels, minutes = f"{by_labels['labels'] * 100:.0f} %", f"{by_minutes['minutes'] * 100:.0f} %"
    fewest = (
        f"{by_labels['strategy']} needs fewest labels ({labels} of random's) and fewest minutes ({minutes})"
        if by_labels["strategy"] == by_minutes["strategy"]
        else f"{by_labels['strategy']} needs fewest labels ({labels} of random's), {by_minutes['strategy']} fewest "
        f"minutes ({minutes})"
    )
    return sentences(
        f"At {speed.words_per_minute:g} words a minute and {speed.seconds_per_label:g} s per label: until the accuracy "
        f"with which random ends, {fewest}.",
        f"{longest['strategy']} picks the longest texts, {longest['words_per_label']:.1f} words on average.",
    )


def reliability_seen(analysis: Analysis) -> str:
    """The mean gap at the first and at the last number of labels, and the strategies with the extreme ones."""
    gap = curves(analysis.results, "confidence") - curves(analysis.results, "accuracy")
    by_cycle = gap.groupby(level=["dataset", "cycle"]).mean()
    last = by_cycle.groupby(level="dataset").tail(1).mean().sort_values(kind="stable")
    first = float(by_cycle.groupby(level="dataset").head(1).mean().mean())
    return sentences(
        f"Confidence minus accuracy, mean over strategies and datasets: {points(first)} with the initial labels, "
        f"{points(float(last.mean()))} with all.",
        f"With all, from {points(last.iloc[0])} ({last.index[0]}) to {points(last.iloc[-1])} ({last.index[-1]})."
        if points(last.iloc[0]) != points(last.iloc[-1])
        else "",
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
