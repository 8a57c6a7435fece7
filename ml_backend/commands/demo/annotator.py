"""Simulates an annotator who gives the gold labels, through the same endpoints as the browser; prints the accuracy."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import httpx
import numpy as np
from rich.console import Console
from rich.table import Table

from ml_backend.commands.demo.backend_process import BackendProcess
from ml_backend.commands.demo.label_studio_process import LabelStudioProcess
from ml_backend.commands.demo.messages import Message, descriptions
from ml_backend.labelstudio.client import LabelStudio
from ml_backend.labelstudio.label_config import LabelConfig, parse
from ml_backend.labelstudio.predictions import annotation_result
from ml_backend.learning.cycle import Cycle
from ml_backend.learning.embedding.class_texts import class_texts, encode_class_texts
from ml_backend.learning.embedding.embedder import load
from ml_backend.learning.head.class_prior import class_prior

LABELS = 60
PER_BATCH = 10
PATIENCE_SECONDS = 120.0
RANDOM_ORDERS = 10


class CheckFailed(Exception):
    """A step of the live loop did not work; the message says which."""


def check_learning(
    console: Console,
    label_studio: LabelStudioProcess,
    backend: BackendProcess,
    project_id: int,
    held_back: Sequence[Message],
) -> None:
    """Label 60 tasks as they are served; print the accuracy before the first label, per batch, and of random order.

    Raises CheckFailed.
    """
    client = LabelStudio(label_studio.url, label_studio.token)
    console.print(f"Labelling {LABELS} tasks through Label Studio with the gold labels…")
    wait_for_all_texts(backend, project_id)
    config = parse(client.project(project_id).label_config)
    table = Table("labels", "accuracy", "random order", "classes seen", "chosen by", "seconds a label")
    without_labels = served_accuracy(backend, project_id, held_back)
    table.add_row("0", f"{without_labels:.3f}", "–", "0", "–", "–")
    seen: list[tuple[str, str]] = []
    for end in range(PER_BATCH, LABELS + 1, PER_BATCH):
        started = time.monotonic()
        while len(seen) < end:
            seen.append(label_next(client, backend, project_id, config))
        seconds = (time.monotonic() - started) / PER_BATCH
        status = wait_for_labels(backend, project_id, len(seen))
        accuracy = served_accuracy(backend, project_id, held_back)
        random_order = random_accuracy(client, project_id, held_back, len(seen))
        table.add_row(
            str(len(seen)),
            f"{accuracy:.3f}",
            f"{random_order:.3f}",
            str(len({label for _, label in seen})),
            status["batch"]["method"],
            f"{seconds:.2f}",
        )
    console.print(table)
    console.print(
        f"Accuracy on {len(held_back)} messages that are not in the project; with 0 labels the model knows the "
        f"classes by their descriptions only. Random order: mean of {RANDOM_ORDERS} draws of as many labels, with the "
        "same head."
    )


def wait_for_all_texts(backend: BackendProcess, project_id: int) -> dict[str, Any]:
    """Wait until a head knows the class names by all texts, and its batch is served; returns the project's status.

    Raises CheckFailed, also with the reason why the class names are not used.
    """

    def learned(status: dict[str, Any]) -> bool:
        if status.get("class_names_off"):
            raise CheckFailed(f"the first predictions need the class names: {status['class_names_off']}")
        head, batch = status.get("model") or {}, status.get("batch") or {}
        is_embedded = status.get("embedded") and not status.get("to_embed") and not status.get("run_pending")
        return bool(is_embedded and head and batch.get("head_version") == head["version"])

    return _wait(backend, project_id, learned, "there was no head from the class names")


def wait_for_labels(backend: BackendProcess, project_id: int, labels: int) -> dict[str, Any]:
    """Wait until the current head was fitted on all labels but those that do not make a full `retrain_every`.

    Returns the project's status. Raises CheckFailed.
    """
    every = 5

    def learned(status: dict[str, Any]) -> bool:
        runs = status.get("runs") or []
        return bool(runs) and int(runs[-1]["labels"]) > labels - every

    return _wait(backend, project_id, learned, f"the head did not learn from {labels} labels")


def label_next(client: LabelStudio, backend: BackendProcess, project_id: int, config: LabelConfig) -> tuple[str, str]:
    """Label the task that Label Studio serves next with its gold label; returns text and label. Raises CheckFailed."""
    before = project_status(backend, project_id)["batch"]["task_ids"]
    task = client.next_task(project_id)
    if task is None:
        raise CheckFailed(f"Label Studio serves no task of project {project_id}")
    task_id = task.id
    # The next batch may be published between the requests: the task is of the one before or of the one after.
    if task_id not in before:
        _wait(
            backend,
            project_id,
            lambda status: task_id in status["batch"]["task_ids"],
            f"Label Studio served task {task_id}, which is in no published batch",
            seconds=5.0,
        )
    label = str(task.data["gold"])
    client.annotate(project_id, task_id, annotation_result([label], config), lead_time=1.0)
    return str(task.data["text"]), label


def served_accuracy(backend: BackendProcess, project_id: int, texts: Sequence[Message]) -> float:
    """Share of texts, 0 to 1, for which /predict answers the gold label."""
    tasks = [{"id": i, "data": {"text": message.text}} for i, message in enumerate(texts)]
    body = {"tasks": tasks, "project": f"{project_id}.0"}
    answer = httpx.post(f"{backend.url}/predict", json=body, timeout=100).raise_for_status().json()
    right = 0
    for message, prediction in zip(texts, answer["results"], strict=True):
        result = prediction["result"]
        right += bool(result) and result[0]["value"]["choices"] == [message.label]
    return right / len(texts)


def random_accuracy(client: LabelStudio, project_id: int, held_back: Sequence[Message], labels: int) -> float:
    """Mean accuracy, 0 to 1, of heads fitted on as many labels in random order, and on the same descriptions."""
    pool = _pool(client, project_id)
    classes = sorted({m.label for m in pool} | {m.label for m in held_back})
    embedder = load("minilm")
    X, X_test = (embedder.encode([m.text for m in texts]) for texts in (pool, held_back))
    y, y_test = (np.array([classes.index(m.label) for m in texts]) for texts in (pool, held_back))
    class_vectors = encode_class_texts(embedder, class_texts(classes, descriptions()).texts)
    accuracies = []
    for seed in range(RANDOM_ORDERS):
        rows = np.random.default_rng(seed).permutation(len(y))[:labels]
        prior = class_prior(class_vectors, X, np.arange(len(y)), seed)
        head = Cycle("random", "random", batch_size=1).fit(X[rows], y[rows], len(classes), prior)
        accuracies.append(float((head.predict_proba(X_test).argmax(axis=1) == y_test).mean()))
    return float(np.mean(accuracies))


def project_status(backend: BackendProcess, project_id: int) -> dict[str, Any]:
    """The project's status as the backend returns it. Raises httpx.HTTPError."""
    status: dict[str, Any] = (
        httpx.get(f"{backend.url}/projects/{project_id}/status", timeout=10).raise_for_status().json()
    )
    return status


def _pool(client: LabelStudio, project_id: int) -> list[Message]:
    tasks = client.tasks_page(project_id, 1, 10_000)
    return [Message(task.data["text"], task.data["gold"]) for task in tasks]


def _wait(
    backend: BackendProcess, project_id: int, done: Any, otherwise: str, seconds: float = PATIENCE_SECONDS
) -> dict[str, Any]:
    deadline = time.monotonic() + seconds
    while True:
        status = project_status(backend, project_id)
        if done(status):
            return status
        if time.monotonic() > deadline:
            raise CheckFailed(
                f"{otherwise} within {seconds:.0f} s; the backend says: {status.get('phase')}"
                f" {status.get('error') or ''}; its log: {backend.log}"
            )
        time.sleep(0.1)
