"""`predict`, `train`, `pause` and `resume` on the command line."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from live_loop import CLASSES
from studios import Fake
from typer.testing import CliRunner, Result

from ml_backend.cli import app
from ml_backend.commands.demo.messages import label_config
from ml_backend.labelstudio.client import LabelStudio
from ml_backend.labelstudio.label_config import parse
from ml_backend.learning import Head
from ml_backend.learning.embedding.names import canonical_name
from ml_backend.learning.head.files import to_bytes
from ml_backend.pipeline.prediction_targets import OWN_VERSION
from ml_backend.settings import Settings
from ml_backend.store import Store
from ml_backend.store.learning_records import Agreement, HeadRecord
from ml_backend.store.records import TaskRecord
from ml_backend.store.states import RunReason

N = 12


@pytest.fixture
def project(fake_label_studio: Fake) -> Iterator[tuple[int, list[int]]]:
    """A project in the fake, and the ids of its tasks."""
    client = LabelStudio(fake_label_studio.url, fake_label_studio.token)
    made = int(client.request("POST", "api/projects", body={"title": "M", "label_config": label_config(CLASSES)})["id"])
    client.request("POST", f"api/projects/{made}/import", body=[{"text": f"text {n}"} for n in range(N)])
    yield made, sorted(client.task_ids(made))
    client.close()


@pytest.fixture
def store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fake_label_studio: Fake, project: tuple[int, list[int]]
) -> Store:
    """The database of the commands, with the project as a run leaves it: embedded, with a head."""
    for name, value in {
        "MODEL_DIR": str(tmp_path),
        "LABEL_STUDIO_URL": fake_label_studio.url,
        "LABEL_STUDIO_API_KEY": fake_label_studio.token,
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("ml_backend.cli.terminal.console.width", 120)
    settings = Settings(model_dir=tmp_path)
    store = Store(settings.database_url)
    store.create()
    number, tasks = project
    store.ensure_project(number, label_config=label_config(CLASSES))
    texts = {f"{task:032d}": f"=text {task}" for task in tasks}
    store.upsert_tasks(number, [TaskRecord(number, task, f"{task:032d}", None) for task in tasks], texts)
    X = np.random.default_rng(1).normal(size=(N, 6)).astype(np.float32)
    model, classes = canonical_name(settings.embedding_model), list(parse(label_config(CLASSES)).classes)
    store.put_embeddings(model, list(texts), X)
    head = Head().fit(X, np.arange(N) % 2, len(CLASSES))
    store.put_head(HeadRecord("v1", number, classes, False, model, N, to_bytes(head), Agreement(), time.time()))
    return store


@pytest.fixture
def run(store: Store, project: tuple[int, list[int]]) -> Callable[..., Result]:
    """Runs a command on the project."""
    return lambda command, *options: CliRunner().invoke(app, [command, str(project[0]), *options])


def test_all_open_texts_go_into_a_file(run: Callable[..., Result], project: tuple[int, list[int]], tmp_path: Path):
    file = tmp_path / "out.csv"
    done = run("predict", "--all", "--csv", str(file), "--texts")
    assert done.exit_code == 0, done.output
    assert f"Of the {N} open texts, {N} predictions were written" in " ".join(done.output.split())
    rows = list(csv.reader(io.StringIO(file.read_bytes().decode("utf-8-sig"), newline="")))
    assert rows[0] == ["task", "class", "confidence", "margin", "text"]
    assert [(int(row[0]), row[4]) for row in rows[1:]] == [(task, f"'=text {task}") for task in project[1]]
    again = run("predict", "--all", "--csv", str(file))
    assert again.exit_code == 1
    assert "exists: choose another file" in again.output


def test_they_go_into_label_studio_under_a_version_of_their_own(
    run: Callable[..., Result], project: tuple[int, list[int]], fake_label_studio: Fake
):
    tables = fake_label_studio.server.tables
    before = tables.projects[project[0]].model_version
    assert run("predict", "--all", "--to-label-studio", "--above", "0.2").exit_code == 0
    written = [p for p in tables.predictions.values() if p.project == project[0]]
    assert sorted(p.task for p in written) == project[1]
    assert all(p.model_version.startswith(OWN_VERSION) for p in written)
    assert tables.projects[project[0]].model_version == before


def test_without_a_place_to_write_the_table_is_printed(run: Callable[..., Result]):
    done = run("predict", "--all")
    assert done.exit_code == 0, done.output
    rows = [[cell.strip() for cell in line.strip("│ ").split("│")] for line in done.output.splitlines() if "│" in line]
    assert ["any", str(N), "not known"] in rows


@pytest.mark.parametrize(
    ("options", "status", "words"),
    [
        ([], 2, "say --all to predict all open texts"),
        (["--all", "--csv", "new.csv", "--above", "90"], 2, "a confidence from 0 to 1"),
        (["--all", "--csv", "no/such/folder/new.csv"], 1, "cannot be written: No such file or directory"),
    ],
)
def test_what_cannot_be_done_says_how(
    run: Callable[..., Result],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: list[str],
    status: int,
    words: str,
):
    monkeypatch.chdir(tmp_path)
    done = run("predict", *options)
    assert (done.exit_code, words in " ".join(done.output.split())) == (status, True), done.output
    assert not Path("new.csv").exists()


def test_a_project_without_a_model_says_what_is_missing(
    run: Callable[..., Result], store: Store, project: tuple[int, list[int]]
):
    store.drop_heads(project[0])
    done = run("predict", "--all")
    assert done.exit_code == 1
    assert "There is no model yet" in done.output


def test_a_project_is_paused_trained_and_let_go_on(
    run: Callable[..., Result], store: Store, project: tuple[int, list[int]]
):
    store.take_requests(project[0])
    paused = run("pause")
    assert paused.exit_code == 0, paused.output
    record = store.project(project[0])
    assert record is not None
    assert (record.paused_at is not None, record.paused_by) == (True, "the command line")
    assert f"resume {project[0]}" in paused.output
    assert run("train").exit_code == 0
    assert store.take_requests(project[0]) == [RunReason.TRAINING]
    assert "goes on" in run("resume").output
    record = store.project(project[0])
    assert record is not None
    assert (record.paused_at, record.paused_by) == (None, None)
    assert store.take_requests(project[0]) == [RunReason.REQUESTED]
    assert "was not paused" in run("resume").output


@pytest.mark.parametrize("command", ["train", "pause", "resume"])
def test_an_unknown_project_is_not_connected(store: Store, command: str):
    done = CliRunner().invoke(app, [command, "99999"])
    assert done.exit_code == 1
    assert "not connected to this backend" in " ".join(done.output.split())
