"""Results in the form that Label Studio shows as a pre-annotation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ml_backend.labelstudio.label_config import LabelConfig


def to_result(chosen: Sequence[tuple[str, float]], config: LabelConfig) -> list[dict[str, Any]]:
    """The result of a prediction: (class, probability) pairs as one answer; empty when none is chosen."""
    if not chosen:
        return []
    paths = [list(config.paths[name]) for name, _ in chosen]
    answer: list[Any] = paths if config.nested else [path[-1] for path in paths]
    kind = config.control_tag.lower()
    return [
        {
            "from_name": config.control,
            "to_name": config.to_name,
            "type": kind,
            "value": {kind: answer},
            "score": round(max(score for _, score in chosen), 6),
        }
    ]
