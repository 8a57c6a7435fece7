"""Tables of docs/benchmark, in Markdown, from folders of results.

    cd docs/benchmark/results; python ../../../benchmarks/published_tables.py default typiclust e5 mpnet coreset

Folders are merged as by `python -m simulator report`; each setting (protocol, options, changes of the data) has its own
tables.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from simulator.analysis.comparisons import BASELINE, initial_effects
from simulator.analysis.complete_runs import RUN
from simulator.analysis.heads import NAMED, PLAIN, head_of, strategy_of
from simulator.report.analysis import Analysis
from simulator.report.words_durations import duration

MARKS = {"best": "best", "tied": "not significantly worse", "worse": "worse", "partial": "too few runs"}
PAIRS = "pairs of dataset and embedding"


def main(folders: Annotated[list[Path], typer.Argument(help="Folders of results.")]) -> None:
    """Print the tables of each setting."""
    main_setting = Analysis.of_folders(folders)
    for analysis in (main_setting, *main_setting.others):
        protocol = ", ".join(f"{name} {value}" for name, value in analysis.record.get("protocol", {}).items())
        print(f"## {protocol}: {analysis.audit.complete:,} runs\n")
        print_table(strategies(analysis))
        print_table(by_dataset(analysis))
        if len(analysis.names("initial")) > 1:
            print_table(starts(analysis))
        if {PLAIN, NAMED} <= set(analysis.heads):
            print_table(class_names(analysis))


def strategies(analysis: Analysis) -> pd.DataFrame:
    """One row for each strategy: mean area, distance to the best, mean rank, test against the best, seconds a query."""
    compared = analysis.comparison.loc[analysis.order].sort_values("mean", ascending=False)
    over_pairs = [found for found in analysis.ranks if found.over == PAIRS]
    ranks = {name: rank for found in over_pairs for name, rank in zip(found.names, found.test.mean_ranks, strict=True)}
    queries = analysis.seconds.set_index("strategy")["middle"]
    return pd.DataFrame(
        {
            "strategy": [f"`{name}`" for name in compared.index],
            "mean area": [f"{mean * 100:.1f} %" for mean in compared["mean"]],
            "behind the best": [f"{(compared['mean'].max() - mean) * 100:.1f}" for mean in compared["mean"]],
            "rank": [f"{ranks[name]:.1f}" if name in ranks else "–" for name in compared.index],
            "difference to the best": [MARKS[str(mark)] for mark in compared["mark"]],
            "time per query, median": [duration(float(queries[name])) for name in compared.index],
        }
    )


def by_dataset(analysis: Analysis) -> pd.DataFrame:
    """Mean area in % of each strategy on each dataset, the best of a dataset in bold."""
    means = (analysis.whole.groupby(level="dataset").mean() * 100).T.round(1)
    means = means.loc[analysis.comparison["mean"].sort_values(ascending=False).index]
    cells = means.map(lambda value: f"{value:.1f}").where(means.lt(means.max()), means.map(lambda v: f"**{v:.1f}**"))
    return cells.rename_axis("strategy").reset_index().assign(strategy=lambda t: "`" + t["strategy"] + "`")


def starts(analysis: Analysis) -> pd.DataFrame:
    """Points of accuracy that each start gains over a random one: with the initial labels, and in the first third."""
    accuracy = analysis.results.set_index([*RUN, "cycle"])["accuracy"]
    columns: dict[str, pd.Series] = {}
    for title, values in (
        ("initial labels", accuracy.xs(0, level="cycle")),
        ("first third", analysis.areas["early"]),
    ):
        effects = initial_effects(values).groupby(level="dataset").mean() * 100
        columns |= {f"{initial}, {title}": effects[initial] for initial in effects}
    table = pd.DataFrame(columns)
    table = table.sort_values(table.columns[0], ascending=False)
    table.loc["mean of its datasets"] = table.mean()
    return table.map("{:+.1f}".format, na_action="ignore").fillna("–").rename_axis("dataset").reset_index()


def class_names(analysis: Analysis) -> pd.DataFrame:
    """What the class names add, by dataset: accuracy of heads with and without them, means over all strategies."""
    curves = analysis.curves * 100
    named = curves[[name for name in curves if head_of(name) == NAMED]]
    plain = curves[[name for name in curves if head_of(name) == PLAIN]]
    cycle = curves.index.get_level_values("cycle")
    columns = {}
    for n in (0, 1, 3, 5, int(cycle.max())):
        for title, part in (("without", plain), ("with", named)):
            means = part[cycle == n].groupby(level="dataset").mean().mean(axis=1)
            columns[f"{n} batches, {title}"] = means.map("{:.1f}".format)
    areas = analysis.whole.groupby(level="dataset").mean() * 100
    for title, head in (("without", PLAIN), ("with", NAMED)):
        of_head = areas[[name for name in areas if head_of(name) == head]]
        columns[f"best area, {title}"] = pd.Series(
            {dataset: f"{row.max():.1f} `{strategy_of(str(row.idxmax()))}`" for dataset, row in of_head.iterrows()}
        )
        baseline = next(name for name in of_head if strategy_of(name) == BASELINE)
        columns[f"area of random, {title}"] = of_head[baseline].map("{:.1f}".format)
    return pd.DataFrame(columns).rename_axis("dataset").reset_index()


def print_table(table: pd.DataFrame) -> None:
    """Print a table in Markdown."""
    rows: list[Sequence[object]] = [list(table.columns), ["---"] * table.shape[1], *table.to_numpy().tolist()]
    print("\n".join(f"| {' | '.join(map(str, row))} |" for row in rows), end="\n\n")


if __name__ == "__main__":
    typer.run(main)
