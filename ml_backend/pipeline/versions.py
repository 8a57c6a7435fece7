"""Model versions of heads, as Label Studio shows them; those of batches are made in `store.batches`."""

from __future__ import annotations

import uuid

NO_MODEL = "no-model-yet"
"""Used as the version while a project has no head."""


def head_version(n_labels: int) -> str:
    """A version that is unique to this head."""
    return f"head of {n_labels} labels {uuid.uuid4().hex[:8]}"
