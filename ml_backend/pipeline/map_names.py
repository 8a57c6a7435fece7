"""The names of what the map of a project is kept in, and of what its points can be coloured by; without numpy."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from ml_backend.pipeline.job_parameters import Parameters, WrongParameters

LAYOUT = "map/layout"
"""The kept file with the layout as the worker needs it, see `map_positions`."""
POSITIONS = "map/positions"
"""The kept file with the same positions as browsers get them: gzip of safetensors."""


class LayoutKind(StrEnum):
    """How the positions were found."""

    PRINCIPAL = "principal components"
    NEIGHBOURS = "neighbours"


class Colouring(StrEnum):
    """What the points of a map are coloured by."""

    LABEL = "label"
    PREDICTION = "prediction"
    CONFIDENCE = "confidence"
    ANNOTATOR = "annotator"
    BATCH = "batch"


COLOURINGS = {
    Colouring.LABEL: "Label",
    Colouring.PREDICTION: "Prediction",
    Colouring.CONFIDENCE: "Confidence",
    Colouring.ANNOTATOR: "Annotator",
    Colouring.BATCH: "Batch",
}
"""Colouring → what people call it."""


def colours_file(by: Colouring) -> str:
    """The name of the kept file with the colours of the points, in the order of POSITIONS: gzip of safetensors."""
    return f"map/colours/{by}"


def parse_colouring(given: Mapping[str, Any]) -> Parameters:
    """The parameters of a job that colours, by the labels unless it is told otherwise. Raises WrongParameters."""
    by = given.get("by") or Colouring.LABEL
    if by not in set(Colouring):
        raise WrongParameters(f"A map can be coloured by {', '.join(Colouring)}, not by {str(by)[:100]!r}.")
    return {"by": str(by)}
