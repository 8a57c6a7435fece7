"""What people who label are called where pages show who labelled."""

from __future__ import annotations

from collections.abc import Mapping


def annotator_name(names: Mapping[int, str], annotator: int | None) -> str:
    """The name of who made an annotation. names: user id → name; annotator: None for an imported annotation."""
    if annotator is None:
        return "imported"
    return names.get(annotator) or f"user {annotator}"
