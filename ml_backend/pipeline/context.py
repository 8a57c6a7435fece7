"""What a run of a project works with, and its clock."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from ml_backend.labelstudio.client import LabelStudio, ProjectInfo
from ml_backend.labelstudio.label_config import LabelConfig
from ml_backend.learning import Embedder
from ml_backend.pipeline.task_arrays import ArrayCache
from ml_backend.project_settings import ProjectSettings
from ml_backend.store import Store
from ml_backend.store.records import ProjectRecord


@dataclass(frozen=True)
class Services:
    """What a run works with."""

    store: Store
    client: LabelStudio
    arrays: ArrayCache
    embedder: Callable[[str], Embedder]
    default_model: str
    webhook_secret: str


@dataclass
class Run:
    """One run of one project; `seconds` by step ends up in the history.

    Steps: wait (from the first event to the run), sync, embed, pool, fit, query, publish.
    clock: time.monotonic() at the end of the last step.
    """

    services: Services
    project: ProjectRecord
    info: ProjectInfo
    settings: ProjectSettings
    config: LabelConfig
    reasons: list[str]
    seconds: dict[str, float]
    clock: float

    @property
    def id(self) -> int:
        return self.project.id

    @property
    def store(self) -> Store:
        return self.services.store

    def done(self, step: str) -> None:
        """Book the time since the last step's end on this one."""
        now = time.monotonic()
        self.seconds[step] = self.seconds.get(step, 0.0) + now - self.clock
        self.clock = now

    def say(self, phase: str) -> None:
        self.store.update_project(self.id, phase=phase)
