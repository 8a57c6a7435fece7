"""Train a project's model now, pause the project, and let it go on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

from ml_backend.commands.failure import connected_project, errors_as_command_failed
from ml_backend.settings import Settings
from ml_backend.store import Store
from ml_backend.store.states import RunReason
from ml_backend.worker.queue import TaskQueue

WHO = "the command line"


def train(settings: Settings, project_id: int) -> str:
    """Ask the worker to learn from all labels now; returns what happens, as a sentence. Raises NotConnected."""
    with _project(settings, project_id) as store:
        TaskQueue(settings).request(store, project_id, RunReason.TRAINING)
    return f"project {project_id}: the worker learns from all labels now, and publishes a new batch"


def pause(settings: Settings, project_id: int) -> str:
    """Learn and publish nothing until `resume`; returns what happens, as a sentence. Raises NotConnected."""
    with _project(settings, project_id) as store:
        store.pause_project(project_id, WHO)
    return (
        f"project {project_id} is paused: labels are received and kept, nothing is learned or published until "
        f"`python -m ml_backend resume {project_id}`"
    )


def resume(settings: Settings, project_id: int) -> str:
    """Let a paused project go on; returns what happens, as a sentence. Raises NotConnected."""
    with _project(settings, project_id) as store:
        was_paused = store.resume_project(project_id)
        TaskQueue(settings).request(store, project_id, RunReason.REQUESTED)
    if not was_paused:
        return f"project {project_id} was not paused"
    return f"project {project_id} goes on: the next run learns from the labels given meanwhile"


@contextmanager
def _project(settings: Settings, project_id: int) -> Iterator[Store]:
    with errors_as_command_failed(), closing(Store(settings.database_url)) as store:
        store.create()
        connected_project(store, project_id)
        yield store
