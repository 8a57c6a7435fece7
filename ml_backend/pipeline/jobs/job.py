"""What a job works with: its parameters, its project, and the means to report how far it has come."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml_backend.labelstudio.label_config import LabelConfig, UnsupportedLabelConfig, parse
from ml_backend.learning import Embedder, Head
from ml_backend.learning.embedding.names import canonical_name
from ml_backend.learning.head.files import from_bytes
from ml_backend.pipeline.context import Services
from ml_backend.pipeline.project_pool import ProjectPool
from ml_backend.project_settings import ProjectSettings
from ml_backend.store import Store
from ml_backend.store.job_records import JobRecord
from ml_backend.store.learning_records import HeadRecord
from ml_backend.store.records import ProjectRecord


class JobFailed(Exception):
    """A job that cannot be done; the message is a sentence for people, with the remedy."""


class JobStopped(Exception):
    """A person stopped the job, or another worker has taken it over."""


@dataclass
class Job:
    """One job of one project. Only what a run of the project does not do at the same time may be changed.

    keep: stores how far the job has come, (done, total, phase, checkpoint), and returns False once it was stopped.
    """

    record: JobRecord
    services: Services
    keep: Callable[[int, int, str, dict[str, Any] | None], bool]
    _reported: tuple[int, int] = (0, 0)

    @property
    def project_id(self) -> int:
        """The project's id."""
        return self.record.project_id

    @property
    def store(self) -> Store:
        """The database."""
        return self.services.store

    @property
    def parameters(self) -> dict[str, Any]:
        """What the person asked for."""
        return self.record.parameters

    @cached_property
    def project(self) -> ProjectRecord:
        """The project. Raises JobFailed if it was deleted meanwhile."""
        project = self.store.project(self.project_id)
        if project is None:
            raise JobFailed(f"Project {self.project_id} is not connected to this backend any more.")
        return project

    @cached_property
    def settings(self) -> ProjectSettings:
        """The project's settings."""
        return ProjectSettings.usable(self.project.settings)

    @cached_property
    def config(self) -> LabelConfig:
        """The project's label config. Raises JobFailed for one that is not supported."""
        try:
            return parse(self.project.label_config, self.settings.control, self.settings.text_fields)
        except UnsupportedLabelConfig as problem:
            raise JobFailed(str(problem)) from None

    @property
    def model(self) -> str:
        """The canonical name of the embedding model, under which vectors are stored."""
        return canonical_name(self.settings.embedding_model or self.services.default_model)

    @property
    def embedder(self) -> Embedder:
        """The embedding model, which is loaded if it was not. Raises ModelNotAvailable."""
        return self.services.embedder(self.settings.embedding_model or self.services.default_model)

    def pool(self) -> ProjectPool:
        """The project's tasks, vectors and labels, to be read only. Raises JobFailed while there are none."""
        pool = self.services.arrays.pool_to_read(self.project_id, self.model, self.config)
        if not pool.embedded.any():
            raise JobFailed("No text of this project is embedded yet; look at its progress under Now, and try again.")
        return pool

    def head(self) -> tuple[HeadRecord, Head]:
        """The newest head with its record. Raises JobFailed if there is none of the present classes and vectors."""
        record = self.store.current_head(self.project_id)
        if record is None:
            raise JobFailed("There is no model yet: it comes with the first labels, or with telling class names.")
        if tuple(record.classes) != self.config.classes or record.embedding_model != self.model:
            raise JobFailed("The model is of other classes or another embedding; the next run makes a new one.")
        return record, from_bytes(record.blob)

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(n, D) float32, vectors of texts that are not stored. Raises ModelNotAvailable."""
        return self.embedder.encode(list(texts))

    def report(self, done: int, total: int, phase: str, checkpoint: dict[str, Any] | None = None) -> None:
        """Tell people how far the job has come; call it every second or so. Raises JobStopped.

        total: 0 while unknown; phase: a sentence; checkpoint: where to go on if the worker ends, see
        `JobRecord.checkpoint`.
        """
        self._reported = done, total
        if not self.keep(done, total, phase, checkpoint):
            raise JobStopped

    def wait(self, phase: str, seconds: float) -> None:
        """Wait, and tell people what for. Raises JobStopped."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self.report(*self._reported, phase)
            time.sleep(min(1.0, left))
