"""Figures about embeddings and starts: learning curves, effect of the start, embedding quality and result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from simulator.analysis.comparisons import BASELINE, quality_table
from simulator.analysis.learning_curves import LabelAxis, common_cycles
from simulator.analysis.rank_correlation import Correlation
from simulator.analysis.statistics import mean_interval
from simulator.report.plots import (
    FAINT,
    INK,
    QUIET,
    band,
    new_figure,
    panels,
    sequence_styles,
    spread_out,
    strategy_styles,
)

ALL_LABELS = "all labels"
MEASURES = {
    "probe_accuracy": "full-data probe accuracy",
    "tightness": "cluster tightness",
    "class_margin": "class margin",
}


def curves_figure(
    table: pd.DataFrame,
    embeddings: Sequence[str],
    axis: LabelAxis,
    oracle: pd.DataFrame,
    probes: Mapping[str, float],
    highlighted: int = 3,
) -> Figure:
    """Accuracy over labels, one panel per embedding, one line per strategy; the best and random are labelled.

    table: of one dataset and initial method, index embedding, seed, cycle, one column per strategy; oracle: of the same
    form, for the runs of the oracle, drawn dashed; probes: accuracy of a head on all labels by embedding, drawn dotted;
    highlighted: how many of the best are labelled.
    """
    figure, axes = panels(len(embeddings), columns=3, width=3.3, panel_height=2.5, sharey=False)
    styles = strategy_styles(list(table.columns))
    for embedding, ax in zip(embeddings, axes, strict=True):
        part = table.xs(embedding, level="embedding").dropna(axis=1, how="all")
        means = part.groupby(level="cycle").mean()
        ranked = list(means.mean().sort_values(ascending=False).index)
        labelled = [name for name in ranked if name == BASELINE or name in ranked[:highlighted]]
        for name in ranked:
            if name not in labelled:
                ax.plot(axis.at(means.index), means[name], color=FAINT, linewidth=0.9)
        for name in labelled:
            by_seed = part[name].unstack("cycle").dropna()
            low, high = mean_interval(by_seed.to_numpy())
            band(ax, axis.at(by_seed.columns), by_seed.mean().to_numpy(), low, high, styles[name])
        ends = dict(means[labelled].iloc[-1])
        colors = {name: styles[name].color for name in labelled}
        for name, line in _reference_lines(oracle, embedding).items():
            style = strategy_styles([name])[name]
            ax.plot(axis.at(line.index), line, color=style.color, linestyle=style.linestyle, linewidth=1.2)
            ends[name], colors[name] = line.iloc[-1], style.color
        if embedding in probes:
            # To the end of the curves only, so that it does not cross out the names beside them.
            across = axis.at(means.index)[[0, -1]]
            ax.plot(across, np.repeat(probes[embedding], 2), color=QUIET, linestyle=":", linewidth=1.2)
            ends[ALL_LABELS], colors[ALL_LABELS] = probes[embedding], QUIET
        _label_line_ends(ax, axis.at(means.index)[-1], pd.Series(ends), colors)
        ax.set_title(embedding)
    x = axis.at(pd.Index(sorted(table.index.unique("cycle"))))
    axes[0].set_xlim(x[0], x[-1] + 0.4 * max(x[-1] - x[0], 1e-9))
    axes[0].set_xticks([tick for tick in axes[0].get_xticks() if x[0] <= tick <= x[-1]])
    figure.supylabel("accuracy", fontsize=8.5, color=QUIET)
    figure.supxlabel(axis.title, fontsize=8.5, color=QUIET)
    return figure


def _reference_lines(oracle: pd.DataFrame, embedding: str) -> dict[str, pd.Series]:
    """Means over seeds by the name of a reference, index cycle."""
    if embedding not in oracle.index.get_level_values("embedding"):
        return {}
    part = oracle.xs(embedding, level="embedding").dropna(axis=1, how="all")
    return {str(name): part[name].groupby(level="cycle").mean() for name in part}


def _label_line_ends(ax: Axes, x: float, ends: pd.Series, colors: dict[str, str]) -> None:
    low, high = ax.get_ylim()
    label_positions = spread_out(ends.to_numpy(dtype=np.float64), (high - low) * 0.075)
    for name, y in zip(ends.index, label_positions, strict=True):
        ax.annotate(
            name,
            (x, y),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=7.5,
            color=colors[name],
            annotation_clip=False,
        )


def start_figure(effects: pd.DataFrame, embeddings: Sequence[str], axis: LabelAxis) -> Figure:
    """Accuracy with other starts minus that with a random start, in points over labels, one panel per embedding.

    effects: index dataset, embedding, seed, cycle, one column per initial method. Lines are means of datasets, with
    their interval over seeds.
    """
    figure, axes = panels(len(embeddings), columns=3, width=3.1, panel_height=2.1)
    effects = common_cycles(effects) * 100
    styles = sequence_styles(list(effects.columns))
    for embedding, ax in zip(embeddings, axes, strict=True):
        part = effects.xs(embedding, level="embedding")
        for name in effects.columns:
            by_seed = part[name].dropna().groupby(level=["seed", "cycle"]).mean().unstack("cycle").dropna()
            if not len(by_seed):
                continue
            low, high = mean_interval(by_seed.to_numpy())
            band(ax, axis.at(by_seed.columns), by_seed.mean().to_numpy(), low, high, styles[name], label=name)
        ax.axhline(0, color=INK, linewidth=0.8)
        ax.set_title(embedding)
    # The legend is collected from all panels, since a start may have been run with some embeddings only.
    drawn = {label: line for ax in axes for line, label in zip(*ax.get_legend_handles_labels(), strict=True)}
    axes[0].legend(drawn.values(), drawn.keys(), loc="upper right")
    figure.supylabel("points above a random start", fontsize=8.5, color=QUIET)
    figure.supxlabel(axis.title, fontsize=8.5, color=QUIET)
    return figure


def quality_figure(
    quality: pd.DataFrame, outcomes: dict[str, pd.DataFrame], correlations: dict[tuple[str, str], Correlation]
) -> Figure:
    """Each measure of quality (columns) against each outcome (rows), one line per dataset, one point per embedding.

    outcomes: title to a table, one row per dataset, one column per embedding; correlations: by (measure, title).
    """
    measures = [measure for measure in MEASURES if measure in quality]
    figure = new_figure(9.2, 2.75 * len(outcomes) + 0.3)
    axes = figure.subplots(len(outcomes), len(measures), squeeze=False, sharey="row", sharex="col")
    datasets = sorted({dataset for table in outcomes.values() for dataset in table.index})
    styles = sequence_styles(datasets)
    for row, (title, outcome) in enumerate(outcomes.items()):
        for column, measure in enumerate(measures):
            ax = axes[row, column]
            x = quality_table(quality, measure, outcome)
            for dataset in outcome.index:
                order = np.argsort(x.loc[dataset].to_numpy())
                ax.plot(
                    x.loc[dataset].to_numpy()[order],
                    outcome.loc[dataset].to_numpy()[order],
                    "o",
                    linestyle="-",
                    linewidth=0.8,
                    markersize=4.5,
                    color=styles[dataset].color,
                    label=dataset,
                )
            correlation = correlations[measure, title]
            words = f"ρ = {correlation.rho:.2f}  [{correlation.low:.2f}, {correlation.high:.2f}]".replace("-", "−")
            ax.set_title("too few embeddings for ρ" if np.isnan(correlation.rho) else words, fontsize=9)
            if row == len(outcomes) - 1:
                ax.set_xlabel(MEASURES[measure])
            if column == 0:
                ax.set_ylabel(title)
            if "gain" in title:
                ax.axhline(0, color=INK, linewidth=0.8)
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=min(7, len(datasets)))
    return figure


def correlation_figure(
    by_cycle: Mapping[str, Mapping[str, Sequence[Correlation]]], axis: LabelAxis, cycles: Sequence[int]
) -> Figure:
    """Rank correlation of quality with each outcome over labels; by_cycle: by outcome, then by measure."""
    figure = new_figure(9.2, 2.9)
    axes = figure.subplots(1, len(by_cycle), squeeze=False, sharey=True)[0]
    styles = sequence_styles(list(MEASURES))
    for ax, (title, lines) in zip(axes, by_cycle.items(), strict=True):
        for measure, correlated in lines.items():
            # A gain over random begins with the first queried batch.
            x = axis.at(pd.Index(cycles[-len(correlated) :]))
            rho, low, high = (
                np.array([getattr(correlation, part) for correlation in correlated]) for part in ("rho", "low", "high")
            )
            band(ax, x, rho, low, high, styles[measure], label=MEASURES[measure])
        ax.axhline(0, color=INK, linewidth=0.8)
        ax.set_ylim(-1.05, 1.05)
        ax.set_title(title)
        ax.set_xlabel(axis.title)
    axes[0].set_ylabel("Spearman's ρ, mean of datasets")
    axes[-1].legend(loc="lower right")
    return figure
