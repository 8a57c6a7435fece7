"""The model versions that Label Studio is told for predictions of a head; those of batches are made by the store."""

from __future__ import annotations

import uuid

NO_MODEL = "no-model-yet"
"""In place of a head's version while there is none."""


def head_version(n_labels: int) -> str:
    """A version that no other head has."""
    return f"head of {n_labels} labels {uuid.uuid4().hex[:8]}"
