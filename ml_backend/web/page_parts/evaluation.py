"""How good a project's head is, as the page shows it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from ml_backend.pipeline.evaluation_words import (
    LEAST_OF_PART,
    NOT_YET,
    accuracy_bounds,
    accuracy_sentence,
    calibration_sentence,
    confusion_count,
    forecast_sentence,
    is_known,
    price_sentence,
    stop_sentence,
    upper_bound,
    weak_classes,
)
from ml_backend.web.page_parts.chart import Mark, Point, share_chart
from ml_backend.web.page_parts.settings_words import change_words

POINTS_SHOWN = 60
CONFUSIONS_SHOWN = 10
CHANGES_MARKED = 20
CLASSES_OPEN = 20
"""Classes in the table that is open. The others are behind a line to click on, and so are, where there are more
classes, those with too few labels."""


def evaluation_view(
    evaluated: dict[str, Any],
    labels: dict[str, int],
    strategy: str,
    changes: Sequence[dict[str, Any]] = (),
) -> dict[str, Any]:
    """What the templates `evaluation_*.html` need.

    evaluated: see `project_evaluation`; labels: number of labels of each class, in the order of the label config;
    changes: of settings, newest first.
    """
    body = evaluated["evaluation"]
    changed = marked_changes(changes, evaluated["history"])
    known = 0 if body is None else sum(c["name"] in labels and is_known(c) for c in body["classes"])
    view: dict[str, Any] = {
        "body": body,
        "pending": evaluated["pending"],
        "chart": accuracy_chart(evaluated["history"], changed),
        "changes": changed,
        "is_change_in_chart": is_change_in_chart(evaluated["history"], changed),
        "not_yet": NOT_YET,
        "bounds": "",
        "tile_note": NOT_YET if evaluated["pending"] else "appears with the first labels",
        "price": price_sentence(evaluated["random_share"], strategy),
        "classes": class_rows(labels, body),
        "classes_open": CLASSES_OPEN if len(labels) <= CLASSES_OPEN else min(known, CLASSES_OPEN),
        "is_any_known": known > 0,
        "least_of_part": LEAST_OF_PART,
        "most_labels": max(labels.values(), default=0),
    }
    if body is not None:
        accuracy = body["accuracy"]
        bounds = "" if accuracy["value"] is None else accuracy_bounds(accuracy)
        view |= {
            "bounds": bounds,
            "tile_note": bounds or "not known yet",
            "why": accuracy_sentence(accuracy),
            "forecast": forecast_sentence(body),
            "stop": stop_sentence(body),
            "calibration": calibration_sentence(body),
            "confusions": [
                {**pair, "count": confusion_count(pair), "examples": pair.get("examples", [])}
                for pair in body["confusions"][:CONFUSIONS_SHOWN]
            ],
        }
    return view


def class_rows(labels: dict[str, int], body: dict[str, Any] | None) -> list[dict[str, Any]]:
    """A row for each class: the weakest first, by its lower upper bound; those with too few labels last."""
    quality = {} if body is None else {c["name"]: c for c in body["classes"] if c["name"] in labels}
    weak = set() if body is None else set(weak_classes(body))
    known = sorted((name for name in quality if is_known(quality[name])), key=lambda name: upper_bound(quality[name]))
    return [
        {
            "name": name,
            "labels": labels[name],
            "weak": name in weak,
            **{part: quality.get(name, {}).get(part) for part in ("precision", "recall", "f1")},
        }
        for name in [*known, *(name for name in labels if name not in set(known))]
    ]


def marked_changes(
    changes: Sequence[dict[str, Any]], history: Sequence[dict[str, Any]], most: int = CHANGES_MARKED
) -> list[dict[str, Any]]:
    """The last changes of settings, oldest first, each with its `number` and the `labels` that there were then.

    changes: newest first; labels: None if no model was evaluated before the change.
    """
    return [
        {
            **change,
            "number": number,
            "labels": max((h["labels"] for h in history if h["at"] <= change["at"]), default=None),
        }
        for number, change in enumerate(reversed(changes[:most]), start=1)
    ]


def accuracy_chart(history: Sequence[dict[str, Any]], changes: Sequence[dict[str, Any]] = ()) -> Markup:
    """A chart of the accuracy of the evaluated heads by their number of labels; empty while none is known.

    changes: of settings, see `marked_changes`.
    """
    by_labels = {h["labels"]: h for h in history if h["accuracy"] is not None}
    shown = _thinned([by_labels[n] for n in sorted(by_labels)], POINTS_SHOWN)
    points = [
        Point(
            h["labels"],
            h["accuracy"],
            f"{h['accuracy']:.0%}, {accuracy_bounds(h)}, at {h['labels']:,} labels",
            (h["low"], h["high"]),
            hollow=h["basis"] != "audits",
        )
        for h in shown
    ]
    return share_chart(points, "labels", "Accuracy", _marks(changes))


def is_change_in_chart(history: Sequence[dict[str, Any]], changes: Sequence[dict[str, Any]]) -> bool:
    """Whether one of the changes is a line in the chart: those before its first point are not."""
    first = min((h["labels"] for h in history if h["accuracy"] is not None), default=None)
    return first is not None and any(c["labels"] is not None and c["labels"] >= first for c in changes)


def _marks(changes: Sequence[dict[str, Any]]) -> list[Mark]:
    """One mark for all changes at the same number of labels."""
    at: dict[int, list[dict[str, Any]]] = {}
    for change in changes:
        if change["labels"] is not None:
            at.setdefault(change["labels"], []).append(change)
    return [
        Mark(labels, ", ".join(str(c["number"]) for c in of), "; ".join(change_words(c["changes"]) for c in of))
        for labels, of in at.items()
    ]


def _thinned(items: list[dict[str, Any]], most: int) -> list[dict[str, Any]]:
    """At most `most` of the items, evenly spread, the first and the last among them."""
    if len(items) <= most:
        return items
    return [items[round(n * (len(items) - 1) / (most - 1))] for n in range(most)]
