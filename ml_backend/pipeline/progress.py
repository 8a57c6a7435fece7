"""How far a project is with what takes long before everything can be labelled: reading tasks and embedding texts."""

from __future__ import annotations

from dataclasses import dataclass

from ml_backend.store.records import ProjectRecord


@dataclass(frozen=True)
class Progress:
    """what: "reading tasks" or "embedding texts"; done, total: of tasks or texts."""

    what: str
    done: int
    total: int


def progress(project: ProjectRecord, tasks: int) -> Progress | None:
    """What a project is busy with, None if all tasks are read and all texts embedded; tasks: number read so far."""
    counts = project.counts
    if counts.to_embed:
        return Progress("embedding texts", counts.embedded, counts.embedded + counts.to_embed)
    if project.first_read is not None:
        return Progress("reading tasks", min(tasks, project.first_read.tasks), project.first_read.tasks)
    return None
