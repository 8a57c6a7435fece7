"""Figures over labels and minutes: gain of each strategy as a heat map, accuracy over minutes of labelling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from simulator.analysis.statistics import Floats
from simulator.report.plots import FAINT, INK, QUIET, new_figure, panels, strategy_styles


def heat_map_figure(tables: Mapping[str, pd.DataFrame], labels: Mapping[str, Sequence[str]]) -> Figure:
    """Gain over random in points, one panel per title, one row per strategy, one column per cycle.

    tables: by title, rows strategies, columns cycles, in 0..1; NaN stays white; labels: of the columns, by title. All
    panels have one scale of colours, which ends at the largest gain or loss.
    """
    columns = min(3, len(tables))
    rows = -(-len(tables) // columns)
    height = 0.9 + 0.19 * max(len(table) for table in tables.values())
    figure = new_figure(4.2 * columns + 0.6, height * rows + 0.3)
    axes = figure.subplots(rows, columns, squeeze=False)
    reach = max(float(np.nanmax(np.abs(table.to_numpy()), initial=0)) for table in tables.values()) * 100 or 1.0
    for unused in axes.flat[len(tables) :]:
        unused.set_axis_off()
    for ax, (title, table) in zip(axes.flat, tables.items(), strict=False):
        image = ax.imshow(table.to_numpy() * 100, cmap="PuOr_r", vmin=-reach, vmax=reach, aspect="auto")
        ax.set_title(title)
        ax.set_yticks(range(len(table)), list(table.index), color=INK)
        step = -(-len(labels[title]) // 6)
        ax.set_xticks(range(0, len(labels[title]), step), labels[title][::step])
        ax.tick_params(length=0)
        ax.grid(visible=False)
        for spine in ax.spines.values():
            spine.set_visible(False)
    figure.colorbar(image, ax=axes, shrink=min(1.0, 3 / (height * rows)), label="points above random")
    return figure


def minutes_figure(curves: pd.DataFrame, order: Sequence[str], highlighted: Sequence[str]) -> Figure:
    """Accuracy over minutes of labelling, one panel per dataset, one line per strategy.

    curves: index dataset, strategy, cycle, columns minutes and accuracy; highlighted: the strategies in colour.
    """
    datasets = list(curves.index.unique("dataset"))
    figure, axes = panels(len(datasets), columns=3, width=3.1, panel_height=2.3, sharex=False, sharey=False)
    styles = strategy_styles(order)
    for dataset, ax in zip(datasets, axes, strict=True):
        lines = curves.xs(dataset, level="dataset")
        for name in sorted(order, key=lambda name: name in highlighted):
            if name not in lines.index.unique("strategy"):
                continue
            line, style = lines.xs(name, level="strategy"), styles[name]
            color, width = (style.color, 1.6) if name in highlighted else (FAINT, 0.9)
            x: Floats = line["minutes"].to_numpy(dtype=np.float64)
            ax.plot(x, line["accuracy"], color=color, linestyle=style.linestyle, linewidth=width, label=name)
        ax.set_title(dataset)
    handles = {text: line for line, text in zip(*axes[0].get_legend_handles_labels(), strict=True)}
    shown = [name for name in highlighted if name in handles]
    ncols = max(1, min(len(shown), 2 * min(len(datasets), 3)))  # two names are as wide as a panel
    lines = [handles[name] for name in shown]
    figure.legend(lines, shown, loc="outside upper center", ncols=ncols, columnspacing=1.0)
    figure.supylabel("accuracy", fontsize=8.5, color=QUIET)
    figure.supxlabel("minutes of labelling", fontsize=8.5, color=QUIET)
    return figure
