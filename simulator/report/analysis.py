"""All numbers of the report, computed once from a folder of results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from simulator.analysis.comparisons import (
    BASELINE,
    by_strategy,
    common_blocks,
    compare,
    embedding_means,
    gains,
    initial_effects,
    quality_table,
)
from simulator.analysis.complete_runs import BLOCK, RUN, Audit, audit
from simulator.analysis.evaluations import are_evaluated, evaluation_tables
from simulator.analysis.evidence import PaperFinding, left_out, listed
from simulator.analysis.findings import findings
from simulator.analysis.heads import NAMED, PLAIN, head_of, heads_of, strategy_of, with_heads_in_strategies
from simulator.analysis.learning_curves import LabelAxis, areas, curves, label_axis
from simulator.analysis.pairwise_wins import pairwise_wins
from simulator.analysis.planned_runs import planned_runs
from simulator.analysis.query_times import query_times
from simulator.analysis.ranking_stability import stability
from simulator.analysis.reading_time import ReadingSpeed, mean_curves, saved_by_strategy, until_random_ends
from simulator.analysis.references import complete_oracle, split_off_oracle
from simulator.analysis.result_folders import Setting, read_settings
from simulator.analysis.statistics import Floats, Friedman, friedman
from simulator.experiment.grid import HeadKind
from simulator.experiment.results import Results
from simulator.report.embedding_analysis import EmbeddingAnalysis
from simulator.report.picked_texts import NotShown, Picked, PickedFrom, picked_texts
from simulator.report.plots_embeddings import MEASURES

SHOWN_PICKS = 5
"""Number of strategies besides random whose first picks are shown."""
QUALITY_COLUMNS = ["dataset", "embedding", *MEASURES]


@dataclass(frozen=True)
class Ranks:
    """A Friedman test. over: what the blocks are; names: the strategies; left_out: strategies that lack blocks."""

    over: str
    names: list[str]
    test: Friedman
    left_out: list[str]


class Analysis:
    """The results of a folder and all that is computed from them; each property is computed at its first use."""

    def __init__(
        self,
        results: pd.DataFrame,
        quality: pd.DataFrame | None,
        record: dict[str, Any],
        planned: pd.DataFrame | None = None,
        others: Sequence[Analysis] = (),
    ) -> None:
        """results: results.parquet; quality: embedding_quality.parquet, or None; record: run.json, or empty.

        planned: runs that there should be, or None for those of `planned_runs`; others: further settings of the report.
        Raises ValueError for results without a complete run, and what `audit` raises.
        """
        self.record = record
        self.others = list(others)
        self.reading_speed = ReadingSpeed()
        self.folders: list[Path] = []
        self.heads = heads_of(results, record.get("heads", ()))
        planned = planned_runs(results, record) if planned is None else planned
        in_strategies = [with_heads_in_strategies(table, self.heads) for table in (results, planned)]
        (of_strategies, of_oracle), (planned_strategies, _) = map(split_off_oracle, in_strategies)
        if len(of_oracle) and not len(of_strategies):
            raise ValueError(
                "all runs are of the oracle, which is compared with nothing: run strategies with the same data and "
                "protocol, and report both folders together"
            )
        self.audit: Audit = audit(of_strategies, planned_strategies)
        self.results = self.audit.results
        self.oracle = complete_oracle(of_oracle, self.results)
        """Complete runs of the oracle, which take no part in any comparison."""
        if not len(self.results):
            raise ValueError(f"none of {self.audit.planned} runs is complete; let `run` finish some, then report again")
        self.quality = _checked(quality)

    @classmethod
    def of_folders(cls, folders: Sequence[Path]) -> Analysis:
        """Read folders of results: the setting with most runs, with the others in `others`.

        Raises ValueError as `read_settings` does, and for results that cannot be analysed.
        """
        main, *others = read_settings(folders)
        return cls.of_setting(main, [cls.of_setting(other) for other in others])

    @classmethod
    def of_setting(cls, setting: Setting, others: Sequence[Analysis] = ()) -> Analysis:
        """The analysis of the runs of one setting. Raises ValueError, naming its folders, as `__init__` does."""
        try:
            analysis = cls(setting.results, setting.quality, setting.record, setting.planned, others)
        except ValueError as problem:
            raise ValueError(f"{listed(setting.folders)}: {problem}") from problem
        analysis.folders = setting.folders
        return analysis

    def names(self, column: str) -> list[Any]:
        """The values of a column of RUN in complete runs, sorted."""
        return sorted(self.results[column].unique())

    def has(self, column: str) -> bool:
        """Whether all results have a column that older ones lack."""
        return column in self.results and bool(self.results[column].notna().all())

    def probes(self, dataset: str) -> dict[str, float]:
        """Accuracy of a head on all labels of a dataset by embedding, as far as it was measured."""
        if self.quality is None:
            return {}
        of_dataset = self.quality[self.quality["dataset"] == dataset]
        return dict(zip(of_dataset["embedding"], of_dataset["probe_accuracy"], strict=True))

    @property
    def models(self) -> dict[str, str]:
        """The embeddings as commands named them, by their names in the results: `mpnet` of `mpnet=/models/mpnet`."""
        cards = self.record.get("embedding_cards", {})
        return {name: cards.get(name, {}).get("embedding", name) for name in self.names("embedding")}

    @property
    def n_strategies(self) -> int:
        """Number of strategies, each counted once whatever its heads."""
        return len({strategy_of(name) for name in self.names("strategy")})

    @cached_property
    def axis(self) -> LabelAxis:
        """The x axis of figures over all datasets."""
        return label_axis(self.results)

    @cached_property
    def areas(self) -> pd.DataFrame:
        """AULC of accuracy: index RUN, columns PERIODS."""
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
        """Accuracy minus that of random, with the rows and columns of `curves`."""
        return gains(self.curves)

    @cached_property
    def compared(self) -> pd.DataFrame:
        """AULC on which strategies are compared: `common_blocks`; no columns if they have no block in common."""
        common = common_blocks(self.whole)
        return common if len(common) else common.iloc[:, :0]

    @cached_property
    def compared_results(self) -> pd.DataFrame:
        """The rows of `results` whose block and strategy are in `compared`."""
        in_compared = pd.MultiIndex.from_frame(self.results[BLOCK]).isin(self.compared.index)
        return self.results[in_compared & self.results["strategy"].isin(self.compared.columns)]

    @cached_property
    def left_out(self) -> str:
        """A sentence that names what is not in `compared`; empty if everything is."""
        return left_out(self.whole.stack().dropna().index, self.compared.stack().index)

    @cached_property
    def mean_gains(self) -> pd.Series:
        """Mean gain over random in AULC by strategy, largest first, over the blocks that all of these have."""
        return common_blocks(gains(self.whole)).mean().dropna().sort_values(ascending=False)

    @cached_property
    def comparison(self) -> pd.DataFrame:
        """`compare` over pairs of dataset and seed; embeddings and initial methods are averaged.

        A strategy that is not in `compared` has the mark "partial", and mean and number of its own pairs.
        """
        pairs = ["dataset", "seed"]
        table = compare(self.compared.groupby(level=pairs).mean()).reindex(self.whole.columns)
        own = self.whole.groupby(level=pairs).mean()
        table["mark"] = table["mark"].fillna("partial")
        return table.assign(mean=table["mean"].fillna(own.mean()), blocks=table["blocks"].fillna(own.notna().sum()))

    @cached_property
    def order(self) -> list[str]:
        """Strategies: the best mean first, those not in `compared` after the others, random last."""
        partial = self.comparison["mark"].eq("partial")
        ranked = self.comparison.assign(partial=partial).sort_values(["partial", "mean"], ascending=[True, False]).index
        return [*(name for name in ranked if name != BASELINE), *(name for name in ranked if name == BASELINE)]

    @cached_property
    def embeddings(self) -> list[str]:
        """Embeddings, best first: by mean probe accuracy, or by mean AULC if that was not measured."""
        means = embedding_means(self.areas["whole"])
        if self.quality is not None:
            probes = quality_table(self.quality, "probe_accuracy", means)
            means = probes if probes.notna().any().all() else means
        # Relative to each dataset's mean, so that an embedding run on hard datasets only does not look poor.
        above = means.sub(means.mean(axis=1), axis=0)
        return list(above.mean().sort_values(ascending=False).index)

    @cached_property
    def picks(self) -> list[Picked | NotShown]:
        """What random and the best strategies pick first on each dataset; empty without the parts of the runs."""
        if not any(Results(folder).parts.is_dir() for folder in self.folders):
            return []
        best = [name for name in self.order if name != BASELINE and head_of(name) == PLAIN][:SHOWN_PICKS]
        head = HeadKind.NAMED if self.heads == [NAMED] else HeadKind.PLAIN
        settings = [
            PickedFrom(embedding, self.models[embedding], initial, head)
            for embedding, initial in product(self.embeddings, self.names("initial"))
        ]
        return picked_texts(self.folders, self.record, self.names("dataset"), settings, [*best, BASELINE])

    @cached_property
    def until_random_ends(self) -> pd.DataFrame:
        """Labels and minutes until random's last accuracy, by setting; without rows if words were not counted."""
        results = self.results if self.has("words") else self.results.iloc[:0]
        return until_random_ends(mean_curves(results, self.reading_speed))

    @cached_property
    def saved(self) -> pd.DataFrame:
        """`until_random_ends` as shares of those of random, by strategy."""
        return saved_by_strategy(self.until_random_ends)

    @cached_property
    def ranking_stability(self) -> pd.DataFrame:
        """How often the best of n seeds is the best of all, by dataset; without rows for fewer than two seeds."""
        return stability(self.compared if self.compared.shape[1] > 1 else self.compared.iloc[:0])

    @cached_property
    def start_effects(self) -> pd.DataFrame:
        """`initial_effects` on accuracy: index dataset, embedding, seed, cycle, one column per initial method."""
        return initial_effects(self.results.set_index([*RUN, "cycle"])["accuracy"])

    @cached_property
    def wins(self) -> tuple[list[str], Floats, Floats, Floats]:
        """`pairwise_wins` from the first queried batch on; strategies not in `compared` come last."""
        later = self.curves[self.curves.index.get_level_values("cycle") >= 1]
        return pairwise_wins(later, [name for name in later if name in self.compared])

    @cached_property
    def ranks(self) -> list[Ranks]:
        """Friedman tests over datasets, and over pairs of dataset and embedding, if there are enough of them."""
        ranks = []
        for over, levels in (("datasets", ["dataset"]), ("pairs of dataset and embedding", ["dataset", "embedding"])):
            table = self.compared.groupby(level=levels).mean()
            if table.shape[1] >= 3 and len(table) >= 2:
                test = friedman(table.to_numpy(dtype=np.float64))
                ranks.append(Ranks(over, list(table.columns), test, [c for c in self.whole if c not in table]))
        return ranks

    @cached_property
    def findings(self) -> list[PaperFinding]:
        """The paper's findings, decided on complete runs, of the plain head if there are several heads."""
        plain = self.results["strategy"].map(head_of) == PLAIN
        return findings(self.results[plain] if plain.any() else self.results, self.quality)

    @property
    def evaluated_setting(self) -> Analysis | None:
        """The first setting whose heads were evaluated, this one or another of the report; None if there is none."""
        return next((one for one in (self, *self.others) if are_evaluated(one.results)), None)

    @property
    def evaluated(self) -> pd.DataFrame | None:
        """The rows of that setting whose heads were evaluated, see `analysis.evaluations`."""
        if self.evaluated_setting is None:
            return None
        results = self.evaluated_setting.results
        return results[results["evaluate_seconds"].notna()]

    @cached_property
    def evaluations(self) -> dict[str, pd.DataFrame]:
        """`evaluation_tables` of `evaluated`; none if heads were not evaluated."""
        return {} if self.evaluated is None else evaluation_tables(self.evaluated)

    @cached_property
    def by_embedding(self) -> EmbeddingAnalysis:
        """Runs compared by embedding, and their correlation with the quality of the embedding."""
        return EmbeddingAnalysis(self.areas["whole"], self.curves, self.cycles, self.quality)

    @cached_property
    def cycles(self) -> list[int]:
        """The cycles that every dataset has."""
        return list(range(int(self.results.groupby("dataset")["cycle"].max().min()) + 1))

    @cached_property
    def seconds(self) -> pd.DataFrame:
        """`query_times` without cycle 0, whose labels the strategy does not choose, unless there is no other."""
        timed = self.results[self.results["cycle"] >= min(1, self.cycles[-1])]
        return query_times(timed, self.compared)


def _checked(quality: pd.DataFrame | None) -> pd.DataFrame | None:
    if quality is None or not len(quality):
        return None
    absent = [column for column in QUALITY_COLUMNS if column not in quality]
    if absent:
        raise ValueError(f"embedding_quality.parquet has no column {', '.join(absent)}")
    return quality
