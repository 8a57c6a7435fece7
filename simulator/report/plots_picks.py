"""A figure of what each strategy picks first."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from simulator.report.picked_texts import Picked
from simulator.report.plots import BLUE, FAINT, ORANGE, QUIET, VERMILION, new_figure

MOST_POINTS = 1500
"""Of a larger pool, so many evenly spaced rows are drawn, to keep the page small."""
COLORS = (QUIET, VERMILION, ORANGE, BLUE)
NAMES = ("initial pool", "first batch", "second", "third")


def picks_figure(picked: Picked) -> Figure:
    """The pool in two dimensions, one panel per strategy, with its first batches in colour."""
    columns = min(3, len(picked.batches))
    rows = -(-len(picked.batches) // columns)
    figure = new_figure(3.0 * columns, 2.5 * rows + 0.4)
    axes = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    for unused in axes.flat[len(picked.batches) :]:
        unused.set_axis_off()
    drawn = np.unique(np.linspace(0, len(picked.points) - 1, MOST_POINTS).astype(np.int64))
    for ax, (name, batches) in zip(axes.flat, picked.batches.items(), strict=False):
        ax.scatter(*picked.points[drawn].T, s=2, color=FAINT, linewidths=0)
        for color, title, batch in zip(COLORS, NAMES, batches, strict=False):
            ax.scatter(*picked.points[batch].T, s=7, color=color, linewidths=0, label=title)
        ax.set_title(name)
        ax.set_xticks([])
        ax.set_yticks([])
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=min(len(labels), 2 * columns), markerscale=2)
    figure.supxlabel(f"{picked.dataset}, {picked.embedding}, {picked.initial} start", fontsize=8.5, color=QUIET)
    return figure
