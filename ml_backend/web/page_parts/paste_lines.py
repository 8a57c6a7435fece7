"""Commands that do what a page does, to paste into a terminal."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import Any


def connect_line(project_id: int, settings: Mapping[str, Any], defaults: Mapping[str, Any]) -> str:
    """The command that gives a project these settings; those that have their defaults are left out."""
    changed = {name: value for name, value in settings.items() if value != defaults[name]} or {
        "strategy": settings["strategy"]
    }
    words = ["python", "-m", "ml_backend", "connect", str(project_id)]
    for name, value in changed.items():
        written = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        words += ["--set", f"{name}={written}"]
    return shlex.join(words)


def advise_line(project_id: int, settings: Mapping[str, Any], default_model: str) -> str:
    """The command that compares strategies on the labels of a project."""
    embedding = settings["embedding_model"] or default_model
    words = ["python", "-m", "simulator", "advise", "--project", str(project_id), "--embeddings", embedding]
    return shlex.join([*words, "--initial", f"random,{settings['initial']}"])
