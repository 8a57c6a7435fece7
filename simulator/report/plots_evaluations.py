"""Figure of the estimated accuracy beside the truth."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from simulator.report.plots import BLUE, INK, QUIET, LineStyle, band, panels


def estimates_figure(table: pd.DataFrame) -> Figure:
    """Estimate with its interval, and the truth, over labels: one panel per dataset.

    table: dataset, n_labeled, estimate, low, high, truth, as of `analysis.evaluations.estimates`.
    """
    datasets = sorted(table["dataset"].unique())
    figure, axes = panels(len(datasets), columns=5, width=2.1, panel_height=1.9)
    for name, ax in zip(datasets, axes, strict=True):
        part = table[table["dataset"] == name].sort_values("n_labeled")
        labels, estimate, low, high, truth = (
            part[column].to_numpy(dtype=np.float64) for column in ("n_labeled", "estimate", "low", "high", "truth")
        )
        # Markers show a single number of labels, of which there is no line.
        band(ax, labels, estimate, low, high, LineStyle(BLUE, "solid"), label="estimate", marker="o", markersize=2.5)
        ax.plot(labels, truth, color=INK, linestyle=":", linewidth=1.8, marker="o", markersize=2.5, label="truth")
        ax.set_title(name)
    axes[0].legend(loc="lower right")
    figure.supylabel("accuracy on the open texts", fontsize=8.5, color=QUIET)
    figure.supxlabel("labels", fontsize=8.5, color=QUIET)
    return figure
