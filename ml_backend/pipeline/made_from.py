"""What a head was made from, as words for people."""

from __future__ import annotations

from ml_backend.store.learning_records import PriorRecord


def made_from(labels: int, prior: PriorRecord | None) -> str:
    """Such as "12 labels and the class names (strength 18.2)".

    labels: number of labels that the head was fitted to; prior: what it has from the class names, None if these are not
    used.
    """
    given = "1 label" if labels == 1 else f"{labels:,} labels"
    if prior is None:
        return given
    known = _known_by(prior)
    if not labels:
        return known
    if prior.strength == 0:
        return f"{given}; {known} do not fit them"
    return f"{given} and {known} (strength {prior.strength:.1f})"


def _known_by(prior: PriorRecord) -> str:
    if not prior.descriptions:
        return "the class names"
    return "the class names and descriptions" if prior.names else "the class descriptions"
