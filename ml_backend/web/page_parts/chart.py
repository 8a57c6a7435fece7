"""A line chart and a bar chart as inline SVG; colours come from the page's style sheet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

WIDTH, HEIGHT = 440, 230
LEFT, RIGHT, TOP, BOTTOM = 44, 52, 14, 34
BARS_WIDTH, BARS_HEIGHT, BARS_LEFT, BARS_TOP, BARS_BASE = 360, 130, 30, 8, 106


@dataclass(frozen=True)
class Point:
    """A point of the line.

    y: between 0 and 1; tooltip: shown when the pointer is over the point; band: lower and upper bound of y;
    hollow: whether it is drawn as a circle instead of a dot.
    """

    x: float
    y: float
    tooltip: str
    band: tuple[float, float] | None = None
    hollow: bool = False


@dataclass(frozen=True)
class Mark:
    """A vertical line where something happened. name: short, above the line; tooltip: see `Point`."""

    x: float
    name: str
    tooltip: str


def share_chart(points: Sequence[Point], x_label: str, title: str, marks: Sequence[Mark] = ()) -> Markup:
    """An SVG line chart with a y axis from 0 % to 100 %; empty without points. points: in the order of x.

    marks: those outside of the x of the points are left out.
    """
    if not points:
        return Markup("")
    low, high = points[0].x, points[-1].x
    low, high = (low, high) if high > low else (low - 1, high + 1)
    coordinates = [(_x_position(p.x, low, high), _y_position(p.y)) for p in points]
    return Markup("").join(
        [
            Markup('<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}">').format(
                WIDTH, HEIGHT, f"{title}: {points[-1].tooltip}"
            ),
            *(_grid_line(share) for share in (0.0, 0.25, 0.5, 0.75, 1.0)),
            *(_tick(x, _x_position(x, low, high)) for x in ticks(low, high)),
            _text(LEFT + (WIDTH - LEFT - RIGHT) / 2, HEIGHT - 2, x_label, "middle"),
            *(_mark(mark, _x_position(mark.x, low, high)) for mark in marks if points[0].x <= mark.x <= points[-1].x),
            _band(points, low, high),
            Markup('<polyline class="line" points="{}"/>').format(" ".join(f"{x:.1f},{y:.1f}" for x, y in coordinates)),
            *(_dot(x, y, p) for (x, y), p in zip(coordinates, points, strict=True)),
            _text(coordinates[-1][0] + 9, coordinates[-1][1] + 4, f"{points[-1].y:.0%}", "start", "value"),
            Markup("</svg>"),
        ]
    )


@dataclass(frozen=True)
class Bar:
    """A bar of a day. label: under it, empty for none; tooltip: shown when the pointer is over it."""

    value: int
    label: str
    tooltip: str


def bar_chart(bars: Sequence[Bar], title: str) -> Markup:
    """An SVG chart of numbers by day; a day without any has a thin line. title: read out with the last day's."""
    top = max((bar.value for bar in bars), default=0)
    step = (BARS_WIDTH - BARS_LEFT) / max(1, len(bars))
    parts = [
        Markup('<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}">').format(
            BARS_WIDTH, BARS_HEIGHT, title
        )
    ]
    if top:
        parts.append(_text(BARS_LEFT - 6, BARS_TOP + 5, f"{top:,}", "end"))
    for number, bar in enumerate(bars):
        x = BARS_LEFT + number * step
        height = max(2.0, bar.value / top * (BARS_BASE - BARS_TOP)) if top else 2.0
        rectangle = (
            '<rect class="{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" rx="1.5"><title>{}</title></rect>'
        )
        kind = "day" if bar.value else "day none"
        parts.append(Markup(rectangle).format(kind, x, BARS_BASE - height, step * 0.76, height, bar.tooltip))
        if bar.label:
            at, anchor = (BARS_WIDTH, "end") if number == len(bars) - 1 else (x + step * 0.38, "middle")
            parts.append(_text(at, BARS_BASE + 16, bar.label, anchor))
    return Markup("").join([*parts, Markup("</svg>")])


def ticks(low: float, high: float, most: int = 6) -> list[int]:
    """At most `most` round numbers between two numbers."""
    step = 1
    while (high - low) / step > most:
        # 1, 2, 5, 10, 20, 50, …
        step = step * 5 // 2 if str(step).startswith("2") else step * 2
    first = -(-int(low) // step) * step
    return [x for x in range(first, int(high) + 1, step) if x >= low]


def _band(points: Sequence[Point], low: float, high: float) -> Markup:
    """The area between the bounds, or a vertical line for a single point."""
    bounds = [(_x_position(p.x, low, high), *map(_y_position, p.band)) for p in points if p.band is not None]
    outline = [(x, bottom) for x, bottom, _ in bounds] + [(x, top) for x, _, top in reversed(bounds)]
    return Markup('<polygon class="band" points="{}"/>').format(" ".join(f"{x:.1f},{y:.1f}" for x, y in outline))


def _x_position(x: float, low: float, high: float) -> float:
    return LEFT + (x - low) / (high - low) * (WIDTH - LEFT - RIGHT)


def _y_position(share: float) -> float:
    return TOP + (1 - share) * (HEIGHT - TOP - BOTTOM)


def _grid_line(share: float) -> Markup:
    y = _y_position(share)
    line = Markup('<line class="grid" x1="{}" x2="{}" y1="{:.1f}" y2="{:.1f}"/>').format(LEFT, WIDTH - RIGHT, y, y)
    return line + _text(LEFT - 8, y + 4, f"{share:.0%}", "end")


def _tick(value: int, x: float) -> Markup:
    return _text(x, HEIGHT - BOTTOM + 16, f"{value:,}", "middle")


def _dot(x: float, y: float, point: Point) -> Markup:
    circle = Markup('<circle class="{}" cx="{:.1f}" cy="{:.1f}" r="4"><title>{}</title></circle>')
    return circle.format("hollow" if point.hollow else "dot", x, y, point.tooltip)


def _mark(mark: Mark, x: float) -> Markup:
    line = Markup('<line class="mark" x1="{:.1f}" x2="{:.1f}" y1="{}" y2="{}"><title>{}</title></line>')
    return line.format(x, x, TOP, HEIGHT - BOTTOM, mark.tooltip) + _text(x, TOP - 3, mark.name, "middle")


def _text(x: float, y: float, text: str, anchor: str, kind: str = "tick") -> Markup:
    return Markup('<text class="{}" x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>').format(
        kind, x, y, anchor, escape(text)
    )
