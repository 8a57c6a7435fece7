"""Figures of the sections on labelling, by the names of their files; what the results lack data for is left out."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from simulator.analysis.comparisons import BASELINE
from simulator.analysis.learning_curves import curves, label_axis
from simulator.analysis.reading_time import mean_curves
from simulator.report.analysis import Analysis
from simulator.report.figures import file_name
from simulator.report.picked_texts import Picked
from simulator.report.plots_labelling import heat_map_figure, minutes_figure
from simulator.report.plots_picks import picks_figure
from simulator.report.plots_strategies import by_strategy_panels

MEAN = "mean of datasets"
HIGHLIGHTED = 5


def heat_map(analysis: Analysis) -> dict[str, Figure]:
    """Gain over random by strategy and number of labels, one panel per dataset and one for their mean."""
    names = [name for name in analysis.order if name in analysis.gains]
    if not names or len(analysis.cycles) < 2:
        return {}
    means = analysis.gains[names].groupby(level=["dataset", "cycle"]).mean()
    by_dataset = {str(name): part.droplevel("dataset").T for name, part in means.groupby(level="dataset")}
    labels = {
        name: [f"{n:,}" for n in label_axis(of_dataset(analysis.results, name)).positions.astype(int)]
        for name in by_dataset
    }
    if len(by_dataset) > 1:
        common = means[means.index.get_level_values("cycle") <= analysis.cycles[-1]]
        mean = common.groupby(level="cycle").mean().T
        axis = [f"{n:,.0f}" for n in analysis.axis.positions[: mean.shape[1]]]
        by_dataset, labels = {MEAN: mean} | by_dataset, {MEAN: axis} | labels
    return {"heat-map": heat_map_figure(by_dataset, labels)}


def of_dataset(results: pd.DataFrame, name: str) -> pd.DataFrame:
    """The rows of one dataset."""
    return results[results["dataset"] == name]


def rarest_class(analysis: Analysis) -> dict[str, Figure]:
    """Recall of the class that is rarest in the pool, over labels."""
    if not analysis.has("rarest_recall"):
        return {}
    recall = curves(analysis.results, "rarest_recall")
    panels = by_strategy_panels(recall, analysis.order, analysis.axis, "recall", zero=False, scale=1)
    return {"rarest-class": panels}


def reliability(analysis: Analysis) -> dict[str, Figure]:
    """Confidence minus accuracy over labels, in points."""
    if not analysis.has("confidence"):
        return {}
    gap = curves(analysis.results, "confidence") - curves(analysis.results, "accuracy")
    title = "confidence − accuracy, points"
    return {"reliability": by_strategy_panels(gap, analysis.order, analysis.axis, title, zero=True, scale=100)}


def picks(analysis: Analysis) -> dict[str, Figure]:
    """What strategies pick first, one figure per dataset."""
    shown = [picked for picked in analysis.picks if isinstance(picked, Picked)]
    return {file_name(f"picks-{picked.dataset}"): picks_figure(picked) for picked in shown}


def minutes(analysis: Analysis) -> dict[str, Figure]:
    """Accuracy over minutes of labelling; random and the strategies with the best areas in colour."""
    if not analysis.has("words"):
        return {}
    means = mean_curves(analysis.results, analysis.reading_speed)
    by_dataset = means.groupby(level=["dataset", "strategy", "cycle"]).mean()
    best = [name for name in analysis.order if name != BASELINE][:HIGHLIGHTED]
    highlighted = [*best, *([BASELINE] if BASELINE in analysis.order else [])]
    return {"minutes": minutes_figure(by_dataset, analysis.order, highlighted)}
