"""How often each strategy is above each other one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from simulator.analysis.statistics import Floats, shares_above


def pairwise_wins(curves: pd.DataFrame, compared: Sequence[str]) -> tuple[list[str], Floats, Floats, Floats]:
    """Strategies, best first, and their `shares_above` (wins, ties, rows), (k, k) float64 each, in this order.

    curves: one row per block and cycle, one column per strategy; each pair is compared over the rows that both have.
    The best are those that are most often above the `compared` ones, in which a tie counts half; strategies that are
    not among these come last. Without any all are.
    """
    wins, ties, rows = shares_above(curves.to_numpy(dtype=np.float64))
    scores = pd.DataFrame(wins + ties / 2, curves.columns, curves.columns).where(~np.eye(len(wins), dtype=bool))
    against = list(compared) or list(scores)
    order = pd.DataFrame({"left_out": ~scores.index.isin(against), "score": scores[against].mean(axis=1)})
    names = list(order.sort_values(["left_out", "score"], ascending=[True, False]).index)
    at = curves.columns.get_indexer(names)
    pick = np.ix_(at, at)
    return names, wins[pick], ties[pick], rows[pick].astype(np.float64)
