"""How long queries and fits take, by strategy."""

from __future__ import annotations

import pandas as pd

from simulator.analysis.complete_runs import BLOCK


def query_times(results: pd.DataFrame, compared: pd.DataFrame) -> pd.DataFrame:
    """Times in seconds, one row per strategy: low, middle, high (5, 50 and 95 % quantiles of a query), fit, runs.

    results: one row per cycle that is timed; compared: index BLOCK, one column per strategy that is compared. Times are
    those of the blocks of `compared`, or of all its own blocks for a strategy that is not in it. fit: median of a fit;
    runs: number of runs timed.
    """
    in_compared = pd.MultiIndex.from_frame(results[BLOCK]).isin(compared.index)
    by_name = results[in_compared | ~results["strategy"].isin(compared.columns)].groupby("strategy")
    table = by_name["query_seconds"].quantile([0.05, 0.5, 0.95]).unstack()
    table.columns = ["low", "middle", "high"]
    runs = by_name.apply(lambda part: len(part[BLOCK].drop_duplicates()))
    return table.assign(fit=by_name["fit_seconds"].median(), runs=runs).reset_index()
