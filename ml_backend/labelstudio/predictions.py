"""Results in the form that Label Studio shows as a pre-annotation, or takes as an annotation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ml_backend.labelstudio.label_config import LabelConfig


def to_result(chosen: Sequence[tuple[str, float]], config: LabelConfig) -> list[dict[str, Any]]:
    """The result of a prediction: (class, probability) pairs as one answer; empty when none is chosen."""
    score = round(max((score for _, score in chosen), default=0.0), 6)
    return [{**item, "score": score} for item in to_answer([name for name, _ in chosen], config)]


def to_answer(chosen: Sequence[str], config: LabelConfig) -> list[dict[str, Any]]:
    """The result of an annotation that chooses these classes; empty when none is chosen."""
    if not chosen:
        return []
    paths = [list(config.paths[name]) for name in chosen]
    answer: list[Any] = paths if config.nested else [path[-1] for path in paths]
    kind = config.control_tag.lower()
    return [{"from_name": config.control, "to_name": config.to_name, "type": kind, "value": {kind: answer}}]
