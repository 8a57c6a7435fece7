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


def advise_line(project_id: int, settings: Mapping[str, Any], defaults: Mapping[str, Any], default_model: str) -> str:
    """The command that compares strategies on the labels of a project with what it uses today."""
    embedding = settings["embedding_model"] or default_model
    words = ["python", "-m", "simulator", "advise", "--project", str(project_id), "--embeddings", embedding]
    words += ["--initial", ",".join(dict.fromkeys(["random", settings["initial"]]))]
    current = {"embedding_model": embedding} | {
        name: settings[name] for name in ("strategy", "initial", "class_names") if settings[name] != defaults[name]
    }
    return shlex.join([*words, *(word for name, value in current.items() for word in ("--current", f"{name}={value}"))])
