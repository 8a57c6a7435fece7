"""Which runs a folder of results should have: those that its commands asked for."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any

import pandas as pd

from simulator.analysis.complete_runs import GROUP, RUN
from simulator.analysis.heads import PLAIN

COLUMNS = [*RUN, "head"]
KEYS_OF_GRID = {
    "dataset": "datasets",
    "embedding": "embeddings",
    "strategy": "strategies",
    "initial": "initials",
    "seed": "seeds",
    "head": "heads",
}
"""Keys of a grid in run.json by columns of results."""


def planned_runs(results: pd.DataFrame, record: Mapping[str, Any]) -> pd.DataFrame:
    """The runs of the grids of all calls in run.json, one row each, columns RUN and head.

    Where no call has its grid, runs are planned as far as there are others beside them: all strategies, heads and seeds
    of the results and of the record, for each (dataset, embedding, initial) in the results.
    """
    if "head" not in results:
        results = results.assign(head=PLAIN)
    grids = [call["grid"] for call in record.get("calls", []) if "grid" in call]
    if grids:
        rows = {row for grid in grids for row in product(*(grid[KEYS_OF_GRID[column]] for column in COLUMNS))}
        return pd.DataFrame(sorted(rows), columns=COLUMNS)
    seeds = record.get("seeds", 0)
    named = {
        "strategy": record.get("strategies", ()),
        "head": record.get("heads", ()),
        "seed": range(seeds) if isinstance(seeds, int) else seeds,
    }
    planned = results[GROUP].drop_duplicates()
    for column, names in named.items():
        values = sorted({*results[column], *names})
        planned = planned.merge(pd.Series(values, name=column), how="cross")
    return planned[COLUMNS]
