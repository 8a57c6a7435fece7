"""Where a strategy stands in a leaderboard."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
import pandas as pd
from scipy import stats

from simulator.analysis.statistics import LEVEL
from simulator.leaderboard.table import SETTING, as_text


@dataclass(frozen=True)
class Standing:
    """strategy: which; settings: number of settings of its runs, of: number that the leaderboard has; rank: its place
    by mean area over these settings among the strategies that have all of them, which are `table` (columns strategy,
    area and gain over random order, the best first); gain: mean over the settings; low, high: 95 % interval of the gain
    over the seeds, by Student's t; NaN for one seed.
    """

    strategy: str
    settings: int
    of: int
    rank: int
    table: pd.DataFrame
    gain: float
    low: float
    high: float

    def ranking(self) -> str:
        """All strategies of the table with their gains in points, the best first."""
        return ", ".join(f"{row.strategy} {100 * row.gain:+.2f}" for row in self.table.itertuples())


def standing(board: pd.DataFrame, rows: pd.DataFrame, strategy: str) -> Standing:
    """board: as text, with the rows of the strategy; rows: as of `runs.measured`, with those of the strategy.

    The interval is over seeds on these data sets: it says nothing of others.
    """
    own = rows[rows["strategy"] == strategy]
    n = int(own["seeds"].min())
    # A seed's settings share its draws, so that seeds and not settings are repetitions.
    by_seed = np.mean([gains[:n] for gains in own["gains"]], axis=0)
    reach = float("nan")
    if n > 1:
        reach = float(stats.t.ppf((1 + LEVEL) / 2, n - 1)) * float(by_seed.std(ddof=1)) / sqrt(n)
    settings = pd.MultiIndex.from_frame(board[SETTING])
    mine = pd.MultiIndex.from_frame(as_text(own, SETTING))
    shared = board[settings.isin(mine)]
    values = shared.assign(**{name: shared[name].astype(float) for name in ("area", "gain")})
    grouped = values.groupby("strategy").agg(area=("area", "mean"), gain=("gain", "mean"), found=("area", "size"))
    table = grouped[grouped["found"] == len(mine)].drop(columns="found")
    table = table.sort_values("area", ascending=False, kind="stable").reset_index()
    rank = int((table["area"] > float(table.loc[table["strategy"] == strategy, "area"].iloc[0])).sum()) + 1
    gain = float(by_seed.mean())
    return Standing(strategy, len(mine), settings.nunique(), rank, table, gain, gain - reach, gain + reach)
