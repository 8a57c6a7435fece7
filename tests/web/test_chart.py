"""The line chart of shares."""

from __future__ import annotations

import re

from ml_backend.web.page_parts.chart import Point, share_chart


def coordinates(chart: str, tag: str) -> list[tuple[float, float]]:
    points = re.findall(rf'<{tag} [^>]*points="(.*?)"', chart)[0].split()
    return [(float(x), float(y)) for x, y in (point.split(",") for point in points)]


def test_the_curve_rises_with_the_share_and_has_a_grid_line_at_its_value():
    chart = str(share_chart([Point(10, 0.25, "low"), Point(20, 0.75, "high")], "labels", "Accuracy"))
    (left, low), (right, high) = coordinates(chart, "polyline")
    assert left < right
    assert high < low, "SVG counts from the top"
    lines = dict(re.findall(r'y1="([\d.]+)"[^>]*/><text[^>]*>(\d+%)<', chart))
    assert (lines[f"{low:.1f}"], lines[f"{high:.1f}"]) == ("25%", "75%")


def test_the_band_lies_around_the_curve():
    points = [Point(10, 0.25, "", (0.0, 0.5)), Point(20, 0.75, "", (0.5, 1.0))]
    chart = str(share_chart(points, "labels", "Accuracy"))
    first, last = coordinates(chart, "polyline")
    low_first, low_last, high_last, high_first = coordinates(chart, "polygon")
    assert (low_first[0], low_last[0], high_last[0], high_first[0]) == (first[0], last[0], last[0], first[0])
    assert low_first[1] > first[1] > high_first[1], "SVG counts from the top"
    assert low_last[1] > last[1] > high_last[1]


def test_a_reader_of_the_page_hears_the_newest_point():
    chart = str(share_chart([Point(10, 0.25, "early"), Point(20, 0.75, "75% <now>")], "labels", "Accuracy"))
    assert 'role="img" aria-label="Accuracy: 75% &lt;now&gt;"' in chart


def test_a_chart_without_points_is_empty():
    assert not share_chart([], "labels", "Accuracy")
