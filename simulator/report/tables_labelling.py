"""Tables of the sections on labelling and on how sure the ranking is: for CSV files, and in words for the page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from simulator.analysis.classes_labelled import COLUMNS, labels_until_seen, seen_by_strategy
from simulator.analysis.evidence import listed
from simulator.report.analysis import Analysis
from simulator.report.picked_texts import picks_table


def classes(results: pd.DataFrame, record: Mapping[str, Any]) -> pd.DataFrame:
    """Labels until every class was seen, by dataset and strategy; record: run.json."""
    described = record.get("datasets", {})
    n_classes = {name: entry["classes"] for name, entry in described.items() if "classes" in entry}
    return seen_by_strategy(labels_until_seen(results, n_classes))


def classes_csv(analysis: Analysis) -> dict[str, pd.DataFrame]:
    """`classes` by the name of its file."""
    table = classes(analysis.results, analysis.record)
    return {"classes_seen": table} if len(table) else {}


def classes_in_words(analysis: Analysis) -> pd.DataFrame:
    """`classes` for the page: strategies with equal numbers in one row, the earliest first; shares in %."""
    table = classes(analysis.results, analysis.record)
    names = table.groupby("dataset")["strategy"].nunique()
    numbers = [name for name in table.columns if name not in ("dataset", "strategy")]
    rows = table.groupby(["dataset", *numbers], dropna=False)["strategy"].agg(list).reset_index()
    n_names = rows["strategy"].str.len()
    every = (n_names > 1) & (n_names == rows["dataset"].map(names))
    strategy = rows["strategy"].map(listed).where(~every, "all strategies")
    shares = {f"{title}_share": (rows[f"{title}_share"] * 100).round().astype("int64") for title in COLUMNS}
    labels = {title: rows[title].astype(float).round().astype("Int64") for title in COLUMNS}
    return rows.assign(strategy=strategy, **shares, **labels)[table.columns].rename(
        columns={
            "once": "labels until each class has one (median)",
            "once_share": "runs that get there, %",
            "five_times": "until each has five (median)",
            "five_times_share": "runs that get to five, %",
        }
    )


def picks_in_words(analysis: Analysis) -> pd.DataFrame:
    """The first texts that strategies pick, for the page."""
    return picks_table(analysis.picks)


def reading_csv(analysis: Analysis) -> dict[str, pd.DataFrame]:
    """`Analysis.until_random_ends` by the name of its file."""
    table = analysis.until_random_ends
    return {"minutes": table} if len(table) else {}


def reading_in_words(analysis: Analysis) -> pd.DataFrame:
    """`Analysis.saved` for the page, in %."""
    table = analysis.saved
    shares = {name: (table[name] * 100).round(1) for name in ("labels", "minutes")}
    return table.assign(**shares, words_per_label=table["words_per_label"].round(1)).rename(
        columns={
            "reached": "settings that get there",
            "labels": "labels, % of random's",
            "minutes": "minutes, % of random's",
            "words_per_label": "words per text",
        }
    )


def ranking_csv(analysis: Analysis) -> dict[str, pd.DataFrame]:
    """`Analysis.ranking_stability` by the name of its file."""
    table = analysis.ranking_stability
    return {"ranking_stability": table} if len(table) else {}


def ranking_in_words(analysis: Analysis) -> pd.DataFrame:
    """`Analysis.ranking_stability` for the page."""
    table = analysis.ranking_stability
    rounded = {"best_share": (table["best_share"] * 100).round(), "tau": table["tau"].round(2)}
    return table.assign(**rounded, lost=(table["lost"] * 100).round(2)).rename(
        columns={
            "all_seeds": "seeds there are",
            "seeds": "seeds drawn",
            "best": "best of all seeds",
            "best_share": "draws in which it is the best too, %",
            "tau": "Kendall's τ with the ranking of all seeds",
            "lost": "points lost by the best of a draw",
        }
    )
