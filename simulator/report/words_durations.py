"""Durations in words."""

from __future__ import annotations


def duration(value: float) -> str:
    """A duration in words, as in 0.4 ms, 35 ms, 2.1 s, 4.5 minutes or 3.1 hours; value: in seconds."""
    if value < 1:
        return f"{value * 1000:.1f} ms" if value < 0.01 else f"{value * 1000:.0f} ms"
    if value < 90:
        return f"{value:.1f} s"
    return f"{value / 60:.1f} minutes" if value < 5400 else f"{value / 3600:.1f} hours"
