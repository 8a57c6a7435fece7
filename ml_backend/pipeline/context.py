"""The services and the data that one run of a project works with, and the time that its steps take."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ml_backend.labelstudio.client import LabelStudio, ProjectInfo
from ml_backend.labelstudio.label_config import LabelConfig
from ml_backend.learning import Embedder
from ml_backend.learning.embedding.names import canonical_name
from ml_backend.pipeline.array_cache import ArrayCache
from ml_backend.pipeline.chunks import Chunks
from ml_backend.pipeline.evaluation_input import Evaluations
from ml_backend.project_settings import ProjectSettings
from ml_backend.store import Store
from ml_backend.store.owners import owner_name
from ml_backend.store.records import EventRecord, ProjectRecord
from ml_backend.store.states import ProjectState, RunReason


@dataclass(frozen=True)
class Services:
    """The services that all runs share.

    embedder: returns the embedder of a model name, which it loads at the first call; default_model: name of the
    embedding model for projects that choose none; webhook_secret: the base of the secrets of webhooks; owner: name of
    this process, see `owner_name`; ask_for_help: called with the id of a project of which other workers may embed texts
    too; load_ahead: called with the name of a model that is needed soon; chunks: by the name of the embedding model;
    evaluations: evaluates the heads that runs fit, None to leave that out; trust_remote_code: whether models may run
    code from their hub page.
    """

    store: Store
    client: LabelStudio
    arrays: ArrayCache
    embedder: Callable[[str], Embedder]
    default_model: str
    webhook_secret: str
    owner: str = field(default_factory=owner_name)
    ask_for_help: Callable[[int], None] = lambda _project_id: None
    load_ahead: Callable[[str], None] = lambda _model: None
    chunks: dict[str, Chunks] = field(default_factory=dict)
    evaluations: Evaluations | None = None
    trust_remote_code: bool = False

    def owner_of_thread(self) -> str:
        """The name under which this thread claims texts."""
        return f"{self.owner}:{threading.get_ident()}"


@dataclass
class RunContext:
    """One run of one project.

    project, info: the project in the store and in Label Studio when the run started; events: webhook events to process;
    seconds: duration of each step, stored in the history: wait (from the first event to the run), sync, embed, pool,
    fit, query, publish; clock: time.monotonic() at the end of the last step.
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
        """The database."""
        return self.services.store

    @property
    def client(self) -> LabelStudio:
        """The Label Studio client."""
        return self.services.client

    @property
    def model(self) -> str:
        """Name of the embedding model that the project's settings ask for."""
        return self.settings.embedding_model or self.services.default_model

    @property
    def embedding(self) -> str:
        """The model's canonical name, under which vectors are stored."""
        return canonical_name(self.model)

    def clear_solved_problem(self) -> None:
        """Remove the problem that kept earlier runs from coming so far, if the steps that follow may take long."""
        if self.project.error is not None and self.project.state != ProjectState.FAILED:
            self.store.update_project(self.id, state=ProjectState.NEW, error=None)

    def end_step(self, step: str) -> None:
        """Add the seconds since the end of the last step to this step."""
        now = time.monotonic()
        self.seconds[step] = self.seconds.get(step, 0.0) + now - self.clock
        self.clock = now

    def report_phase(self, phase: str) -> None:
        """Store what the run is doing now, for the status page."""
        self.store.update_project(self.id, phase=phase)
