"""Learning curves and the areas under them, made from results with one row per cycle."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

from simulator.analysis.complete_runs import BLOCK, RUN
from simulator.analysis.statistics import Floats, area

PERIODS = ["whole", "early", "middle", "late"]


@dataclass(frozen=True)
class LabelAxis:
    """The x axis of a figure: numbers of labels if all datasets have the same ones, otherwise cycles.

    positions (cycles,) float64: the position of each cycle.
    """

    title: str
    positions: Floats

    def at(self, cycles: pd.Index) -> Floats:
        """Positions of these cycles (n,), float64."""
        return np.asarray(self.positions[cycles.to_numpy(dtype=np.int64)])


def label_axis(results: pd.DataFrame) -> LabelAxis:
    """The x axis for figures over all datasets of these results."""
    sizes = results.groupby("cycle")["n_labeled"].agg(["nunique", "first"]).sort_index()
    if (sizes["nunique"] == 1).all():
        return LabelAxis("labels", sizes["first"].to_numpy(dtype=np.float64))
    return LabelAxis("cycle", np.arange(len(sizes), dtype=np.float64))


def common_cycles(table: pd.DataFrame) -> pd.DataFrame:
    """The rows up to the last cycle that every dataset has; table: index with dataset and cycle."""
    cycles = table.index.get_level_values("cycle")
    ends = pd.Series(cycles, index=table.index).groupby(level="dataset").max()
    return table[cycles <= ends.min()]


def curves(results: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Learning curves of a metric: one row per BLOCK and cycle, one column per strategy; NaN for missing runs."""
    return results.pivot(index=[*BLOCK, "cycle"], columns="strategy", values=metric).sort_index()


def areas(results: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Area under the learning curve (AULC): one row per run (index RUN), one column per period of PERIODS.

    The area is that of trapezoids over the number of labels, divided by their range; periods are the whole curve and
    its thirds. For runs of one cycle it is their only value.
    """
    parts = []
    for _, part in results.groupby("dataset"):
        values = part.pivot(index=RUN, columns="cycle", values=metric)
        labels = part.groupby("cycle")["n_labeled"].first().to_numpy(dtype=np.float64)
        parts.append(pd.DataFrame(_areas_by_period(labels, values.to_numpy()), index=values.index, columns=PERIODS))
    return pd.concat(parts).sort_index()


def _areas_by_period(labels: Floats, values: Floats) -> Floats:
    if len(labels) < 2:
        return np.repeat(values, len(PERIODS), axis=1)
    thirds = np.linspace(labels[0], labels[-1], 4)
    bounds = [(labels[0], labels[-1]), *pairwise(thirds)]
    return np.stack([area(labels, values, start, end) for start, end in bounds], axis=1)
