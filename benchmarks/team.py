"""A team labels in a real Label Studio on PostgreSQL: what people are given, and how long they wait.

    python benchmarks/team.py                                     # 20 people on one project, 0.5 to 2 s a label
    python benchmarks/team.py --seconds 3-8
    python benchmarks/team.py --start connect                     # they begin before there is a batch
    python benchmarks/team.py --projects 10 --without 0           # ten projects, two people each
    python benchmarks/team.py --plain-webhook                     # how much of the difference is Label Studio's webhook

Each person is a user with a key of their own who gets the next task, thinks for a random time and submits. The same
people label the same texts in a project without the backend, half of that time before and half after the measured one,
so that both are seen under the same load of the machine. Label Studio is started as `label-studio start` does: one
process, a thread for each connection, so that all of its work shares one core; `requests/s` shows how near it was to
its limit. Everything runs on this machine.
"""

from __future__ import annotations

import os
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from live_loop import CLASSES
from live_loop import texts as generated
from on_postgresql import DEFAULT_SERVER, PostgresServer, Stack, Template, bars, running_stack
from people import Labelling, Person, label_for
from rich.console import Console
from team_figures import Outcome, Project, differing, order, waits
from team_tables import print_results
from webhook_sink import webhook_sink

from ml_backend.commands.demo.messages import label_config
from ml_backend.labelstudio.label_config import LabelConfig, parse
from ml_backend.labelstudio.labels import labels
from ml_backend.project_settings import ProjectSettings

PATIENCE = 600.0
"""Seconds within which a first batch has to come, and after which labels that the backend lacks are lost."""
LATE_MS = 50.0
"""If people wake up later than this, the machine was so busy that the figures say little."""


class Start(StrEnum):
    """When people begin to label."""

    FIRST_BATCH = "first-batch"
    CONNECT = "connect"


@dataclass(frozen=True)
class Corpus:
    """Texts with their classes."""

    texts: list[str]
    labels: list[str]
    classes: list[str]


def corpus(data: Path | None, n: int) -> Corpus:
    """n texts of a Parquet file with the columns text and label, or generated ones."""
    if data is None:
        made = generated(n)
        return Corpus([text.text for text in made], [CLASSES[text.label] for text in made], CLASSES)
    import pandas as pd

    frame = pd.read_parquet(data, columns=["text", "label"]).drop_duplicates("text")
    frame = frame.sample(min(n, len(frame)), random_state=0)
    names = [str(label) for label in frame["label"]]
    return Corpus([str(text) for text in frame["text"]], names, sorted(set(names)))


def new_project(stack: Stack, title: str, texts: Corpus, console: Console) -> Project:
    """A project with all texts."""
    project_id = stack.new_project(title, texts.classes)
    with bars(console) as progress:
        ids = stack.import_texts(project_id, texts.texts, progress)
    return Project(project_id, dict(zip(ids, texts.labels, strict=True)))


def connect(stack: Stack, projects: list[Project], start: Start, chosen: list[str], console: Console) -> None:
    """Start the backend and connect the projects; unless people start at once, wait until each has a batch."""
    with console.status("starting the backend, and connecting"):
        stack.backend.start()
        for project in projects:
            project.connected = time.time()
            stack.connect(project.id, chosen)
    if start == Start.FIRST_BATCH:
        with console.status("waiting for the first batch"):
            deadline = time.monotonic() + PATIENCE
            while not all(stack.store.current_batch(project.id) for project in projects):
                if time.monotonic() > deadline:
                    raise RuntimeError(f"no batch within {PATIENCE:.0f} s; see {stack.backend.log.read_text()[-3000:]}")
                time.sleep(0.05)


def label(
    stack: Stack, people: list[Person], seconds: float, projects: list[Project], config: LabelConfig, console: Console
) -> Labelling:
    """Let the people label for as many seconds, and show their progress."""
    gold = {task: name for project in projects for task, name in project.gold.items()}
    started = time.time()
    with console.status("") as status:

        def show(done: Labelling) -> None:
            empty = sum(answer.status == 404 for answer in done.next)
            passed = min(seconds, time.time() - started)
            status.update(f"{passed:.0f} of {seconds:.0f} s: {len(done.labels)} labels, {empty} empty answers")

        return label_for(people, stack.label_studio.url, seconds, gold, config, show)


def outcome(stack: Stack, project: Project, done: Labelling, config: LabelConfig, every: int, end: float) -> Outcome:
    """The figures of one project after everything came to rest. end: Unix time at which people stopped."""
    store = stack.store
    batches, runs = store.batches(project.id, limit=100_000), store.runs(project.id, limit=100_000)
    served = [answer for answer in done.next if answer.project_id == project.id]
    submitted = [answer for answer in done.labels if answer.project_id == project.id]
    given = {answer.task: project.gold[answer.task] for answer in submitted if answer.task is not None}
    lost, changed = differing(given, labels(store.annotations(project.id), config).by_task)
    head = store.current_head(project.id)
    return Outcome(
        project,
        order(served, batches),
        waits(batches, runs, submitted, project.connected, every, end),
        batches=len(batches),
        runs=runs,
        published=[len(batch.task_ids) for batch in batches],
        lost=lost,
        changed=changed,
        in_label_studio=stack.client.project(project.id).total_annotations,
        in_backend=store.annotation_counts(project.id)[0],
        classes_right=head is None or list(head.classes) == list(config.classes),
    )


def _range(seconds: str) -> tuple[float, float]:
    try:
        least, most = (float(value) for value in seconds.split("-"))
        if 0 <= least <= most:
            return least, most
    except ValueError:
        pass
    raise typer.BadParameter(f"{seconds!r} is not a range such as 0.5-2", param_hint="--seconds")


def main(
    people: Annotated[int, typer.Option(min=1, help="People in all, spread over the projects.")] = 20,
    seconds: Annotated[str, typer.Option(help="How long a person thinks about a text.")] = "0.5-2",
    duration: Annotated[float, typer.Option(min=1, help="Seconds of labelling with the backend.")] = 90,
    without: Annotated[float, typer.Option(min=0, help="Seconds of labelling without it.")] = 60,
    tasks: Annotated[int, typer.Option(min=10, help="Texts in each project.")] = 3000,
    projects: Annotated[int, typer.Option(min=1, help="Projects that the people share.")] = 1,
    start: Annotated[Start, typer.Option(help="When people begin.")] = Start.FIRST_BATCH,
    data: Annotated[
        Path | None, typer.Option(help="Parquet file with the columns text and label; without it, generated texts.")
    ] = None,
    chosen: Annotated[list[str] | None, typer.Option("--set", help="Setting of the projects, name=value.")] = None,
    plain_webhook: Annotated[
        bool,
        typer.Option(
            "--plain-webhook",
            help="In the project without the backend, Label Studio sends its webhooks to a server that only answers.",
        ),
    ] = False,
    postgresql: PostgresServer = DEFAULT_SERVER,
    template: Template = None,
) -> None:
    """What people are given and how long they wait, with the backend and without it."""
    console = Console(highlight=False)
    least, most = _range(seconds)
    texts = corpus(data, tasks)
    config = parse(label_config(texts.classes))
    with ExitStack() as stopping:
        folder = stopping.enter_context(tempfile.TemporaryDirectory())
        stack = stopping.enter_context(running_stack(postgresql, Path(folder), console, template))
        with console.status(f"{people} people sign up"):
            keys = stack.keys(people)
        plain = new_project(stack, "without the backend", texts, console) if without else None
        if plain is not None and plain_webhook:
            stack.add_webhook(plain.id, stopping.enter_context(webhook_sink()))
        team = [new_project(stack, f"team {i + 1}", texts, console) for i in range(projects)]

        def persons(where: list[Project]) -> list[Person]:
            return [Person(i, key, where[i % len(where)].id, least, most) for i, key in enumerate(keys)]

        compared = Labelling()
        if plain is not None:
            compared = label(stack, persons([plain]), without / 2, [plain], config, console)
        connect(stack, team, start, chosen or [], console)
        done = label(stack, persons(team), duration, team, config, console)
        end = time.time()
        with console.status("waiting until the backend has nothing left to do"):
            came_to_rest = stack.wait_until_quiet(PATIENCE)
        calm = time.time() - end
        every = ProjectSettings.usable(stack.store.project(team[0].id).settings).retrain_every  # type: ignore[union-attr]
        outcomes = [outcome(stack, project, done, config, every, end) for project in team]
        stack.backend.stop()
        if plain is not None:
            compared += label(stack, persons([plain]), without / 2, [plain], config, console)
    print_results(console, outcomes, done, compared, calm, plain_webhook)
    late = 1000 * float(np.percentile(done.late, 99)) if done.late else 0.0
    console.print(
        f"{people} people, {seconds} s a label, {projects} × {len(texts.texts):,} texts, {len(texts.classes)} classes, "
        f"from {'the first batch' if start == Start.FIRST_BATCH else 'the moment of connecting'} on, on "
        f"{os.cpu_count()} cores that PostgreSQL, Label Studio, the backend and the people share. "
        f"99 % of the people woke up at most {late:.0f} ms late"
        + (": the machine was too busy, so the times say little." if late > LATE_MS else ".")
    )
    if not came_to_rest:
        console.print(f"[red]After {PATIENCE:.0f} s the backend was still at work.[/]")


if __name__ == "__main__":
    typer.run(main)
