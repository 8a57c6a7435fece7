"""When the labels of a run have reached every class."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from simulator.analysis.complete_runs import RUN

COLUMNS = {"once": "classes_seen", "five_times": "classes_seen_5"}
"""Columns of results that count the classes with one label or more, and with five or more."""


def labels_until_seen(results: pd.DataFrame, n_classes: Mapping[str, int]) -> pd.DataFrame:
    """Number of labels at which each run first had labels of every class: RUN, once, five_times.

    n_classes: number of classes by dataset; of a dataset that is not in it, the most that any run has seen. The numbers
    are those at the end of a cycle, NaN for runs that never get there. Runs without the columns of COLUMNS are left
    out.
    """
    known = results[results["classes_seen"].notna()] if "classes_seen" in results else results.iloc[:0]
    if not len(known):
        return pd.DataFrame(columns=[*RUN, *COLUMNS])
    wanted = known["dataset"].map(known.groupby("dataset")["classes_seen"].max())
    wanted = known["dataset"].map(n_classes).fillna(wanted)
    columns = {
        title: known["n_labeled"].where(known[column] >= wanted).groupby([known[name] for name in RUN]).min()
        for title, column in COLUMNS.items()
    }
    return pd.DataFrame(columns).reset_index()


def seen_by_strategy(table: pd.DataFrame) -> pd.DataFrame:
    """`labels_until_seen` by dataset and strategy: dataset, strategy, runs, and for each of COLUMNS median and share.

    once, five_times: median number of labels, in which runs that never get there count as infinite; NaN if that is the
    median. once_share, five_times_share: share (0..1) of runs that get there.
    """
    groups = table.groupby(["dataset", "strategy"])
    columns = {"runs": groups.size()}
    for title in COLUMNS:
        median = groups[title].apply(lambda labels: labels.fillna(float("inf")).median())
        columns[title] = median.where(median < float("inf"))
        columns[f"{title}_share"] = groups[title].count() / groups.size()
    return pd.DataFrame(columns).reset_index()
