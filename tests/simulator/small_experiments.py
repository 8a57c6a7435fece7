"""Experiments that take a moment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from simulator.experiment.budget import Budget
from simulator.experiment.definition import Experiment


def small_experiment(data: Path, folder: Path, **changes: Any) -> Experiment:
    """Random and margin on the dataset mail of the fixture `data`, with results and embeddings in a folder.

    changes: fields of Experiment with other values.
    """
    small: dict[str, Any] = {
        "datasets": ["mail"],
        "embeddings": ["minilm"],
        "strategies": ["random", "margin"],
        "initials": ["random"],
        "seeds": 2,
        "out": folder / "out",
        "data": data,
        "budget": Budget(10, 10, 3),
        "cache": folder / "cache",
    }
    return Experiment(**(small | changes))
