"""Everything the report shows, computed once from a folder of results."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from simulator.comparisons import (
    BASELINE,
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
)
from simulator.evidence import Finding
from simulator.findings import findings
from simulator.plots_embeddings import MEASURES
from simulator.rank_correlation import Correlation, mean_spearman
from simulator.statistics import Floats, Friedman, friedman, shares_above

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
        return label_axis(self.results)

    @cached_property
    def areas(self) -> pd.DataFrame:
        """AULC of accuracy, index RUN, columns PERIODS."""
        return areas(self.results, "accuracy")

    @cached_property
    def whole(self) -> pd.DataFrame:
        """AULC of the whole curve: a row a block, a column a strategy."""
        return by_strategy(self.areas["whole"])

    @cached_property
    def curves(self) -> pd.DataFrame:
        """Accuracy: a row a block and cycle, a column a strategy."""
        return curves(self.results, "accuracy")

    @cached_property
    def gains(self) -> pd.DataFrame:
        """Accuracy above random, as `curves`."""
        return gains(self.curves)

    @cached_property
    def comparison(self) -> pd.DataFrame:
        """`compare` over datasets and seeds, embeddings and initial pools averaged."""
        table = compare(common_blocks(self.whole).groupby(level=["dataset", "seed"]).mean())
        table = table.reindex(self.whole.columns)
        partial = table["mark"].isna()
        table["mark"] = table["mark"].fillna("partial")
        table["mean"] = table["mean"].fillna(self.whole.mean())
        return table.assign(blocks=table["blocks"].where(~partial, self.whole.notna().sum()))

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
        return list(means.mean().sort_values(ascending=False).index)

    @cached_property
    def start_effects(self) -> pd.DataFrame:
        """Accuracy above that with a random start: index dataset, embedding, seed, cycle, a column an initial pool."""
        return initial_effects(self.results.set_index([*RUN, "cycle"])["accuracy"])

    @cached_property
    def wins(self) -> tuple[list[str], Floats, Floats, Floats]:
        """Strategies, best first, and `shares_above` from the first queried batch on."""
        later = self.curves[self.curves.index.get_level_values("cycle") >= 1]
        wins, ties, rows = shares_above(later.to_numpy(dtype=np.float64))
        scores = pd.DataFrame(wins + ties / 2, later.columns, later.columns)
        score = scores.where(~np.eye(len(wins), dtype=bool)).mean(axis=1)
        names = list(score.sort_values(ascending=False).index)
        at = later.columns.get_indexer(names)
        pick = np.ix_(at, at)
        return names, wins[pick], ties[pick], rows[pick].astype(np.float64)

    @cached_property
    def ranks(self) -> list[Ranks]:
        """Friedman over datasets, and over pairs of dataset and embedding, where there are enough."""
        found = []
        for over, levels in (("datasets", ["dataset"]), ("pairs of dataset and embedding", ["dataset", "embedding"])):
            table = self.whole.groupby(level=levels).mean()
            full = table.dropna(axis=1)
            if full.shape[1] >= 3 and len(full) >= 2:
                test = friedman(full.to_numpy(dtype=np.float64))
                found.append(Ranks(over, list(full.columns), test, [c for c in table.columns if c not in full]))
        return found

    @cached_property
    def findings(self) -> list[Finding]:
        return findings(self.results, self.quality)

    @cached_property
    def outcomes(self) -> dict[str, pd.DataFrame]:
        """What embedding quality may go with: mean AULC and mean gain over random, by dataset and embedding."""
        gain = gains(self.whole)
        found = {AULC: embedding_means(self.areas["whole"])}
        if gain.shape[1]:
            found[f"{GAIN} (points)"] = embedding_means(gain.mean(axis=1)) * 100
        return found

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
        """Of each measure with accuracy and with gain over random, one a cycle that all datasets have."""
        if self.quality is None:
            return {}
        lines = {"with accuracy": self.curves.mean(axis=1)}
        if self.gains.shape[1]:
            lines["with gain over random"] = self.gains.mean(axis=1)
        return {
            title: {
                measure: [
                    _correlate(self.quality, measure, embedding_means(values.xs(cycle, level="cycle")))
                    for cycle in self.cycles[1 if "gain" in title else 0 :]
                ]
                for measure in MEASURES
            }
            for title, values in lines.items()
        }

    @cached_property
    def cycles(self) -> list[int]:
        """Cycles that every dataset has."""
        return list(range(int(self.results.groupby("dataset")["cycle"].max().min()) + 1))

    @cached_property
    def seconds(self) -> pd.DataFrame:
        """By strategy: low, middle, high (5, 50 and 95 %) seconds a query, and fit (median seconds).

        From cycle 1 on, since the initial pool is not the strategy's; runs of one cycle have nothing else.
        """
        later = self.results[self.results["cycle"] >= min(1, self.cycles[-1])].groupby("strategy")
        table = later["query_seconds"].quantile([0.05, 0.5, 0.95]).unstack()
        table.columns = ["low", "middle", "high"]
        return table.assign(fit=later["fit_seconds"].median()).reset_index()


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
