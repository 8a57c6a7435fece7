"""Reference lines of learning curves: the oracle and a head on all labels. They are shown, and never compared."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from simulator.analysis.comparisons import BASELINE, common_blocks
from simulator.analysis.complete_runs import BLOCK, RUN
from simulator.analysis.heads import strategy_of
from simulator.experiment.grid import ORACLE

PROBE = "probe"


def split_off_oracle(results: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The runs of strategies and those of the oracle; results: a column `strategy`, with heads in its names or not."""
    is_oracle = results["strategy"].map(strategy_of) == ORACLE
    return results[~is_oracle], results[is_oracle]


def complete_oracle(oracle: pd.DataFrame, results: pd.DataFrame) -> pd.DataFrame:
    """The runs of the oracle that have all cycles which runs of strategies have on the same dataset."""
    if not len(oracle):
        return oracle
    expected = oracle["dataset"].map(results.groupby("dataset")["cycle"].max() + 1)
    found = oracle.groupby(RUN)["cycle"].transform("size")
    return oracle[found >= expected]


@dataclass(frozen=True)
class Ceiling:
    """Mean accuracies (0..1) with the last number of labels, over the settings that have all of them.

    strategy, best: the strategy with the highest mean, and that mean; random, oracle, probe: NaN without such runs;
    probe is a head on all labels of the pool; settings: number of (dataset, embedding, initial).
    """

    strategy: str
    best: float
    random: float
    oracle: float
    probe: float
    settings: int


def ceiling(results: pd.DataFrame, oracle: pd.DataFrame, quality: pd.DataFrame | None) -> Ceiling | None:
    """How far strategies are from the references at the end; None if no setting has a reference.

    results, oracle: complete runs, one row per cycle. Means are over the blocks of `common_blocks` that the oracle has
    too, if it was run at all, and for which `quality` has the probe, if it is known.
    """
    table = common_blocks(_ends(results).unstack("strategy"))
    if len(oracle):
        ends = _ends(oracle[oracle["strategy"] == ORACLE])
        table = table.join(ends.droplevel("strategy").rename(ORACLE), how="inner")
    if quality is not None:
        probes = quality.set_index(["dataset", "embedding"])["probe_accuracy"].rename(PROBE)
        table = table.join(probes, on=["dataset", "embedding"]).dropna()
    if not len(table) or not {ORACLE, PROBE} & {*table}:
        return None
    means = table.groupby(level=["dataset", "embedding", "initial"]).mean()
    of_columns = means.mean()
    strategies = of_columns.drop([ORACLE, PROBE], errors="ignore")
    best = str(strategies.idxmax())
    random, of_oracle, probe = (float(of_columns.get(name, float("nan"))) for name in (BASELINE, ORACLE, PROBE))
    return Ceiling(best, float(strategies[best]), random, of_oracle, probe, len(means))


def _ends(results: pd.DataFrame) -> pd.Series:
    """Accuracy at the last cycle of each run, index BLOCK and strategy."""
    last = results[results["cycle"] == results.groupby("dataset")["cycle"].transform("max")]
    return last.set_index([*BLOCK, "strategy"])["accuracy"]
