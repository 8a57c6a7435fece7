"""`python -m simulator live`: a run in a real Label Studio with a real backend, labelled by simulated annotators."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import httpx
import numpy as np
from numpy.typing import NDArray

from ml_backend.labelstudio.client import LabelStudio
from ml_backend.labelstudio.label_config import LabelConfig, parse
from ml_backend.labelstudio.texts import task_text
from ml_backend.learning.cycle import Cycle
from ml_backend.learning.embedding.embedder import Embedder
from ml_backend.text_fields import FIELD_SEPARATOR
from simulator.data.datasets import Split
from simulator.data.embeddings import load_embedder
from simulator.experiment.grid import Cell, HeadKind
from simulator.experiment.metrics import evaluate
from simulator.experiment.simulate import SimulatedRun
from simulator.live.annotators import Annotator, AnnotatorBehaviour, Answer, agreed, label_together
from simulator.live.known_classes import prior_of_project

PATIENCE_SECONDS = 120.0


class LiveFailed(RuntimeError):
    """The live loop stopped; the message says what was missing and what the backend reports."""


@dataclass(frozen=True)
class Backend:
    """The backend of a project. auth: user and password for HTTP basic auth, or None."""

    url: str
    project_id: int
    auth: tuple[str, str] | None = None

    def status(self) -> dict[str, Any]:
        """The status of the project. Raises LiveFailed if the backend does not respond."""
        try:
            response = httpx.get(f"{self.url}/projects/{self.project_id}/status", auth=self.auth, timeout=20)
            return dict(response.raise_for_status().json())
        except httpx.HTTPError as problem:
            raise LiveFailed(
                f"the backend at {self.url} returned no status of project {self.project_id}: {problem}; check "
                "that it is running"
            ) from None


@dataclass(frozen=True)
class Session:
    """Settings of a live run, which goes in rounds of as many labels as the project's `retrain_every`.

    keys: one API key per annotator; labels: total number; seed: of the first annotator, the next ones count up; wait:
    whether annotators wait for the next batch after each round, which makes the run comparable with a simulated one;
    test, classes: the split, and the names of its classes, on which each round is measured.
    """

    client: LabelStudio
    keys: Sequence[str]
    backend: Backend
    gold_field: str
    behaviour: AnnotatorBehaviour
    labels: int
    seed: int
    wait: bool
    test: Split
    classes: Sequence[str]


def find_backend(client: LabelStudio, project_id: int, auth: tuple[str, str] | None) -> Backend:
    """The backend to which the project is connected. Raises LiveFailed if it has no backend."""
    entries = client.request("GET", "api/ml", params={"project": project_id})
    if not entries:
        raise LiveFailed(f"project {project_id} has no backend: run `python -m ml_backend connect {project_id}` first")
    return Backend(str(entries[0]["url"]).rstrip("/"), project_id, auth)


def run_live(session: Session, say: Callable[[str], None]) -> tuple[Cell, SimulatedRun]:
    """Label, and measure after every round; returns the results in the form of a simulated run.

    A pick is the position of the task among the project's tasks sorted by id. If the backend's head knows the class
    names, the results are those of a run without initial labels: cycle 0 is measured before the first label.
    say: is called with one line per round. Raises NoGoldLabel, LabelStudioError and LiveFailed, which is raised before
    the first label if the test split has a class that the project does not have.
    """
    project_id = session.backend.project_id
    status = _wait_for_batch(session, after=0)
    settings = status["settings"]
    info = session.client.project(project_id)
    config = parse(info.label_config, settings["control"], settings["text_fields"])
    _check_classes(session, config)
    users = [LabelStudio(session.client.url, key) for key in session.keys]
    try:
        annotators = [
            Annotator(user, project_id, config, session.gold_field, session.behaviour, seed)
            for seed, user in enumerate(users, start=session.seed)
        ]
        rounds = _rounds(session, annotators, status, say)
    finally:
        for user in users:
            user.close()
    return _measured(session, config, rounds, session.backend.status(), info.title)


def _check_classes(session: Session, config: LabelConfig) -> None:
    unknown = sorted({session.classes[i] for i in session.test.y} - set(config.classes))
    if unknown:
        raise LiveFailed(
            f"the class {unknown[0]!r} of --data is not a class of the project, {', '.join(config.classes)}: add it to "
            "the label config, or remove its rows from the file"
        )


def _rounds(
    session: Session, annotators: Sequence[Annotator], status: dict[str, Any], say: Callable[[str], None]
) -> list[list[Answer]]:
    """All answers, one list per round; a round ends after as many new labels as the backend waits for."""
    retrain_every = status["settings"]["retrain_every"]
    rounds: list[list[Answer]] = []
    before: list[Answer] = []
    while (labelled := len(agreed(before))) < session.labels:
        number = status["batch"]["number"]
        missing = min(retrain_every, session.labels - labelled)
        answers = _label(annotators, before, labelled + missing)
        before = [*before, *answers]
        gained = len(agreed(before)) - labelled
        if not gained:
            break
        rounds.append(answers)
        say(
            f"{labelled + gained:,} labels; the last {gained} from batch {number} or later, "
            f"by {status['batch']['method']}"
        )
        if gained < retrain_every:
            break
        status = _wait_for_batch(session, after=number) if session.wait else session.backend.status()
    return rounds


def _label(annotators: Sequence[Annotator], before: Sequence[Answer], until: int) -> list[Answer]:
    """New answers, until these and those before make this many labels or no tasks are left.

    An answer may be a skip, or the second one for a task; such an answer adds no label.
    """
    answers: list[Answer] = []
    while (missing := until - len(agreed([*before, *answers]))) > 0:
        new_answers = label_together(annotators, missing)
        if not new_answers:
            break
        answers += new_answers
    return answers


def _wait_for_batch(session: Session, after: int) -> dict[str, Any]:
    """Wait until Label Studio serves a batch with a number above this one; returns the backend's status."""
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
) -> tuple[Cell, SimulatedRun]:
    settings = status["settings"]
    model = settings["embedding_model"] or (status["model"] or {}).get("embedding_model")
    if model is None:
        raise LiveFailed("the backend has no head yet: it needs labels of two classes, or class names that it uses")
    embedder = load_embedder(model)
    tasks = _tasks(session)
    position = {task_id: row for row, task_id in enumerate(sorted(tasks))}
    number = {name: i for i, name in enumerate(config.classes)}
    X_test = embedder.encode(session.test.joined(FIELD_SEPARATOR))
    y_test = np.array([number[session.classes[i]] for i in session.test.y])
    plan = Cycle(settings["strategy"], settings["initial"], settings["batch_size"], settings["seed"])
    prior = prior_of_project(status, config, embedder, tasks)
    vector = _vectors(embedder, tasks, config, rounds)
    records, picks, labelled = [], [], dict[int, str]()
    answers: list[Answer] = []
    for cycle, answered in enumerate(rounds if prior is None else [[], *rounds]):
        answers += answered
        before, labelled = labelled, agreed(answers)
        X = np.array([vector[task_id] for task_id in labelled], dtype=np.float32).reshape(-1, X_test.shape[1])
        y = np.array([number[label] for label in labelled.values()], dtype=np.int64)
        head = plan.fit(X, y, len(config.classes), prior)
        records.append(
            {
                "cycle": cycle,
                "n_labeled": len(labelled),
                **asdict(evaluate(head.predict_proba(X_test), y_test)),
                "fit_seconds": _seconds(status["runs"], "fit", len(labelled)),
                "query_seconds": _seconds(status["runs"], "query", len(before)) if labelled else 0.0,
            }
        )
        picks.append([position[task_id] for task_id in labelled if task_id not in before])
    kind = HeadKind.PLAIN if prior is None else HeadKind.NAMED
    cell = Cell(title, model, settings["initial"], settings["strategy"], settings["seed"], kind)
    return cell, SimulatedRun(records, picks)


def _seconds(runs: Sequence[dict[str, Any]], step: str, labels: int) -> float:
    """Seconds of this step in the newest run with at most this many labels, NaN if there is none.

    There may be newer runs: a batch that runs low starts the next one before the round ends.
    """
    earlier = [run for run in runs if run["labels"] <= labels]
    return float(earlier[-1]["seconds"].get(step, float("nan"))) if earlier else float("nan")


def _vectors(
    embedder: Embedder, tasks: dict[int, dict[str, Any]], config: LabelConfig, rounds: Sequence[Sequence[Answer]]
) -> dict[int, NDArray[np.float32]]:
    ids = list(dict.fromkeys(answer.task_id for answers in rounds for answer in answers))
    return dict(zip(ids, embedder.encode([task_text(tasks[i], config) for i in ids]), strict=True))


def _tasks(session: Session) -> dict[int, dict[str, Any]]:
    pages = session.client.task_pages(session.backend.project_id)
    return {task.id: task.data for page in pages for task in page.tasks}
