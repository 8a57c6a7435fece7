"""What a run of a project works with, and its clock."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ml_backend.labelstudio.client import LabelStudio, ProjectInfo
from ml_backend.labelstudio.label_config import LabelConfig
from ml_backend.learning import Embedder
from ml_backend.pipeline.task_arrays import ArrayCache
from ml_backend.project_settings import ProjectSettings
from ml_backend.store import Store
from ml_backend.store.records import EventRecord, ProjectRecord
from ml_backend.store.states import RunReason


@dataclass(frozen=True)
class Services:
    """What every run works with. embedder: from a model's name to the embedder, loaded at the first call."""

    store: Store
    client: LabelStudio
    arrays: ArrayCache
    embedder: Callable[[str], Embedder]
    default_model: str
    webhook_secret: str


@dataclass
class RunContext:
    """One run of one project.

    project, info: as the store and Label Studio had it at the start; events: those to take in.
    seconds: by step, which ends up in the history: wait (from the first event to the run), sync, embed, pool, fit,
    query, publish; clock: time.monotonic() at the end of the last step.
    """

    services: Services
    project: ProjectRecord
    info: ProjectInfo
    settings: ProjectSettings
    config: LabelConfig
    reasons: Sequence[RunReason]
    events: Sequence[EventRecord] = ()
    seconds: dict[str, float] = field(default_factory=dict)
    clock: float = field(default_factory=time.monotonic)

    @property
    def id(self) -> int:
        """The project's id."""
        return self.project.id

    @property
    def store(self) -> Store:
        """Where the project is kept."""
        return self.services.store

    @property
    def client(self) -> LabelStudio:
        """Where the project is labelled."""
        return self.services.client

    @property
    def model(self) -> str:
        """Name of the embedding model that the project's settings ask for."""
        return self.settings.embedding_model or self.services.default_model

    def done(self, step: str) -> None:
        """Book the time since the last step's end on this one."""
        now = time.monotonic()
        self.seconds[step] = self.seconds.get(step, 0.0) + now - self.clock
        self.clock = now

    def say(self, phase: str) -> None:
        """Tell people what is going on."""
        self.store.update_project(self.id, phase=phase)
