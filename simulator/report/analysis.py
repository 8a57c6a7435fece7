"""Everything the report shows, computed once from a folder of results."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from simulator.analysis.comparisons import (
    BASELINE,
    BLOCK,
    RUN,
    Audit,
    LabelAxis,
    areas,
    audit,
    by_strategy,
    common_blocks,
    compare,
    curves,
    embedding_means,
    gains,
    initial_effects,
    label_axis,
    quality_table,
    shared,
    with_quality,
)
from simulator.analysis.evidence import PaperFinding, left_out
from simulator.analysis.findings import findings
from simulator.analysis.rank_correlation import Correlation, mean_spearman
from simulator.analysis.statistics import Floats, Friedman, friedman, shares_above
from simulator.report.plots_embeddings import MEASURES

QUALITY_COLUMNS = ["dataset", "embedding", *MEASURES]
AULC, GAIN = "AULC", "gain over random"


@dataclass(frozen=True)
class Ranks:
    """A Friedman test: over what, which strategies, the outcome; left_out: strategies without a value in each block."""

    over: str
    names: list[str]
    test: Friedman
    left_out: list[str]


class Analysis:
    """Results of a folder and what follows from them; each part is computed when first asked for."""

    def __init__(self, results: pd.DataFrame, quality: pd.DataFrame | None, record: dict[str, Any]) -> None:
        """results: as `simulator run` writes them; quality: embedding_quality.parquet, or None; record: run.json."""
        self.record = record
        self.audit: Audit = audit(results, _plan(record))
        self.results = self.audit.results
        if not len(self.results):
            raise ValueError(f"none of {self.audit.planned} runs is complete; let the run go on, then report again")
        self.quality = _checked(quality)

    @classmethod
    def of_folder(cls, folder: Path) -> Analysis:
        """Read a folder. Raises ValueError, naming the file, for results that are missing or cannot be read."""
        path = folder / "results.parquet"
        if not path.exists():
            raise ValueError(f"{path} does not exist: run `python -m simulator run --out {folder} ...` first")
        quality = folder / "embedding_quality.parquet"
        record = folder / "run.json"
        return cls(
            _parquet(path),
            _parquet(quality) if quality.exists() else None,
            json.loads(record.read_text()) if record.exists() else {},
        )

    def names(self, column: str) -> list[Any]:
        """Sorted values of a column of RUN among complete runs."""
        return sorted(self.results[column].unique())

    @cached_property
    def axis(self) -> LabelAxis:
        """What stands on the x axis of figures over all datasets."""
        return label_axis(self.results)

    @cached_property
    def areas(self) -> pd.DataFrame:
        """AULC of accuracy, index RUN, columns PERIODS."""
        return areas(self.results, "accuracy")

    @cached_property
    def whole(self) -> pd.DataFrame:
        """AULC of the whole curve: one row per block, one column per strategy."""
        return by_strategy(self.areas["whole"])

    @cached_property
    def curves(self) -> pd.DataFrame:
        """Accuracy: one row per block and cycle, one column per strategy."""
        return curves(self.results, "accuracy")

    @cached_property
    def gains(self) -> pd.DataFrame:
        """Accuracy above random, as `curves`."""
        return gains(self.curves)

    @cached_property
    def compared(self) -> pd.DataFrame:
        """`common_blocks` of AULC: what strategies are compared on; no columns where they have no block in common."""
        common = common_blocks(self.whole)
        return common if len(common) else common.iloc[:, :0]

    @cached_property
    def left_out(self) -> str:
        """What is not in `compared`, in a sentence, or nothing."""
        return left_out(self.whole.stack().dropna().index, self.compared.stack().index)

    @cached_property
    def mean_gains(self) -> pd.Series:
        """Mean gain over random in AULC, largest first, over the blocks that these strategies and random have."""
        return common_blocks(gains(self.whole)).mean().dropna().sort_values(ascending=False)

    @cached_property
    def comparison(self) -> pd.DataFrame:
        """`compare` over datasets and seeds, embeddings and initial pools averaged.

        A strategy that is not in `compared` has the mark "partial" and the mean and number of its own pairs.
        """
        pairs = ["dataset", "seed"]
        table = compare(self.compared.groupby(level=pairs).mean()).reindex(self.whole.columns)
        own = self.whole.groupby(level=pairs).mean()
        table["mark"] = table["mark"].fillna("partial")
        return table.assign(mean=table["mean"].fillna(own.mean()), blocks=table["blocks"].fillna(own.notna().sum()))

    @cached_property
    def order(self) -> list[str]:
        """Strategies, best mean first, random last."""
        partial = self.comparison["mark"].eq("partial")
        ranked = self.comparison.assign(partial=partial).sort_values(["partial", "mean"], ascending=[True, False]).index
        return [*(name for name in ranked if name != BASELINE), *(name for name in ranked if name == BASELINE)]

    @cached_property
    def embeddings(self) -> list[str]:
        """Embeddings, best first: by mean probe accuracy, or, where that was not measured, by mean AULC."""
        means = embedding_means(self.areas["whole"])
        if self.quality is not None:
            probes = quality_table(self.quality, "probe_accuracy", means)
            means = probes if probes.notna().any().all() else means
        # An embedding that was run on the hard datasets only is not a poor one.
        above = means.sub(means.mean(axis=1), axis=0)
        return list(above.mean().sort_values(ascending=False).index)

    @cached_property
    def start_effects(self) -> pd.DataFrame:
        """Accuracy above a random start's: index dataset, embedding, seed, cycle, one column per initial pool."""
        return initial_effects(self.results.set_index([*RUN, "cycle"])["accuracy"])

    @cached_property
    def wins(self) -> tuple[list[str], Floats, Floats, Floats]:
        """Strategies, best first, and `shares_above` from the first queried batch on.

        Each pair over all that both have; strategies that are not in `compared` come last.
        """
        later = self.curves[self.curves.index.get_level_values("cycle") >= 1]
        wins, ties, rows = shares_above(later.to_numpy(dtype=np.float64))
        scores = pd.DataFrame(wins + ties / 2, later.columns, later.columns).where(~np.eye(len(wins), dtype=bool))
        against = [name for name in scores if name in self.compared] or list(scores)
        order = pd.DataFrame({"left_out": ~scores.index.isin(against), "score": scores[against].mean(axis=1)})
        names = list(order.sort_values(["left_out", "score"], ascending=[True, False]).index)
        at = later.columns.get_indexer(names)
        pick = np.ix_(at, at)
        return names, wins[pick], ties[pick], rows[pick].astype(np.float64)

    @cached_property
    def ranks(self) -> list[Ranks]:
        """Friedman over datasets, and over pairs of dataset and embedding, where there are enough."""
        ranks = []
        for over, levels in (("datasets", ["dataset"]), ("pairs of dataset and embedding", ["dataset", "embedding"])):
            table = self.compared.groupby(level=levels).mean()
            if table.shape[1] >= 3 and len(table) >= 2:
                test = friedman(table.to_numpy(dtype=np.float64))
                ranks.append(Ranks(over, list(table.columns), test, [c for c in self.whole if c not in table]))
        return ranks

    @cached_property
    def findings(self) -> list[PaperFinding]:
        """The paper's findings, decided on complete runs."""
        return findings(self.results, self.quality)

    @cached_property
    def outcomes(self) -> dict[str, pd.DataFrame]:
        """What embedding quality may go with: mean AULC and mean gain over random, by dataset and embedding."""
        means = {title: embedding_means(runs) for title, runs in self.embedding_runs.items() if len(runs)}
        if GAIN in means:
            means[f"{GAIN} (points)"] = means.pop(GAIN) * 100
        return means

    @cached_property
    def embedding_runs(self) -> dict[str, pd.Series]:
        """AULC and gain over random (index RUN) of the runs that embeddings can be compared over."""
        return {title: shared(values, "embedding") for title, values in self._runs_with_quality.items()}

    @cached_property
    def embeddings_left_out(self) -> dict[str, str]:
        """For AULC and gain over random, in a sentence, what is not in `embedding_runs`."""
        every = self._runs
        return {title: left_out(every[title].index, runs.index) for title, runs in self.embedding_runs.items()}

    @cached_property
    def _runs(self) -> dict[str, pd.Series]:
        gain = gains(self.whole)
        whole = {AULC: self.areas["whole"]}
        return whole | ({GAIN: gain.stack().dropna().reorder_levels(RUN)} if gain.shape[1] else {})

    @cached_property
    def _runs_with_quality(self) -> dict[str, pd.Series]:
        if self.quality is None:
            return self._runs
        return {title: with_quality(values, self.quality) for title, values in self._runs.items()}

    @cached_property
    def correlations(self) -> dict[tuple[str, str], Correlation]:
        """Of each measure of quality with each outcome."""
        if self.quality is None:
            return {}
        return {
            (measure, title): _correlate(self.quality, measure, outcome)
            for title, outcome in self.outcomes.items()
            for measure in MEASURES
        }

    @cached_property
    def correlations_by_cycle(self) -> dict[str, dict[str, list[Correlation]]]:
        """Of each measure with accuracy and with gain over random, one per cycle that all datasets have."""
        if self.quality is None:
            return {}
        lines = {AULC: ("with accuracy", self.curves, 0), GAIN: ("with gain over random", self.gains, 1)}
        correlations = {}
        for outcome, runs in self.embedding_runs.items():
            title, curves_, first = lines[outcome]
            if not self.cycles[first:]:
                continue
            values = curves_.stack().unstack("cycle").reorder_levels(RUN).loc[runs.index]
            means = [embedding_means(values[cycle]) for cycle in self.cycles[first:]]
            correlations[title] = {
                measure: [_correlate(self.quality, measure, mean) for mean in means] for measure in MEASURES
            }
        return correlations

    @cached_property
    def cycles(self) -> list[int]:
        """Cycles that every dataset has."""
        return list(range(int(self.results.groupby("dataset")["cycle"].max().min()) + 1))

    @cached_property
    def seconds(self) -> pd.DataFrame:
        """By strategy: low, middle, high (5, 50 and 95 %) seconds per query, fit (median seconds), and runs timed.

        Over the blocks of `compared`, or all its own of a strategy that is not among these. From cycle 1 on, since the
        initial pool is not the strategy's; runs of one cycle have nothing else.
        """
        timed = self.results[self.results["cycle"] >= min(1, self.cycles[-1])]
        alike = pd.MultiIndex.from_frame(timed[BLOCK]).isin(self.compared.index)
        later = timed[alike | ~timed["strategy"].isin(self.compared.columns)].groupby("strategy")
        table = later["query_seconds"].quantile([0.05, 0.5, 0.95]).unstack()
        table.columns = ["low", "middle", "high"]
        runs = later.apply(lambda part: len(part[BLOCK].drop_duplicates()))
        return table.assign(fit=later["fit_seconds"].median(), runs=runs).reset_index()


def _correlate(quality: pd.DataFrame, measure: str, outcome: pd.DataFrame) -> Correlation:
    x = quality_table(quality, measure, outcome)
    return mean_spearman(x.to_numpy(dtype=np.float64), outcome.to_numpy(dtype=np.float64))


def _plan(record: dict[str, Any]) -> dict[str, list[Any]]:
    named = {"dataset": "datasets", "embedding": "embeddings", "strategy": "strategies", "initial": "initials"}
    plan = {column: list(record.get(key, ())) for column, key in named.items()}
    seeds = record.get("seeds", 0)
    return plan | {"seed": list(range(seeds)) if isinstance(seeds, int) else list(seeds)}


def _parquet(path: Path) -> pd.DataFrame:
    try:
        return pd.read_parquet(path)
    except (OSError, ValueError) as problem:
        raise ValueError(f"{path} cannot be read as Parquet: {problem}") from problem


def _checked(quality: pd.DataFrame | None) -> pd.DataFrame | None:
    if quality is None or not len(quality):
        return None
    absent = [column for column in QUALITY_COLUMNS if column not in quality]
    if absent:
        raise ValueError(f"embedding_quality.parquet has no column {', '.join(absent)}")
    return quality
