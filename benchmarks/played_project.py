"""Every figure of a project's page beside the truth, in a real Label Studio whose labels are played from a data set.

    python benchmarks/played_project.py --data DATA                            # agnews, 400 labels, 0, 5 and 10 % wrong
    python benchmarks/played_project.py --data DATA --dataset trec6 --flipped 0.05,0.1
    python benchmarks/played_project.py --data DATA --labels 150 --most-more 0  # a quick look

For each share of wrong labels a project of its own: texts are labelled in the order in which Label Studio serves them,
with the gold class or, for that share of them, another one drawn at random; some tasks drawn at random are skipped.
After each step, when the backend has nothing left to do and `GET /projects/N/evaluation` is not pending, its figures
are compared with the gold classes of the texts that are open then, predicted by the head that the service has stored.
The number of labels that it forecasts for one more point is then given as well.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import httpx
import numpy as np
import typer
from data_folder import DEFAULT, DataFolder
from live_loop import running
from numpy.typing import NDArray
from played_tables import print_project
from played_truth import Look, Played, gold_of
from rich.console import Console

from ml_backend.commands.connect import connect_project
from ml_backend.commands.demo.backend_process import BackendProcess
from ml_backend.commands.demo.label_studio_process import LabelStudioProcess, free_port
from ml_backend.commands.demo.messages import label_config
from ml_backend.labelstudio.client import LabelStudio
from ml_backend.labelstudio.label_config import parse
from ml_backend.labelstudio.predictions import annotation_result
from ml_backend.learning.embedding.class_texts import class_text_key
from ml_backend.learning.embedding.names import canonical_name
from ml_backend.learning.head.class_prior import ClassPrior, class_prior
from ml_backend.learning.head.files import from_bytes
from ml_backend.project_settings import ProjectSettings
from ml_backend.store import Store
from simulator.data.data_error import DataError
from simulator.data.datasets import Dataset, load

PATIENCE = 900.0
"""Seconds; embedding takes minutes on a busy machine."""
LOOK_EVERY = 0.02
STEP = 100
"""Labels between two looks."""
SKIP_EVERY = 8
"""Of the tasks drawn at random, every so many is skipped."""


@dataclass(frozen=True)
class Stack:
    """A Label Studio with a client, and a backend with the database that it writes."""

    label_studio: LabelStudioProcess
    backend: BackendProcess
    client: LabelStudio
    store: Store


class NotInTime(RuntimeError):
    """The backend did not do what was waited for; the message has the end of its log."""


@dataclass
class Player:
    """Labels a project from the gold classes of `played`, and adds to it what was given and seen."""

    stack: Stack
    project_id: int
    played: Played
    rng: np.random.Generator

    def label_until(self, n: int, retrain_every: int, show: Callable[[str], None]) -> None:
        """Label until there are n labels; as people are slower than this, each batch that is due is waited for."""
        while (given := len(self.played.labels)) < n:
            show(f"label {given + 1} of {n}")
            if given % retrain_every == 0:
                self.wait_until_quiet()
            task = self.stack.client.next_task(self.project_id)
            if task is None:
                return
            self._answer(task.id)

    def _answer(self, task: int) -> None:
        if self._is_random(task):
            self.played.random.add(task)
            if len(self.played.random) % SKIP_EVERY == 0:
                self.played.skipped.append(task)
                self.stack.client.annotate(self.project_id, task, [], skipped=True)
                return
        name = self.played.gold.of_task[task]
        if self.rng.random() < self.played.flipped:
            others = [other for other in self.played.gold.classes if other != name]
            name = others[int(self.rng.integers(len(others)))]
        self.played.labels[task] = name
        result = annotation_result([name], parse(label_config(self.played.gold.classes)))
        self.stack.client.annotate(self.project_id, task, result, lead_time=1.0)

    def _is_random(self, task: int) -> bool:
        """Whether the newest batch that has this task drew it at random."""
        for batch in self.stack.store.served_batches(self.project_id):
            if task in batch.task_ids:
                return task in batch.random_task_ids
        return False

    def wait_until_quiet(self) -> None:
        """Wait until the backend has read all labels and made the batches that they bring."""
        store = self.stack.store

        def is_quiet() -> bool:
            busy = store.lease_owners() or store.pending_projects() or store.event_count()
            return not busy and store.current_batch(self.project_id) is not None

        self._wait(is_quiet, "nothing left to do")

    def look(self) -> Look:
        """The evaluation of the newest head, with that head and the tasks that are open."""
        self.wait_until_quiet()
        answer: dict[str, Any] = self._wait(self._evaluation, "an evaluation of the newest head")
        head = next(
            head for head in self.stack.store.heads(self.project_id) if head.version == answer["evaluation"]["head"]
        )
        annotated = self.stack.store.annotated_tasks(self.project_id)
        fitted = self.stack.store.fitted_labels(self.project_id)
        return Look(
            body=answer["evaluation"],
            history=answer["history"],
            head=from_bytes(head.blob),
            open=np.array([task not in annotated for task in self.played.gold.of_task]),
            labels={task: name for task, name in self.played.labels.items() if fitted.get(task) is not None},
        )

    def _evaluation(self) -> dict[str, Any] | None:
        url = f"{self.stack.backend.url}/projects/{self.project_id}/evaluation"
        answer: dict[str, Any] = httpx.get(url, timeout=30).raise_for_status().json()
        return None if answer["pending"] or answer["evaluation"] is None else answer

    def _wait(self, happened: Callable[[], Any], description: str) -> Any:
        deadline = time.monotonic() + PATIENCE
        while not (value := happened()):
            if time.monotonic() > deadline:
                log = self.stack.backend.log.read_text()[-3000:]
                raise NotInTime(f"not within {PATIENCE:.0f} s: {description}; the log: {log}")
            time.sleep(LOOK_EVERY)
        return value


def play(
    stack: Stack, dataset: Dataset, n: int, labels: int, flipped: float, most_more: int, chosen: list[str], status: Any
) -> Played:
    """Play one project, from its texts to what the forecast number of further labels brought."""
    title = f"{dataset.name}, {100 * flipped:g} % of the labels flipped"
    rows = np.random.default_rng(0).permutation(np.flatnonzero(dataset.train.first_of_each_text()))[:n]
    split = dataset.train.at(np.sort(rows))

    def show(what: str) -> None:
        status.update(f"{title}: {what}")

    show("importing")
    body = {"title": title[:50], "label_config": label_config(dataset.classes)}
    project_id = int(stack.client.request("POST", "api/projects", body=body)["id"])
    path = f"api/projects/{project_id}/import?return_task_ids=true"
    ids = stack.client.request("POST", path, body=[{"text": text} for text in split.joined("\n")])["task_ids"]
    gold = gold_of(ids, [dataset.classes[i] for i in split.y], dataset.classes)
    show("the first batch")
    list(connect_project(stack.backend.own_settings, project_id, stack.backend.url, chosen))
    played = Played(gold, title, flipped)
    player = Player(stack, project_id, played, np.random.default_rng(1))
    retrain_every = ProjectSettings.usable(stack.store.project(project_id).settings).retrain_every  # type: ignore[union-attr]
    for target in sorted({*range(STEP, labels, STEP), labels}):
        player.label_until(target, retrain_every, show)
        played.looks.append(player.look())
    forecast = played.looks[-1].body["forecast"]
    if forecast is not None and most_more:
        player.label_until(labels + min(most_more, forecast["labels"]), retrain_every, show)
        played.later = player.look()
    played.runs = [run for run in stack.store.runs(project_id, limit=100_000) if run.batch is not None]
    played.seconds = [record.seconds for record in stack.store.evaluation_history(project_id)]
    played.X = _vectors(stack.store, project_id)
    played.prior = _prior(stack.store, project_id, played.X)
    return played


def _vectors(store: Store, project_id: int) -> NDArray[np.float32]:
    """(N, D), of all tasks in ascending order of their ids."""
    return np.concatenate([vectors for _, vectors in store.vectors_by_task(project_id, _embedding(store, project_id))])


def _prior(store: Store, project_id: int, X: NDArray[np.float32]) -> ClassPrior | None:
    """What the newest head has from the class names, made again from their stored vectors."""
    head, project = store.current_head(project_id), store.project(project_id)
    if head is None or head.class_prior is None or project is None or project.class_names is None:
        return None
    stored = store.class_vectors(project_id)
    keys = [class_text_key(_embedding(store, project_id), text) for text in project.class_names.texts]
    seed = ProjectSettings.usable(project.settings).seed
    return class_prior(np.stack([stored[key] for key in keys]), X, np.arange(len(X)), seed)


def _embedding(store: Store, project_id: int) -> str:
    head = store.current_head(project_id)
    assert head is not None
    return canonical_name(head.embedding_model)


@contextmanager
def _stack(folder: Path) -> Iterator[Stack]:
    with running(folder / "label-studio") as label_studio:
        backend = BackendProcess(
            folder / "backend", free_port(0), label_studio.url, label_studio.token, {"LOG_LEVEL": "WARNING"}
        )
        backend.start()
        try:
            with (
                closing(LabelStudio(label_studio.url, label_studio.token)) as client,
                closing(Store(backend.own_settings.database_url)) as store,
            ):
                yield Stack(label_studio, backend, client, store)
        finally:
            backend.stop()


def main(
    data: DataFolder = DEFAULT,
    dataset: Annotated[str, typer.Option(help="Which data set.")] = "agnews",
    texts: Annotated[int, typer.Option(min=50, help="Texts in each project.")] = 2000,
    labels: Annotated[int, typer.Option(min=10, help="Labels until the figures are compared.")] = 400,
    flipped: Annotated[str, typer.Option(help="Shares of wrong labels, one project each, by comma.")] = "0,0.05,0.1",
    most_more: Annotated[int, typer.Option(min=0, help="Most further labels to check the forecast with.")] = 300,
    chosen: Annotated[list[str] | None, typer.Option("--set", help="Setting of the projects, name=value.")] = None,
) -> None:
    """Every figure of a project's page beside the truth from gold labels."""
    console = Console(width=140, highlight=False)
    try:
        loaded = load(dataset, data)
    except DataError as problem:
        raise typer.BadParameter(str(problem)) from None
    shares = [float(share) for share in flipped.split(",")]
    with (
        tempfile.TemporaryDirectory() as scratch,
        console.status("starting Label Studio and the backend") as status,
        _stack(Path(scratch)) as stack,
    ):
        for share in shares:
            played = play(stack, loaded, texts, labels, share, most_more, chosen or [], status)
            print_project(console, played)
    console.print(
        f"{texts:,} texts, {len(loaded.classes)} classes, settings {', '.join(chosen or ['as they are by default'])}, "
        f"on {os.cpu_count()} cores that Label Studio shares. Every {SKIP_EVERY}th task drawn at random was skipped."
    )


if __name__ == "__main__":
    typer.run(main)
