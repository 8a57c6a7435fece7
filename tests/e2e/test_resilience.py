"""No label is lost when the backend's processes are stopped or killed, whatever they were doing."""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
from collections.abc import Callable, Iterator

import pytest
from gate import Gate
from live_loop import Loop, assert_served_as_published, connected, gold_texts, label_some
from studios import Real

from ml_backend.commands.demo.backend_process import BackendProcess
from ml_backend.commands.demo.label_studio_process import free_port
from ml_backend.labelstudio.client import LabelStudio

MakeLoop = Callable[..., Loop]


@pytest.fixture(scope="module")
def gate(real_label_studio: Real) -> Iterator[Gate]:
    """A gate between the backend of these tests and Label Studio; webhooks do not pass through it."""
    between = Gate(real_label_studio.url)
    yield between
    between.close()


@pytest.fixture(scope="module")
def mortal_backend(
    real_label_studio: Real, gate: Gate, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[BackendProcess]:
    """The backend that is killed and started again and again."""
    backend = BackendProcess(tmp_path_factory.mktemp("mortal"), free_port(0), gate.url, real_label_studio.token)
    backend.start()
    yield backend
    backend.stop()


@pytest.fixture
def loop(label_studio: Real, client: LabelStudio, mortal_backend: BackendProcess) -> MakeLoop:
    """Makes a project connected to that backend."""

    def make(n: int, **settings: object) -> Loop:
        if mortal_backend.process is None or mortal_backend.process.poll() is not None:
            mortal_backend.start()  # an earlier test failed after killing it and before starting it again
        project = connected(label_studio, client, mortal_backend, gold_texts(n), **settings)
        project.embedded()
        return project

    return make


def kill(backend: BackendProcess) -> None:
    """Kill the server and its worker, so that they cannot tidy up."""
    assert backend.process is not None
    os.killpg(backend.process.pid, signal.SIGKILL)
    backend.process.wait()


def kill_in_phase(project: Loop, beginning: str) -> threading.Thread:
    """Kill the backend while its phase begins with `beginning`; join the returned thread to wait for it."""
    process = project.backend.process
    assert process is not None
    database = project.backend.folder / "active_learning.db"
    query = f"SELECT phase FROM projects WHERE id = {project.project_id}"

    def watch() -> None:
        connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)

        def in_phase() -> bool:
            return str(connection.execute(query).fetchone()[0]).startswith(beginning)

        while process.poll() is None:
            if not in_phase():
                continue
            os.killpg(process.pid, signal.SIGSTOP)
            if in_phase():  # still in the phase after it was stopped, so the phase is not finished
                os.killpg(process.pid, signal.SIGKILL)
                break
            os.killpg(process.pid, signal.SIGCONT)
        connection.close()
        process.wait()

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    return thread


def test_labels_given_while_the_backend_was_down_all_arrive(loop: MakeLoop, mortal_backend: BackendProcess):
    project = loop(40, batch_size=25, retrain_every=5)
    project.batch()
    mortal_backend.stop()
    label_some(project, 20)
    mortal_backend.start()
    status = project.until(labeled=20)
    assert sum(status["labels"].values()) == 20
    assert project.batch(after=1)["method"] == "uherding"
    assert_served_as_published(project)


def test_killed_while_it_fits(loop: MakeLoop, mortal_backend: BackendProcess):
    project = loop(30, batch_size=10, retrain_every=4)
    before = project.batch()
    killer = kill_in_phase(project, "learning")
    label_some(project, 4)
    killer.join(60)
    assert not killer.is_alive(), "it never fitted"
    assert project.model_version() == before["version"], "it was killed too late"
    mortal_backend.start()
    project.until(labeled=4)
    assert "4 labels are new" in project.batch(after=before["number"])["why"]
    assert_served_as_published(project)


@pytest.mark.parametrize(
    ("method", "path", "switched"),
    [
        pytest.param("POST", "/import/predictions", False, id="predictions-written"),
        pytest.param("PATCH", r"/api/projects/\d+/?(\?|$)", True, id="version-switched"),
    ],
)
def test_killed_while_it_publishes(
    loop: MakeLoop, gate: Gate, mortal_backend: BackendProcess, method: str, path: str, switched: bool
):
    project = loop(30, batch_size=10, retrain_every=4)
    before = project.batch()
    hold = gate.hold_at(method, path)
    label_some(project, 4)
    assert hold.reached.wait(60), "it never published"
    kill(mortal_backend)
    hold.released.set()
    assert (project.model_version() != before["version"]) == switched
    mortal_backend.start()
    project.until(labeled=4)
    assert project.batch(after=before["number"])["method"] == "uherding"
    assert_served_as_published(project)
