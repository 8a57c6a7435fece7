"""Writing the figures of the report as PNG."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from simulator.analysis.evaluations import estimates
from simulator.analysis.learning_curves import curves, label_axis
from simulator.report.analysis import Analysis
from simulator.report.plots import save, settings
from simulator.report.plots_embeddings import correlation_figure, curves_figure, quality_figure, start_figure
from simulator.report.plots_evaluations import estimates_figure
from simulator.report.plots_strategies import by_strategy_panels, cost_figure, ranks_figure, wins_figure


def write_figures(analysis: Analysis, folder: Path) -> dict[str, Path]:
    """Write all figures for which the results have data; returns their paths by name."""
    with settings():
        return {name: save(figure, folder / f"{name}.png") for name, figure in _figures(analysis).items()}


def write_curve_figures(analysis: Analysis, folder: Path) -> None:
    """Write one figure of learning curves per dataset and initial method; the page shows them interactively."""
    with settings():
        for (dataset, initial), part in analysis.curves.groupby(level=["dataset", "initial"]):
            used_embeddings = part.index.get_level_values("embedding")
            embeddings = [name for name in analysis.embeddings if name in used_embeddings]
            results_of_dataset = analysis.results[analysis.results["dataset"] == dataset]
            figure = curves_figure(part.droplevel(["dataset", "initial"]), embeddings, label_axis(results_of_dataset))
            save(figure, folder / (re.sub(r"[^\w.-]+", "_", f"curves-{dataset}-{initial}") + ".png"))


def _figures(analysis: Analysis) -> dict[str, Figure]:
    figures: dict[str, Figure] = {}
    names, wins, ties, _ = analysis.wins
    if len(analysis.cycles) > 1 and np.isfinite(wins[~np.eye(len(names), dtype=bool)]).any():
        figures["wins"] = wins_figure(names, wins, ties)
    if analysis.ranks:
        tests = [(f"over {ranks.test.blocks} {ranks.over}", ranks.names, ranks.test) for ranks in analysis.ranks]
        figures["ranks"] = ranks_figure(tests)
    with_gain = [name for name in analysis.order if name in analysis.gains]
    if with_gain:
        figures["gain"] = by_strategy_panels(
            analysis.gains, with_gain, analysis.axis, "points above random", zero=True, scale=100
        )
    if analysis.start_effects.shape[1]:
        used_embeddings = analysis.start_effects.index.unique("embedding")
        embeddings = [name for name in analysis.embeddings if name in used_embeddings]
        figures["start"] = start_figure(analysis.start_effects, embeddings, analysis.axis)
    by_embedding = analysis.by_embedding
    if analysis.quality is not None and any(outcome.shape[1] > 1 for outcome in by_embedding.outcomes.values()):
        figures["quality"] = quality_figure(analysis.quality, by_embedding.outcomes, by_embedding.correlations)
    if any(
        not pd.isna(correlation.rho)
        for by_measure in by_embedding.correlations_by_cycle.values()
        for by_cycle in by_measure.values()
        for correlation in by_cycle
    ):
        figures["quality-by-budget"] = correlation_figure(
            by_embedding.correlations_by_cycle, analysis.axis, analysis.cycles
        )
    figures["cost"] = cost_figure(analysis.seconds, analysis.mean_gains * 100)
    ece = curves(analysis.results, "ece")
    figures["calibration"] = by_strategy_panels(ece, analysis.order, analysis.axis, "ECE", zero=False, scale=1)
    if analysis.evaluated is not None and len(shown := estimates(analysis.evaluated)):
        figures["evaluations"] = estimates_figure(shown)
    return figures
