"""The tables that `played_project.py` prints: what a project's page shows, beside the truth."""

from __future__ import annotations

from collections.abc import Mapping
from math import log
from typing import Any

import numpy as np
from live_loop import STEPS
from played_truth import (
    Look,
    Played,
    accuracy,
    among_flipped,
    before_last,
    confused,
    looked_again,
    of_class,
    reliability,
)
from rich.console import Console
from rich.table import Table

PAIRS = 8


def print_project(console: Console, played: Played) -> None:
    """Print all tables of a project; those of one moment are of the last look before the forecast is checked."""
    look = played.looks[-1]
    console.rule(f"{played.title}; {len(look.labels)} labels in the head, {int(look.open.sum()):,} open texts")
    for table in (
        _looks(played),
        _classes(played, look),
        _confusions(played, look),
        _reliability(played, look),
        _stop(played),
        _look_again(played),
        _forecast(played, look),
        _seconds(played),
    ):
        console.print(table)
    console.print(f"accuracy: {look.body['accuracy']['why']}\nstop: {look.body['stop']['why']}")


def _looks(played: Played) -> Table:
    table = Table(
        "labels", "accuracy", "interval", "truth", *(["truth as such labels see it"] if played.flipped else []),
        "inside", "basis", "random tasks labelled, skipped", "played", title="Accuracy on the open texts",
    )  # fmt: skip
    for look in _all(played):
        shown, truth = look.body["accuracy"], accuracy(played, look)
        seen = among_flipped(truth, played.flipped, len(played.gold.classes))
        holds = shown["value"] is not None and shown["low"] <= seen <= shown["high"]
        table.add_row(
            str(look.body["labels"]),
            _percent(shown["value"]),
            _interval(shown),
            _percent(truth),
            *([_percent(seen)] if played.flipped else []),
            "–" if shown["value"] is None else "yes" if holds else "[red]no[/]",
            shown["basis"] or "–",
            f"{shown['audits']}, {shown['audits_skipped']}",
            f"{len(played.random & look.labels.keys())}, {_skipped_until(played, look)}",
        )
    return table


def _skipped_until(played: Played, look: Look) -> int:
    rows = played.rows(played.skipped)
    return int((~look.open[rows]).sum())


def _classes(played: Played, look: Look) -> Table:
    table = Table(
        "class", "labels", "share", "truth", "precision", "interval", "truth", "recall", "interval", "truth",
        "random tasks", title="Classes, on the open texts",
    )  # fmt: skip
    for quality in look.body["classes"]:
        truth = of_class(played, look, quality["name"])
        precision, recall = quality["precision"], quality["recall"]
        supported = [str(each["audits"]) if each else "–" for each in (precision, recall)]
        table.add_row(
            quality["name"],
            str(quality["labels"]),
            _percent(quality["share"]),
            _percent(truth.share),
            *_beside(precision, truth.precision),
            *_beside(recall, truth.recall),
            ", ".join(supported),
        )
    return table


def _beside(shown: Mapping[str, Any] | None, truth: float) -> list[str]:
    if shown is None:
        return ["too few", "", _percent(truth)]
    colour = "" if shown["low"] <= truth <= shown["high"] else "[red]"
    return [_percent(shown["value"]), _interval(shown), colour + _percent(truth)]


def _confusions(played: Played, look: Look) -> Table:
    table = Table(
        "class", "taken for", "labels", "share of open texts", "truth", "rank in truth", title="Confused classes"
    )
    truth = confused(played, look)
    for pair in look.body["confusions"][:PAIRS]:
        key = (pair["given"], pair["predicted"])
        table.add_row(
            *key,
            f"{pair['labels']} of {pair['of']}",
            _percent(pair["share"], 2),
            _percent(truth[key], 2),
            str(list(truth).index(key) + 1),
        )
    return table


def _reliability(played: Played, look: Look) -> Table:
    table = Table("labels", "confidence", "right", "open texts of that confidence", "right by gold", title="Confidence")
    for shown, (n, right) in zip(look.body["reliability"], reliability(played, look), strict=True):
        table.add_row(
            str(shown["labels"]), _percent(shown["confidence"]), _percent(shown["right"]), f"{n:,}", _percent(right)
        )
    return table


def _stop(played: Played) -> Table:
    table = Table(
        "labels", "changed", "recomputed", "accuracy that they brought", "advice",
        title="What the last 100 labels changed",
    )  # fmt: skip
    for look in _all(played):
        shown, again = look.body["stop"], before_last(played, look)
        brought = ["–", "–"] if again is None else [_percent(again[0], 2), f"{100 * again[1]:+.2f}"]
        advice = "–" if shown["changed"] is None else "stop" if shown["stop"] else "go on"
        table.add_row(str(look.body["labels"]), _percent(shown["changed"], 2), *brought, advice)
    return table


def _look_again(played: Played) -> Table:
    table = Table("labels", "wrong", "listed", "of them wrong", "precision", "recall", title="Labels to look at again")
    for look in _all(played):
        found = looked_again(played, look)
        table.add_row(
            str(found.labels),
            str(found.wrong),
            str(found.listed),
            str(found.right),
            f"{found.right / found.listed:.2f}" if found.listed else "–",
            f"{found.right / found.wrong:.2f}" if found.wrong else "–",
        )
    return table


def _forecast(played: Played, look: Look) -> Table:
    forecast = look.body["forecast"]
    table = Table("", "", title="Further labels for one more point of accuracy", show_header=False)
    if forecast is None:
        table.add_row("forecast", "none")
        return table
    table.add_row("forecast", f"{forecast['labels']}, between {forecast['low']} and {forecast['high']}")
    if played.later is None:
        return table
    later, common = played.later, look.open & played.later.open
    given = len(later.labels) - len(look.labels)
    # As in the forecast, the accuracy rises with the logarithm of the number of labels.
    n = len(look.labels)
    gain = 0.01 * log((n + given) / n) / log((n + forecast["labels"]) / n)
    table.add_row("labels given since", str(given))
    table.add_row("points that they should bring", f"{100 * gain:+.2f}")
    for which, rows in (("at the time", (look.open, later.open)), ("at both times", (common, common))):
        then, now = accuracy(played, look, rows[0]), accuracy(played, later, rows[1])
        brought = f"{100 * (now - then):+.2f} ({_percent(then)} to {_percent(now)})"
        table.add_row(f"points in truth, of the texts open {which}", brought)
    return table


def _seconds(played: Played) -> Table:
    table = Table("", "median", "longest", title="Seconds, of the stored runs and evaluations")
    totals = [sum(run.seconds.get(step, 0.0) for step in STEPS) for run in played.runs]
    table.add_row("label → next batch", f"{np.median(totals):.2f}", f"{max(totals):.2f}")
    for step in STEPS:
        seconds = [run.seconds.get(step, 0.0) for run in played.runs]
        table.add_row(f"  {step}", f"{np.median(seconds):.2f}", f"{max(seconds):.2f}")
    if played.seconds:
        table.add_row("evaluation", f"{np.median(played.seconds):.2f}", f"{max(played.seconds):.2f}")
    table.add_row("batches, evaluations", str(len(played.runs)), str(len(played.seconds)))
    return table


def _all(played: Played) -> list[Look]:
    return [*played.looks, *([] if played.later is None else [played.later])]


def _percent(share: float | None, digits: int = 1) -> str:
    return "–" if share is None or np.isnan(share) else f"{100 * share:.{digits}f}"


def _interval(shown: Mapping[str, Any]) -> str:
    return "–" if shown["low"] is None else f"{100 * shown['low']:.1f} to {100 * shown['high']:.1f}"
