"""Figures that compare strategies: gain and calibration over labels, pairwise comparison, ranks, time per query."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import scikit_posthocs as posthocs
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from simulator.analysis.learning_curves import LabelAxis, common_cycles
from simulator.analysis.statistics import Floats, Friedman, mean_interval
from simulator.report.plots import FAINT, INK, QUIET, band, new_figure, panels, spread_out, strategy_styles


def by_strategy_panels(
    table: pd.DataFrame, order: Sequence[str], axis: LabelAxis, ylabel: str, *, zero: bool, scale: float
) -> Figure:
    """One panel per strategy: a thin line per dataset, and the mean of datasets with its interval over seeds.

    table: index dataset, seed, cycle, one column per strategy; values are multiplied by scale.
    """
    figure, axes = panels(len(order), columns=5, width=1.95, panel_height=1.75)
    table = common_cycles(table) * scale
    styles = strategy_styles(order)
    for name, ax in zip(order, axes, strict=True):
        values = table[name].dropna()
        for _, line in values.groupby(level=["dataset", "cycle"]).mean().groupby(level="dataset"):
            ax.plot(axis.at(line.index.get_level_values("cycle")), line, color=FAINT, linewidth=0.9, zorder=1)
        by_seed = values.groupby(level=["seed", "cycle"]).mean().unstack("cycle").dropna()
        low, high = mean_interval(by_seed.to_numpy())
        band(ax, axis.at(by_seed.columns), by_seed.mean().to_numpy(), low, high, styles[name], zorder=3)
        if zero:
            ax.axhline(0, color=INK, linewidth=0.8, zorder=2)
        ax.set_title(name, color=styles[name].color, fontweight="bold")
    figure.supylabel(ylabel, fontsize=8.5, color=QUIET)
    figure.supxlabel(axis.title, fontsize=8.5, color=QUIET)
    return figure


def wins_figure(names: Sequence[str], wins: Floats, ties: Floats) -> Figure:
    """Share of comparisons in which the row is above the column, with the share of ties below; wins, ties (k, k)."""
    k = len(names)
    size = 1.9 + 0.56 * k
    figure = new_figure(size, size * 0.93)
    ax = figure.subplots()
    # For the colour, a tie counts half, so that white means "as often above as below".
    image = ax.imshow(wins + ties / 2, cmap="PuOr_r", vmin=-0.1, vmax=1.1, aspect="auto")
    for i in range(k):
        for j in range(k):
            if i == j or np.isnan(wins[i, j]):
                continue
            brightness = np.dot(image.to_rgba(wins[i, j] + ties[i, j] / 2)[:3], [0.299, 0.587, 0.114])
            color = "white" if brightness < 0.55 else INK
            ax.text(j, i - 0.12, f"{wins[i, j] * 100:.0f}", ha="center", va="center", fontsize=9, color=color)
            ax.text(j, i + 0.27, f"= {ties[i, j] * 100:.0f}", ha="center", va="center", fontsize=5.8, color=color)
    ax.set_xticks(range(k), names, rotation=40, ha="left", rotation_mode="anchor", color=INK)
    ax.set_yticks(range(k), names, color=INK)
    ax.xaxis.tick_top()
    ax.tick_params(length=0)
    ax.grid(visible=False)
    for spine in ax.spines.values():
        spine.set_visible(False)
    return figure


def ranks_figure(tests: Sequence[tuple[str, Sequence[str], Friedman]]) -> Figure:
    """One critical-difference diagram (Demšar 2006) per test; tests: title, strategies and result of each."""
    height = sum(0.75 + 0.135 * len(names) for _, names, _ in tests) + 0.3
    figure = new_figure(8.6, height)
    axes = figure.subplots(len(tests), 1, squeeze=False)[:, 0]
    for ax, (title, names, test) in zip(axes, tests, strict=True):
        ranks = pd.Series(test.mean_ranks, index=list(names))
        gaps = np.abs(ranks.to_numpy()[:, None] - ranks.to_numpy()[None, :])
        # The diagram takes p-values and joins what is not significant: 1 within the critical difference, 0 beyond it.
        joined = pd.DataFrame(
            np.where(gaps <= test.critical_difference, 1.0, 0.0), index=ranks.index, columns=ranks.index
        )
        styles = strategy_styles(names)
        drawn = posthocs.critical_difference_diagram(
            ranks,
            joined,
            ax=ax,
            color_palette={name: styles[name].color for name in names},
            label_fmt_left="{label}  {rank:.1f} ",
            label_fmt_right=" {rank:.1f}  {label}",
            label_props={"fontsize": 9},
            crossbar_props={"color": INK, "linewidth": 2.2, "marker": None},
            marker_props={"s": 16},
        )
        # A bar is drawn from point to point in the order of a set, which differs between processes.
        for (bar,) in drawn["crossbars"]:
            x, y = bar.get_data()
            bar.set_data([min(x), max(x)], y[:2])
        ax.grid(visible=False)
        ax.set_title(title, fontsize=9, pad=14, color=QUIET)
    return figure


def cost_figure(seconds: pd.DataFrame, gain: pd.Series) -> Figure:
    """Seconds per query by strategy on a log scale, and seconds against gain.

    seconds: columns strategy, low, middle, high; gain: mean gain over random by strategy, in points; strategies without
    one are in the first panel only.
    """
    figure = new_figure(9.2, 1.0 + 0.24 * max(9, len(seconds)))
    left, right = figure.subplots(1, 2, width_ratios=[1, 1.25])
    ordered = seconds.sort_values("middle", ascending=False).reset_index(drop=True)
    styles = strategy_styles(list(ordered["strategy"]))
    for i, row in ordered.iterrows():
        color = styles[row["strategy"]].color
        left.plot([row["low"], row["high"]], [i, i], color=color, linewidth=2.2, alpha=0.45, solid_capstyle="round")
        left.plot(row["middle"], i, "o", color=color, markersize=5)
    left.set_yticks(range(len(ordered)), ordered["strategy"], color=INK)
    if (ordered["middle"] > 0).any():  # runs without a query have no time to show
        left.set_xscale("log")
    left.set_xlabel("seconds per query (median; bar: 5 to 95 %)")
    left.grid(visible=False, axis="y")
    _cost_against_gain(right, ordered, gain)
    return figure


def _cost_against_gain(ax: Axes, seconds: pd.DataFrame, gain: pd.Series) -> None:
    gain = gain.dropna()
    gained = seconds[seconds["strategy"].isin(gain.index)]
    ax.set_xscale("log")
    ax.axhline(0, color=INK, linewidth=0.8)
    ax.set_xlabel("seconds per query (median)")
    ax.set_ylabel("gain over random, points of AULC")
    if not len(gained):
        return
    y = gain[gained["strategy"]].to_numpy(dtype=np.float64)
    x = gained["middle"].to_numpy(dtype=np.float64)
    span = max(float(np.ptp(np.append(y, 0))), 1e-9)
    ax.set_ylim(min(y.min(), 0) - 0.1 * span, max(y.max(), 0) + 0.1 * span)
    ax.set_xlim(x.min() / 2, x.max() * 12)
    text_y = spread_out(y, span * 1.2 / 24)
    styles = strategy_styles(list(gained["strategy"]))
    for name, px, py, ty in zip(gained["strategy"], x, y, text_y, strict=True):
        ax.plot(px, py, "o", color=styles[name].color, markersize=6)
        ax.annotate(
            name,
            (px, py),
            xytext=(px * 1.35, ty),
            fontsize=8,
            va="center",
            color=styles[name].color,
            arrowprops={"arrowstyle": "-", "color": FAINT, "linewidth": 0.6, "shrinkA": 0, "shrinkB": 3},
        )
