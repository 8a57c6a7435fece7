"""Style of the figures: one colour and dash per strategy in all figures, light axes, text that is legible in print."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from simulator.analysis.heads import PLAIN, head_of, strategy_of
from simulator.analysis.statistics import Floats

INK, QUIET, FAINT, EDGE = "#1c2126", "#66707c", "#c9cfd6", "#dfe3e8"
DPI = 160

# The palette of Okabe and Ito, suited to colour blindness, without its yellow, which is too light on white.
BLUE, VERMILION, GREEN, ORANGE, SKY, PURPLE = "#0072B2", "#D55E00", "#009E73", "#E69F00", "#56B4E9", "#CC79A7"


@dataclass(frozen=True)
class LineStyle:
    """How a line is drawn. color: hex; dash: "solid", "dash" or "dot", as in plotly."""

    color: str
    dash: str

    @property
    def linestyle(self) -> Any:
        """The dash as a matplotlib line style."""
        return {"solid": "-", "dash": (0, (4, 1.6)), "dot": (0, (1, 1.3))}[self.dash]

    def with_names(self) -> LineStyle:
        """The style of the same strategy with a head that knows the class names."""
        return LineStyle(self.color, "dash" if self.dash == "dot" else "dot")


STRATEGY_STYLES = {
    "random": LineStyle(INK, "dot"),
    "badge": LineStyle(BLUE, "solid"),
    "margin": LineStyle(VERMILION, "solid"),
    "typiclust": LineStyle(GREEN, "solid"),
    "entropy": LineStyle(ORANGE, "solid"),
    "dropquery": LineStyle(SKY, "solid"),
    "coreset": LineStyle(PURPLE, "solid"),
    "bait": LineStyle(BLUE, "dash"),
    "least_confidence": LineStyle(VERMILION, "dash"),
    "probcover": LineStyle(GREEN, "dash"),
    "tcm": LineStyle(ORANGE, "dash"),
    "alfamix": LineStyle(SKY, "dash"),
    "max_herding": LineStyle(PURPLE, "dash"),
    "uherding": LineStyle(QUIET, "solid"),
    "oracle": LineStyle(INK, "dash"),
}
SPARE_STYLES = [LineStyle(color, "dot") for color in (BLUE, VERMILION, GREEN, ORANGE, SKY, PURPLE, QUIET)]


def strategy_styles(names: Iterable[str]) -> dict[str, LineStyle]:
    """The line style of each strategy, the same in every figure; other strategies get the spare styles in turn.

    With a head that knows the class names, a strategy has its own colour with another dash.
    """
    known = {name: STRATEGY_STYLES[strategy_of(name)] for name in names if strategy_of(name) in STRATEGY_STYLES}
    without_style = [name for name in sorted(names) if name not in known]
    spare = {name: SPARE_STYLES[i % len(SPARE_STYLES)] for i, name in enumerate(without_style)}
    return {**{name: style if head_of(name) == PLAIN else style.with_names() for name, style in known.items()}, **spare}


def sequence_styles(names: Sequence[str]) -> dict[str, LineStyle]:
    """The line styles of datasets, embeddings or initial methods, by their position in the list."""
    solid = [BLUE, VERMILION, GREEN, ORANGE, SKY, PURPLE, INK]
    return {
        name: LineStyle(solid[i % len(solid)], ("solid", "dash", "dot")[i // len(solid) % 3])
        for i, name in enumerate(names)
    }


def settings() -> Any:
    """A context manager with the style in which figures are drawn."""
    return mpl.rc_context(
        {
            "font.size": 9,
            "axes.titlesize": 9.5,
            "axes.titlelocation": "left",
            "axes.labelsize": 8.5,
            "axes.labelcolor": QUIET,
            "axes.edgecolor": FAINT,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.linewidth": 0.8,
            "text.color": INK,
            "xtick.color": FAINT,
            "ytick.color": FAINT,
            "xtick.labelcolor": QUIET,
            "ytick.labelcolor": QUIET,
            "xtick.labelsize": 8,
            "ytick.labelsize": 8,
            "axes.grid": True,
            "grid.color": "#eef0f3",
            "axes.axisbelow": True,
            "legend.frameon": False,
            "legend.fontsize": 8,
        }
    )


def new_figure(width: float, height: float) -> Figure:
    """An empty figure; width and height in inches. It is independent of pyplot, so that no global state changes."""
    return Figure(figsize=(width, height), layout="constrained", dpi=DPI)


def panels(
    count: int, *, columns: int, width: float, panel_height: float, sharex: bool = True, sharey: bool = True
) -> tuple[Figure, list[Axes]]:
    """A figure with `count` panels in at most `columns` columns; width and panel_height of a panel in inches.

    Panels share the x axis with sharex, and the y axis with sharey.
    """
    columns = max(1, min(columns, count))
    rows = -(-count // columns)
    figure = new_figure(max(width * columns, 3.6), panel_height * rows + 0.5)
    axes = figure.subplots(rows, columns, sharex=sharex, sharey=sharey, squeeze=False)
    flat: list[Axes] = list(axes.flat)
    for i, unused in enumerate(flat[count:], start=count):
        unused.set_axis_off()
        if i >= columns:
            flat[i - columns].xaxis.set_tick_params(labelbottom=True)
    return figure, flat[:count]


def band(axes: Axes, x: Floats, middle: Floats, low: Floats, high: Floats, style: LineStyle, **options: Any) -> None:
    """Draw a line with its interval; x, middle, low, high (n,) float64; options: of matplotlib's `plot`."""
    axes.fill_between(x, low, high, color=style.color, alpha=0.18, linewidth=0)
    axes.plot(x, middle, color=style.color, linestyle=style.linestyle, **{"linewidth": 1.8, **options})


def spread_out(positions: Floats, gap: float) -> Floats:
    """Positions (n,) float64 moved apart, in the same order, so that neighbours are at least about `gap` apart."""
    order = np.argsort(positions, kind="stable")
    moved = positions[order].astype(np.float64)
    for _ in range(200):
        short = gap - np.diff(moved)
        if (short <= gap * 1e-3).all():
            break
        push = np.maximum(short, 0) / 2
        moved[:-1] -= push
        moved[1:] += push
    out = np.empty_like(moved)
    out[order] = moved
    return out


def save(figure: Figure, path: Path) -> Path:
    """Write a figure as PNG and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=DPI, facecolor="white", metadata={"Software": None})
    return path
