"""`python -m simulator live`: a run in which Label Studio and the backend do what the simulator does otherwise."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import httpx
import numpy as np

from ml_backend.labelstudio.client import LabelStudio
from ml_backend.labelstudio.label_config import LabelConfig, parse
from ml_backend.labelstudio.texts import task_text
from ml_backend.learning.cycle import Cycle
from ml_backend.learning.embedder import load
from simulator.annotators import Annotator, Answer, Habits, label_together
from simulator.datasets import Split
from simulator.grid import Cell
from simulator.metrics import evaluate
from simulator.simulate import Run

PATIENCE_SECONDS = 120.0


class LiveFailed(RuntimeError):
    """The live loop did not go on; the message says what was waited for and what the backend says."""


@dataclass(frozen=True)
class Backend:
    """The backend of a project: its address, and user and password where it asks for them."""

    url: str
    project_id: int
    auth: tuple[str, str] | None = None

    def status(self) -> dict[str, Any]:
        """What it says of the project. Raises LiveFailed when it does not answer."""
        try:
            answer = httpx.get(f"{self.url}/projects/{self.project_id}/status", auth=self.auth, timeout=20)
            return dict(answer.raise_for_status().json())
        except httpx.HTTPError as problem:
            raise LiveFailed(
                f"the backend at {self.url} has no status of project {self.project_id}: {problem}"
            ) from None


@dataclass(frozen=True)
class Session:
    """What is played: labels in rounds of as many as the project retrains after.

    wait: whether annotators wait for the next batch after each round, as nobody does who is paid by the hour, but as
    a measurement does; test, classes: what each round is measured on.
    """

    client: LabelStudio
    keys: Sequence[str]
    backend: Backend
    gold_field: str
    habits: Habits
    labels: int
    seed: int
    wait: bool
    test: Split
    classes: Sequence[str]


def find_backend(client: LabelStudio, project_id: int, auth: tuple[str, str] | None) -> Backend:
    """The backend that the project is connected to. Raises LiveFailed without one."""
    entries = client.request("GET", "api/ml", params={"project": project_id})
    if not entries:
        raise LiveFailed(f"project {project_id} has no backend: run `python -m ml_backend connect {project_id}` first")
    return Backend(str(entries[0]["url"]).rstrip("/"), project_id, auth)


def play_live(session: Session, say: Callable[[str], None]) -> tuple[Cell, Run]:
    """Label, and measure after every round; what it measured, in the form of a simulated run.

    A pick is the position of the task among the project's tasks by id. Raises LiveFailed, NoGoldLabel and
    LabelStudioError.
    """
    project_id = session.backend.project_id
    status = _wait_for_batch(session, after=0)
    settings = status["settings"]
    info = session.client.project(project_id)
    config = parse(info.label_config, settings["control"], settings["text_fields"])
    users = [LabelStudio(session.client.url, key) for key in session.keys]
    try:
        annotators = [
            Annotator(user, project_id, config, session.gold_field, session.habits, seed)
            for seed, user in enumerate(users, start=session.seed)
        ]
        rounds = _rounds(session, annotators, status, say)
    finally:
        for user in users:
            user.close()
    return _measured(session, config, rounds, session.backend.status(), info.title)


def _rounds(
    session: Session, annotators: Sequence[Annotator], status: dict[str, Any], say: Callable[[str], None]
) -> list[list[Answer]]:
    every = status["settings"]["retrain_every"]
    rounds: list[list[Answer]] = []
    labelled = 0
    while labelled < session.labels:
        number = status["batch"]["number"]
        size = min(every, session.labels - labelled)
        answers = [a for a in label_together(annotators, size) if a.label is not None]
        if not answers:
            break
        rounds.append(answers)
        labelled += len(answers)
        say(
            f"{labelled:,} labels; the last {len(answers)} from batch {number} or later, by {status['batch']['method']}"
        )
        if len(answers) < every:
            break
        status = _wait_for_batch(session, after=number) if session.wait else session.backend.status()
    return rounds


def _wait_for_batch(session: Session, after: int) -> dict[str, Any]:
    """The status once a batch above that number is what Label Studio serves."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        status = session.backend.status()
        batch = status["batch"]
        if batch and batch["number"] > after and batch["version"] == _served(session):
            return status
        if not status["open"] and after:
            return status
        if time.monotonic() > deadline:
            raise LiveFailed(
                f"no batch after number {after} within {PATIENCE_SECONDS:.0f} s; the backend says: "
                f"{status['error'] or status['phase']}. {status['next']}"
            )
        time.sleep(0.1)


def _served(session: Session) -> str:
    return session.client.project(session.backend.project_id).model_version


def _measured(
    session: Session, config: LabelConfig, rounds: Sequence[Sequence[Answer]], status: dict[str, Any], title: str
) -> tuple[Cell, Run]:
    settings = status["settings"]
    model = settings["embedding_model"] or (status["model"] or {}).get("embedding_model")
    if model is None:
        raise LiveFailed("the backend has fitted no head yet: label tasks of at least two classes")
    embedder = load(model)
    tasks = _tasks(session)
    position = {task_id: row for row, task_id in enumerate(sorted(tasks))}
    number = {name: i for i, name in enumerate(config.classes)}
    X_test = embedder.encode(session.test.joined("\n"))
    y_test = np.array([number[session.classes[i]] for i in session.test.y])
    answers = [answer for answers in rounds for answer in answers]
    X = embedder.encode([task_text(tasks[a.task_id], config) for a in answers])
    y = np.array([number[a.label] for a in answers if a.label is not None])
    plan = Cycle(settings["strategy"], settings["initial"], settings["batch_size"], settings["seed"])
    seconds = {run["labels"]: run["seconds"] for run in status["runs"]}
    records, n, before = [], 0, 0
    for cycle, answered in enumerate(rounds):
        before, n = n, n + len(answered)
        head = plan.fit(X[:n], y[:n], len(config.classes))
        records.append(
            {
                "cycle": cycle,
                "n_labeled": n,
                **asdict(evaluate(head.predict_proba(X_test), y_test)),
                "fit_seconds": seconds.get(n, {}).get("fit", float("nan")),
                "query_seconds": seconds.get(before, {}).get("query", float("nan")),
            }
        )
    picks = [[position[a.task_id] for a in answered] for answered in rounds]
    return Cell(title, model, settings["initial"], settings["strategy"], settings["seed"]), Run(records, picks)


def _tasks(session: Session) -> dict[int, dict[str, Any]]:
    size, page, found = 1000, 1, dict[int, dict[str, Any]]()
    while True:
        tasks = session.client.tasks_page(session.backend.project_id, page, size)
        found.update({task.id: task.data for task in tasks})
        if len(tasks) < size:
            return found
        page += 1
