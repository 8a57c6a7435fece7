"""Results of predictions and annotations, in Label Studio's form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ml_backend.labelstudio.label_config import LabelConfig


def prediction_result(chosen: Sequence[tuple[str, float]], config: LabelConfig) -> list[dict[str, Any]]:
    """The result of a prediction, from (class, probability) pairs, with the highest probability as score.

    Returns [] if no class is chosen. Raises KeyError for a class that the config does not have.
    """
    score = round(max((score for _, score in chosen), default=0.0), 6)
    return [{**item, "score": score} for item in annotation_result([name for name, _ in chosen], config)]


def annotation_result(chosen: Sequence[str], config: LabelConfig) -> list[dict[str, Any]]:
    """The result of an annotation with these classes; [] if none is chosen.

    Raises KeyError for a class that the config does not have.
    """
    if not chosen:
        return []
    kind = config.control_tag.lower()
    return [
        {"from_name": config.control, "to_name": config.to_name, "type": kind, "value": {kind: _value(chosen, config)}}
    ]


def _value(chosen: Sequence[str], config: LabelConfig) -> Any:
    if config.control_tag == "Rating":
        return int(config.paths[chosen[0]][0])
    if not config.nested:
        return [config.paths[name][-1] for name in chosen]
    names = list(dict.fromkeys(chosen))
    if config.control_tag == "Choices":
        # The editor ticks an inner node of nested choices only if all nodes below it are in the result.
        names = list(dict.fromkeys(n for name in names for n in (name, *config.lookup.descendants(name))))
    return [list(config.paths[name]) for name in names]
