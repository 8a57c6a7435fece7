"""What runs reach with each embedding, and its rank correlation with the quality of the embedding."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import pandas as pd

from simulator.analysis.comparisons import by_strategy, embedding_means, gains, quality_table, shared, with_quality
from simulator.analysis.complete_runs import RUN
from simulator.analysis.evidence import left_out
from simulator.analysis.rank_correlation import Correlation, mean_spearman
from simulator.report.plots_embeddings import MEASURES

AULC, GAIN = "AULC", "gain over random"


class EmbeddingAnalysis:
    """Results compared by embedding, over runs that all compared embeddings have.

    Each property is computed at its first use.
    """

    def __init__(self, area: pd.Series, curves: pd.DataFrame, cycles: list[int], quality: pd.DataFrame | None) -> None:
        """area: AULC of accuracy, index RUN; curves: accuracy, one row per block and cycle, one column per strategy.

        cycles: those that every dataset has; quality: embedding_quality.parquet, or None.
        """
        self._area = area
        self._curves = curves
        self._cycles = cycles
        self._quality = quality

    @cached_property
    def outcomes(self) -> dict[str, pd.DataFrame]:
        """What is correlated with embedding quality, by title: mean AULC and mean gain over random.

        Each is a table with one row per dataset and one column per embedding.
        """
        means = {title: embedding_means(runs) for title, runs in self.runs.items() if len(runs)}
        if GAIN in means:
            means[f"{GAIN} (points)"] = means.pop(GAIN) * 100
        return means

    @cached_property
    def runs(self) -> dict[str, pd.Series]:
        """AULC and gain over random (index RUN) of the runs over which embeddings are compared."""
        return {title: shared(values, "embedding") for title, values in self._runs_with_quality.items()}

    @cached_property
    def left_out(self) -> dict[str, str]:
        """For AULC and gain over random, a sentence that names what is not in `runs`, or empty."""
        return {title: left_out(self._all_runs[title].index, runs.index) for title, runs in self.runs.items()}

    @cached_property
    def _all_runs(self) -> dict[str, pd.Series]:
        gain = gains(by_strategy(self._area))
        whole = {AULC: self._area}
        return whole | ({GAIN: gain.stack().dropna().reorder_levels(RUN)} if gain.shape[1] else {})

    @cached_property
    def _runs_with_quality(self) -> dict[str, pd.Series]:
        if self._quality is None:
            return self._all_runs
        return {title: with_quality(values, self._quality) for title, values in self._all_runs.items()}

    @cached_property
    def correlations(self) -> dict[tuple[str, str], Correlation]:
        """Correlations of each measure of quality with each outcome, by (measure, title)."""
        if self._quality is None:
            return {}
        return {
            (measure, title): _correlate(self._quality, measure, outcome)
            for title, outcome in self.outcomes.items()
            for measure in MEASURES
        }

    @cached_property
    def correlations_by_cycle(self) -> dict[str, dict[str, list[Correlation]]]:
        """Correlations of each measure with accuracy and with gain over random, by title and measure.

        Each is a list with one correlation per cycle that all datasets have; gain starts at the first queried batch.
        """
        if self._quality is None:
            return {}
        lines = {AULC: ("with accuracy", self._curves, 0), GAIN: ("with gain over random", gains(self._curves), 1)}
        correlations = {}
        for outcome, runs in self.runs.items():
            title, curves_, first = lines[outcome]
            if not self._cycles[first:]:
                continue
            values = curves_.stack().unstack("cycle").reorder_levels(RUN).loc[runs.index]
            means = [embedding_means(values[cycle]) for cycle in self._cycles[first:]]
            correlations[title] = {
                measure: [_correlate(self._quality, measure, mean) for mean in means] for measure in MEASURES
            }
        return correlations


def _correlate(quality: pd.DataFrame, measure: str, outcome: pd.DataFrame) -> Correlation:
    x = quality_table(quality, measure, outcome)
    return mean_spearman(x.to_numpy(dtype=np.float64), outcome.to_numpy(dtype=np.float64))
