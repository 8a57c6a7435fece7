"""The figures of the sections, by the names of their files; what the results have no data for is left out."""

from __future__ import annotations

import re
from math import isnan
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


def write_curve_figures(analysis: Analysis, folder: Path) -> None:
    """Write one figure of learning curves per dataset and initial method; the page shows them interactively."""
    with settings():
        for (dataset, initial), part in analysis.curves.groupby(level=["dataset", "initial"]):
            used_embeddings = part.index.get_level_values("embedding")
            embeddings = [name for name in analysis.embeddings if name in used_embeddings]
            results_of_dataset = analysis.results[analysis.results["dataset"] == dataset]
            figure = curves_figure(
                part.droplevel(["dataset", "initial"]),
                embeddings,
                label_axis(results_of_dataset),
                _of_setting(analysis.oracle, str(dataset), str(initial)),
                analysis.probes(str(dataset)),
            )
            save(figure, folder / (file_name(f"curves-{dataset}-{initial}") + ".png"))


def file_name(text: str) -> str:
    """A text as the name of a file, without its ending."""
    return re.sub(r"[^\w.-]+", "_", text)


def _of_setting(oracle: pd.DataFrame, dataset: str, initial: str) -> pd.DataFrame:
    part = oracle[(oracle["dataset"] == dataset) & (oracle["initial"] == initial)]
    return curves(part, "accuracy").droplevel(["dataset", "initial"])


def wins(analysis: Analysis) -> dict[str, Figure]:
    """Pairwise comparison of strategies, if there are two or more and a query."""
    names, above, ties, _ = analysis.wins
    if len(analysis.cycles) < 2 or not np.isfinite(above[~np.eye(len(names), dtype=bool)]).any():
        return {}
    return {"wins": wins_figure(names, above, ties)}


def ranks(analysis: Analysis) -> dict[str, Figure]:
    """Critical-difference diagrams, if there are enough strategies and datasets."""
    tests = [(f"over {ranks.test.blocks} {ranks.over}", ranks.names, ranks.test) for ranks in analysis.ranks]
    return {"ranks": ranks_figure(tests)} if tests else {}


def gain(analysis: Analysis) -> dict[str, Figure]:
    """Gain over random, if there are runs of random."""
    names = [name for name in analysis.order if name in analysis.gains]
    if not names:
        return {}
    title = "points above random"
    return {"gain": by_strategy_panels(analysis.gains, names, analysis.axis, title, zero=True, scale=100)}


def start(analysis: Analysis) -> dict[str, Figure]:
    """Effect of the start, if there are runs with a random and with another one."""
    if not analysis.start_effects.shape[1]:
        return {}
    used_embeddings = analysis.start_effects.index.unique("embedding")
    embeddings = [name for name in analysis.embeddings if name in used_embeddings]
    return {"start": start_figure(analysis.start_effects, embeddings, analysis.axis)}


def quality(analysis: Analysis) -> dict[str, Figure]:
    """Embedding quality and result, if there are two embeddings, and by number of labels, if there is a correlation."""
    by_embedding, figures = analysis.by_embedding, dict[str, Figure]()
    if analysis.quality is not None and any(outcome.shape[1] > 1 for outcome in by_embedding.outcomes.values()):
        figures["quality"] = quality_figure(analysis.quality, by_embedding.outcomes, by_embedding.correlations)
    lines = by_embedding.correlations_by_cycle
    if any(not isnan(one.rho) for measures in lines.values() for line in measures.values() for one in line):
        figures["quality-by-budget"] = correlation_figure(lines, analysis.axis, analysis.cycles)
    return figures


def cost(analysis: Analysis) -> dict[str, Figure]:
    """Time per query, and against the gain over random."""
    return {"cost": cost_figure(analysis.seconds, analysis.mean_gains * 100)}


def calibration(analysis: Analysis) -> dict[str, Figure]:
    """Calibration error over labels."""
    ece = curves(analysis.results, "ece")
    return {"calibration": by_strategy_panels(ece, analysis.order, analysis.axis, "ECE", zero=False, scale=1)}


def evaluations(analysis: Analysis) -> dict[str, Figure]:
    """Estimated and true accuracy, if heads were evaluated and an estimate was shown."""
    if analysis.evaluated is None or not len(shown := estimates(analysis.evaluated)):
        return {}
    return {"evaluations": estimates_figure(shown)}
