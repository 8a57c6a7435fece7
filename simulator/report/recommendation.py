"""What to use: one combination of embedding, start, head and strategy, each choice made on the runs of those before it.

All sentences of the page on what to use come from here. A choice is the best mean; what is not significantly worse is
named beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from simulator.analysis.comparisons import by_strategy, common_blocks, compare, shared
from simulator.analysis.evidence import left_out, listed, points, sentences
from simulator.analysis.heads import NAMED, PLAIN, by_head, head_of, strategy_of
from simulator.experiment.connect_line import connect_line, is_usable_live, live_settings
from simulator.report.analysis import Analysis
from simulator.report.words_durations import duration

NO_CHOICE = "nothing to recommend"
TITLES = {"embedding": "Embedding", "initial": "Start", "head": "Head"}


@dataclass(frozen=True)
class Reason:
    """Why one choice was made. about: what is chosen, such as the embedding; headline: the choice; numbers: of it."""

    about: str
    headline: str
    numbers: str


@dataclass(frozen=True)
class Choice:
    """The recommended combination, and why.

    embedding, initial, strategy: names; model: the embedding as the command named it; strategy is empty if
    nothing can be recommended, and has the suffix of its head where there are several; head: what it knows, empty if
    runs of one head only say nothing on the head; runs: AULC of the runs on which strategies were compared, one row per
    block, one column per strategy; reasons: one for each choice that the results compare.
    """

    embedding: str
    model: str
    initial: str
    head: str
    strategy: str
    runs: pd.DataFrame
    reasons: list[Reason]

    @property
    def in_words(self) -> str:
        """The combination, as in "uherding with minilm, after a typiclust start"."""
        head = {"": "", PLAIN: ", without the class names", NAMED: ", with the class names"}[self.head]
        return f"{strategy_of(self.strategy)} with {self.embedding}, after a {self.initial} start{head}"

    @property
    def command(self) -> str:
        """The line that connects a project so; PROJECT stands for its number."""
        return connect_line(live_settings(self.model, strategy_of(self.strategy), self.initial, self.head))


def choose(analysis: Analysis) -> Choice:
    """The combination with the best means: first the embedding, then on its runs the start, head and strategy."""
    reasons: list[Reason] = []
    whole, early = analysis.areas["whole"], analysis.areas["early"]
    embedding, reason = _factor(whole, "embedding", "over all labels", analysis.embeddings, analysis.models)
    reasons += reason
    whole, early = (_of(values, "embedding", embedding) for values in (whole, early))
    initial, reason = _factor(
        early,
        "initial",
        f"over the first third of the labels{_with(analysis, embedding)}",
        _most_runs(early, "initial"),
    )
    reasons += reason
    head = ""
    if len(analysis.heads) > 1:
        head, reason = _factor(by_head(whole), "head", f"over all labels{_with(analysis, embedding)}", [PLAIN])
        reasons += reason
        whole = whole[whole.index.get_level_values("strategy").map(head_of) == head]
    runs, where = _runs_of_strategies(by_strategy(whole), initial)
    scope = f"{_with(analysis, embedding)}{where}"
    strategy, reason = _strategy(analysis, runs, by_strategy(whole), scope)
    reasons += reason
    if strategy:
        reasons += _by_budget(analysis, runs, strategy, scope)
    return Choice(embedding, analysis.models[embedding], initial, head, strategy, runs, reasons)


def _of(values: pd.Series, level: str, name: str) -> pd.Series:
    return values[values.index.get_level_values(level) == name]


def _with(analysis: Analysis, embedding: str) -> str:
    return f" with {embedding}" if len(analysis.names("embedding")) > 1 else ""


def _most_runs(values: pd.Series, level: str) -> list[str]:
    return list(values.groupby(level=level).size().sort_values(ascending=False, kind="stable").index)


def _factor(
    values: pd.Series, column: str, when: str, order: list[str], models: Mapping[str, str] | None = None
) -> tuple[str, list[Reason]]:
    """The best name of a level, and the reason; without a comparison the first of `order`.

    models: of embeddings; one that a live project cannot use is not chosen if there is another.
    """
    title = TITLES[column]
    names = list(values.index.unique(column))
    if len(names) < 2:
        return str(names[0]), []
    common = shared(values, column)
    omitted = left_out(values.index, common.index)
    if not len(common):
        reason = f"No two {title.lower()}s were run with the same strategy and otherwise equal settings."
        return next(name for name in order if name in names), [Reason(title, NO_CHOICE, reason)]
    by_name = common.groupby(level=["dataset", "seed", column]).mean().unstack(column)
    first = [name for name in order if name in by_name]  # of equal means the first is chosen
    table = compare(by_name[[*first, *by_name.columns.drop(first)]])
    chosen, note = (_best(table), "") if models is None else _usable(table, models)
    return chosen, [Reason(title, headline(table, chosen), sentences(_ranking(table, when), note, omitted))]


def _usable(table: pd.DataFrame, models: Mapping[str, str]) -> tuple[str, str]:
    """The best embedding that a live project can use, and a sentence if that is not the best of all."""
    best = _best(table)
    ranked = table[table["mark"] != "partial"].sort_values("mean", ascending=False).index
    chosen = next((str(name) for name in ranked if is_usable_live(models[name])), best)
    if chosen == best:
        return best, ""
    behind = points(-float(table.loc[chosen, "behind"]))
    return chosen, f"{best} cannot be used in a live project; of those that can, {chosen} is the best ({behind})."


def _best(table: pd.DataFrame) -> str:
    return str(table.index[table["mark"] == "best"][0])


def as_good(table: pd.DataFrame, chosen: str) -> list[str]:
    """The names that are not significantly worse than the best, without the chosen one, best first."""
    ordered = table[table["mark"].isin(["best", "tied"])].sort_values("mean", ascending=False)
    return [str(name) for name in ordered.index if name != chosen]


def headline(table: pd.DataFrame, chosen: str) -> str:
    """The choice, and what is as good: "uherding; as good: margin or badge"."""
    others = as_good(table, chosen) if table.loc[chosen, "mark"] in ("best", "tied") else []
    return f"{chosen}; as good: {listed(others, 'or')}" if others else chosen


def _ranking(table: pd.DataFrame, when: str) -> str:
    """The means in order, and the test, in words; table: from `compare`, with two or more rows that are not partial."""
    ordered = table[table["mark"] != "partial"].sort_values("mean", ascending=False)
    means = [f"{name} {row['mean'] * 100:.1f}" for name, row in ordered.iterrows()]
    worse = [str(name) for name in ordered.index[ordered["mark"] == "worse"]]
    pairs = int(ordered["blocks"].max())
    test = f"Wilcoxon signed-rank over {pairs} pair{'s' if pairs != 1 else ''} of (dataset, seed), Holm-corrected"
    verdict = f"Significantly worse than {ordered.index[0]}: {listed(worse)}"
    if len(worse) == len(ordered) - 1 > 1:
        verdict = f"All others are significantly worse than {ordered.index[0]}"
    return f"Mean accuracy {when}, in %: {', '.join(means)}. {verdict} ({test})."


def _runs_of_strategies(whole: pd.DataFrame, initial: str) -> tuple[pd.DataFrame, str]:
    """The blocks on which strategies are compared, and their start in words.

    They are those of the chosen start, or of all starts if it was run with fewer strategies; if all starts have fewer
    than two in common, those of the start that has most.
    """
    compared = _common(whole)
    starts = whole.index.unique("initial")
    of_start = {name: _common(whole[whole.index.get_level_values("initial") == name]) for name in starts}
    if len(starts) > 1 and of_start[initial].shape[1] >= max(2, compared.shape[1]):
        return of_start[initial], f" after a {initial} start"
    if compared.shape[1] < 2:
        compared = max([compared, *of_start.values()], key=lambda blocks: blocks.shape[1])
    compared_starts = compared.index.unique("initial")
    return compared, f" after a {compared_starts[0]} start" if len(compared_starts) == 1 < len(starts) else ""


def _common(values: pd.DataFrame) -> pd.DataFrame:
    common = common_blocks(values)
    return common if len(common) else common.iloc[:, :0]


def _strategy(analysis: Analysis, runs: pd.DataFrame, whole: pd.DataFrame, scope: str) -> tuple[str, list[Reason]]:
    if whole.shape[1] < 2:
        return "", []
    table = _over_pairs(runs) if runs.shape[1] > 1 else None
    if table is None:
        reason = (
            "Too few runs have the same dataset, embedding, start and seed to compare all strategies over all runs. "
            "The AULC table compares the strategies of one embedding and one start."
        )
        return "", [Reason("Strategy", NO_CHOICE, reason)]
    best = _best(table)
    equal = [best, *as_good(table, best)]
    seconds = analysis.seconds.set_index("strategy")["middle"]
    cheapest = seconds[equal].idxmin()
    fastest = (
        f"A query of {cheapest}{', the fastest of these,' if len(equal) > 1 else ''} takes "
        f"{duration(seconds[cheapest])}."
    )
    reason = sentences(
        _ranking(table, f"over all labels{scope}"),
        fastest,
        left_out(whole.columns, runs.columns),
        _over_all_strategies(runs, whole),
    )
    return best, [Reason("Strategy", headline(table, best), reason)]


def _over_pairs(blocks: pd.DataFrame) -> pd.DataFrame:
    return compare(blocks.groupby(level=["dataset", "seed"]).mean())


def _over_all_strategies(runs: pd.DataFrame, whole: pd.DataFrame) -> str:
    """If strategies were left out: the comparison over the runs that all strategies have."""
    complete_blocks = whole.dropna()
    if not len(complete_blocks) or runs.shape[1] == complete_blocks.shape[1]:
        return ""
    table = _over_pairs(complete_blocks)
    starts = list(complete_blocks.index.unique("initial"))
    restriction = f" (start {listed(starts)})" if len(starts) < len(whole.index.unique("initial")) else ""
    best = headline(table, _best(table))
    where = f"Over the runs that all {complete_blocks.shape[1]} have{restriction}"
    return f"{where}: {best}. {_ranking(table, 'over all labels')}"


def _by_budget(analysis: Analysis, runs: pd.DataFrame, chosen: str, scope: str) -> list[Reason]:
    """Whether the chosen strategy is also the one for few and for many labels.

    It stays the choice for a part of the curve unless another one is significantly better there.
    """
    words, choices = [], {}
    for period, title in (("early", "few"), ("late", "many")):
        table = _over_pairs(by_strategy(analysis.areas[period]).loc[runs.index, runs.columns])
        best = _best(table)
        is_worse = table.loc[chosen, "mark"] == "worse"
        choices[title] = best if is_worse else chosen
        if is_worse:
            behind = points(-float(table.loc[chosen, "behind"]))
            words.append(f"With {title} labels {best} is significantly better than {chosen} ({chosen}: {behind}).")
        elif best == chosen:
            others = as_good(table, chosen)
            equal = f"; as good: {listed(others, 'or')}" if others else ", significantly better than all others"
            words.append(f"With {title} labels {chosen} is the best{equal}.")
        else:
            words.append(f"With {title} labels no strategy is significantly better than {chosen}.")
    few, many = choices["few"], choices["many"]
    headline_ = f"{few}, with few and with many labels" if few == many else f"{few} with few labels, {many} with many"
    explained = f"(Few and many are the first and the last third of the labels{scope}.)"
    return [Reason("By budget", headline_, sentences(*words, explained))]
