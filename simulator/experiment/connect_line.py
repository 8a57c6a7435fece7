"""The command that gives a project in Label Studio a combination of embedding, strategy, start and head."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from ml_backend.learning.embedding.names import own_name_and_embedding, parse, problem_in_live_project
from simulator.experiment.grid import HeadKind

UNKNOWN_PROJECT = "PROJECT"
"""Stands for the id of the project where it is not known."""


def is_usable_live(embedding: str) -> bool:
    """Whether a project in Label Studio can use the embedding, as opposed to one made for a fixed list of texts."""
    return problem_in_live_project(embedding) is None


def live_settings(embedding: str, strategy: str, initial: str, head: str) -> dict[str, str]:
    """The settings of a project that make it so, as `connect --set` takes them.

    An embedding that no project can use is left out, and the class names for an empty head. The own name of an
    embedding is kept only where it names the model of which a folder holds a copy, and so decides the prompt.
    """
    live = {}
    if is_usable_live(embedding):
        live = {"embedding_model": embedding if parse(embedding).copy_of else own_name_and_embedding(embedding)[1]}
    class_names = {"class_names": "auto" if head == HeadKind.NAMED else "off"} if head else {}
    return {"strategy": strategy, "initial": initial, **live, **class_names}


def connect_line(settings: Mapping[str, str], project: int | None = None) -> str:
    """The command with these settings; project: its id in Label Studio, None if unknown."""
    words = ["python", "-m", "ml_backend", "connect", UNKNOWN_PROJECT if project is None else str(project)]
    return shlex.join([*words, *(word for name, value in settings.items() for word in ("--set", f"{name}={value}"))])
