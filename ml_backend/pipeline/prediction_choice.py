"""What a person wants done with the predictions for all open texts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import isfinite
from typing import Any

from ml_backend.pipeline.job_parameters import WrongParameters

THRESHOLDS = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)
"""Confidences for which people are told how many predictions reach them, and how many of these may be wrong."""


class Destination(StrEnum):
    """Where predictions go."""

    CSV = "csv"
    LABEL_STUDIO = "label_studio"


@dataclass(frozen=True)
class PredictionChoice:
    """Where predictions go, the least confidence of those that do, in 0..1, and whether a file has the texts too."""

    to: Destination
    above: float = 0.0
    with_texts: bool = False


def parse_choice(given: Mapping[str, Any]) -> PredictionChoice:
    """The choice, from a form or JSON. Raises WrongParameters."""
    try:
        to = Destination(given.get("to", ""))
    except ValueError:
        raise WrongParameters(f"`to` says where the predictions go: {' or '.join(Destination)}.") from None
    return PredictionChoice(to, parse_confidence(given.get("above")), is_yes(given.get("with_texts")))


def parse_confidence(given: Any) -> float:
    """A confidence in 0..1; 0 for an empty one. Raises WrongParameters."""
    try:
        above = float(given or 0.0)
    except (TypeError, ValueError):
        above = -1.0
    if isinstance(given, bool) or not isfinite(above) or not 0.0 <= above <= 1.0:
        raise WrongParameters(f"`above` is a confidence from 0 to 1, such as 0.9 for 90 %, not {str(given)[:50]!r}.")
    return above


def is_yes(given: Any) -> bool:
    """Whether a box of a form is ticked, or a value in JSON is true."""
    return given is True or given in ("on", "true", "yes", "1")
