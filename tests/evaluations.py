"""Evaluations of heads as the pipeline stores them, for tests of what is shown of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ml_backend.store import Store
from ml_backend.store.learning_records import Agreement, EvaluationRecord, HeadRecord


def share(value: float, reach: float = 0.1, audits: int = 6) -> dict[str, Any]:
    """A share with its bounds."""
    return {"value": value, "low": max(0.0, value - reach), "high": min(1.0, value + reach), "audits": audits}


def class_quality(name: str, labels: int, precision: float | None, recall: float | None) -> dict[str, Any]:
    """What is known of a class; None where too few labels support it."""
    return {
        "name": name,
        "labels": labels,
        "share": 0.1,
        "precision": None if precision is None else share(precision),
        "recall": None if recall is None else share(recall),
        "f1": None if precision is None or recall is None else 2 * precision * recall / (precision + recall),
    }


def accuracy(
    value: float | None, audits: int = 31, skipped: int = 0, why: str = "31 tasks drawn at random"
) -> dict[str, Any]:
    """An accuracy from audits, or from the model's confidence without any."""
    basis = None if value is None else "audits" if audits else "confidence"
    low, high = (None, None) if value is None else (value - 0.05, value + 0.05)
    return {
        "value": value,
        "low": low,
        "high": high,
        "basis": basis,
        "audits": audits,
        "audits_skipped": skipped,
        "why": why,
    }


def doubtful(task: int, given: str, likelier: str, **changes: Any) -> dict[str, Any]:
    """A label that the model doubts."""
    return {
        "task": task,
        "given": given,
        "likelier": likelier,
        "probability": 0.04,
        "present": True,
        "likelier_probability": 0.9,
        "neighbours": [{"task": 13, "similarity": 0.82, "classes": [likelier]}],
        **changes,
    }


def disagreement(task: int, votes: dict[int | None, list[str]], predicted: list[str] | None) -> dict[str, Any]:
    """A task that people labelled differently."""
    return {
        "task": task,
        "votes": [{"annotator": who, "classes": classes} for who, classes in votes.items()],
        "predicted": predicted,
        "probability": None if predicted is None else 0.7,
    }


def body(head: str = "v1", labels: int = 300, **changes: Any) -> dict[str, Any]:
    """The body of an evaluation of a head that is right for 83 % of the open texts, with changes to its parts."""
    return {
        "head": head,
        "at": 1_790_000_000.0,
        "seconds": 0.4,
        "labels": labels,
        "open": 9700,
        "temperature": 0.9,
        "accuracy": accuracy(0.83),
        "classes": [class_quality("bug", 200, 0.9, 0.92), class_quality("praise", 100, 0.8, 0.61)],
        "confusions": [
            {"given": "praise", "predicted": "bug", "labels": 5, "of": 30, "share": 0.04, "examples": [31, 32]}
        ],
        "reliability": [
            {"labels": 150, "confidence": 0.58, "right": 0.55},
            {"labels": 150, "confidence": 0.94, "right": 0.9},
        ],
        "forecast": {"labels": 117, "low": 59, "high": 234},
        "stop": {"stop": False, "changed": 0.06, "labels": 100, "why": "your last 100 labels changed 6 %"},
        "look_again": [doubtful(12, "bug", "praise")],
        "annotators": {
            "alpha": 0.8,
            "tasks": 40,
            "pairs": [{"first": 1, "second": 12, "tasks": 40, "kappa": 0.75}],
        },
        "people": [
            {"annotator": 1, "others": {"tasks": 40, "same": 0.875}, "model": {"tasks": 160, "same": 0.8}},
            {"annotator": 12, "others": {"tasks": 40, "same": 0.875}, "model": {"tasks": 9, "same": 0.5}},
        ],
        "disagreements": [disagreement(41, {1: ["bug"], 12: ["praise"]}, ["bug"])],
        **changes,
    }  # fmt: skip


def record(project_id: int, stored: dict[str, Any], at: float = 1_790_000_000.0) -> EvaluationRecord:
    """The row with this body."""
    found = stored["accuracy"]
    return EvaluationRecord(
        project_id=project_id,
        head_version=stored["head"],
        at=at,
        labels=stored["labels"],
        accuracy=found["value"],
        low=found["low"],
        high=found["high"],
        basis=found["basis"],
        audits=found["audits"],
        changed=stored["stop"]["changed"],
        seconds=stored["seconds"],
        body=stored,
    )


def put(store: Store, project_id: int, bodies: Sequence[dict[str, Any]]) -> None:
    """Store heads and their evaluations, the newest last."""
    for number, stored in enumerate(bodies):
        version, at = stored["head"], 1_790_000_000.0 + number
        classes = [quality["name"] for quality in stored["classes"]]
        store.put_head(
            HeadRecord(version, project_id, classes, False, "minilm", stored["labels"], b"", Agreement(), at)
        )
        store.put_evaluation(record(project_id, stored, at))
