"""What is compared and recommended: an embedding with a strategy, a start and a head."""

from __future__ import annotations

from typing import NamedTuple

from ml_backend.learning.embedding.names import problem_in_live_project


class Combination(NamedTuple):
    """What a project chooses and a simulation compares."""

    embedding: str
    strategy: str
    initial: str
    head: str


def is_usable_live(embedding: str) -> bool:
    """Whether a project in Label Studio can use the embedding, as opposed to one made for a fixed list of texts."""
    return problem_in_live_project(embedding) is None
