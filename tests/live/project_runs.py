"""A project in the fake Label Studio and in a store, for tests that call `run_project` themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fake_label_studio.records import Prediction
from live_loop import CLASSES, Person, gold_texts, new_project
from local_backend import services
from studios import Fake

from ml_backend.commands.demo.messages import label_config
from ml_backend.labelstudio.client import LabelStudio
from ml_backend.pipeline.run import run_project
from ml_backend.store import Store
from ml_backend.store.learning_records import BatchRecord, RunRecord
from ml_backend.store.records import ProjectRecord
from ml_backend.store.sqlite_copy import copy_database, overwrite_database
from ml_backend.store.states import BatchState, RunReason
from ml_backend.web.page_parts.status import project_status

ADDRESS = "http://127.0.0.1:9"
"""Nothing listens there: a run reads the backend's entry in Label Studio and sends the backend no request."""
MINUTE = RunReason.EVERY_MINUTE


class Project:
    """A project that is connected to a backend in the fake, a store on SQLite that contains it, and its runs.

    n: number of tasks; settings: by name.
    """

    def __init__(self, studio: Fake, client: LabelStudio, store: Store, n: int, **settings: Any) -> None:
        self.studio, self.client, self.store = studio.server, client, store
        self.id = new_project(client, gold_texts(n))
        self.studio.add_backend(self.id, ADDRESS)
        store.ensure_project(self.id, label_config=label_config(CLASSES), backend_url=ADDRESS, settings=settings)
        self.services = services(store, client)
        self.person = Person(client, self.id)

    def run(self, *reasons: str) -> bool:
        """One run, for new labels if no reason is given; returns True if work is left."""
        return run_project(self.services, self.id, [RunReason(reason) for reason in reasons or ("labels",)])

    def change(self, **fields: Any) -> None:
        """Change fields of the project in Label Studio."""
        self.client.request("PATCH", f"api/projects/{self.id}/", body=fields)

    def add_event(self, action: str, *tasks: int) -> None:
        """Store the event that a webhook about these tasks would store."""
        body = {"action": action, "tasks": [{"id": task} for task in tasks]}
        self.store.add_event(self.id, action, body)

    def label(self, n: int, reported: bool = True) -> list[int]:
        """Label the n tasks that are served next with their gold labels; returns their ids.

        reported: store an event about them, as the webhook does.
        """
        tasks = [self.person.label_next() for _ in range(n)]
        if reported:
            self.add_event("TASKS_CREATED", *tasks)
        return tasks

    @property
    def record(self) -> ProjectRecord:
        """The project in the store."""
        project = self.store.project(self.id)
        assert project is not None
        return project

    @property
    def batch(self) -> BatchRecord:
        """The published batch."""
        batch = self.store.current_batch(self.id)
        assert batch is not None
        return batch

    @property
    def batch_states(self) -> list[BatchState]:
        """The states of all batches, oldest first."""
        return [batch.state for batch in self.store.batches(self.id)[::-1]]

    @property
    def history(self) -> list[RunRecord]:
        """The runs that made a head or a batch, oldest first."""
        return self.store.runs(self.id)

    @property
    def status(self) -> dict[str, Any]:
        """The content of the status page."""
        project = self.store.project(self.id)
        assert project is not None
        return project_status(self.store, project)

    @property
    def labels(self) -> dict[str, int]:
        """Number of labels of each class that has any."""
        return {name: n for name, n in self.status["labels"].items() if n}

    def served_predictions(self) -> list[Prediction]:
        """Predictions of the project's model version, as Label Studio has them, lowest score first."""
        tables = self.studio.tables
        version = tables.projects[self.id].model_version
        of_version = [p for p in tables.predictions.values() if (p.project, p.model_version) == (self.id, version)]
        return sorted(of_version, key=lambda p: p.score or 0.0)

    def versions(self) -> set[str]:
        """Model versions that predictions in Label Studio carry."""
        return {p.model_version for p in self.studio.tables.predictions.values() if p.project == self.id}

    def assert_whole(self) -> None:
        """Label Studio serves the published batch in its order, and has no predictions of batches never served."""
        batch = self.batch
        assert self.studio.tables.projects[self.id].model_version == batch.version
        assert [prediction.task for prediction in self.served_predictions()] == batch.task_ids
        states = {b.version: b.state for b in self.store.batches(self.id, limit=100)}
        assert {states[version] for version in self.versions()} <= {"published", "superseded"}
        assert [b.state for b in self.store.open_batches(self.id)] == ["published"]
        assert self.store.events(self.id) == []

    def save(self) -> Callable[[], None]:
        """Copy the state of Label Studio's project and of the store; the returned function restores it."""
        restore_in_label_studio = self.studio.tables.save_project(self.id)
        file = self.store._database.file
        assert file is not None
        saved = file.with_suffix(".saved")
        copy_database(file, saved)

        def restore() -> None:
            restore_in_label_studio()
            overwrite_database(saved, file)
            self.services = services(self.store, self.client)

        return restore


MakeProject = Callable[..., Project]
