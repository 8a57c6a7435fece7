"""A team labels in a real Label Studio on PostgreSQL: what people are given, and how long they wait.

    python benchmarks/team.py                                     # 20 people on one project, 0.5 to 2 s a label
    python benchmarks/team.py --seconds 3-8
    python benchmarks/team.py --start connect                     # they begin before there is a batch
    python benchmarks/team.py --projects 10 --without 0           # ten projects, two people each

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
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from live_loop import CLASSES
from live_loop import texts as generated
from on_postgresql import DEFAULT_SERVER, PostgresServer, Stack, Template, bars, running_stack
from people import Answered, Labelling, Person, label_for
from rich.console import Console
from rich.table import Table
from team_figures import Order, differing, given_twice, labelled_twice, milliseconds, order, waits

from ml_backend.commands.demo.messages import label_config
from ml_backend.labelstudio.label_config import LabelConfig, parse
from ml_backend.labelstudio.labels import labels
from ml_backend.project_settings import ProjectSettings

PATIENCE = 600.0
"""Seconds within which a first batch has to come, and after which labels that the backend lacks are lost."""
SUBMIT_AIM = 1.2
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


@dataclass
class Project:
    """A project of the team: its tasks' classes by id, and when it was connected (Unix time)."""

    id: int
    gold: dict[int, str]
    connected: float = 0.0


@dataclass(frozen=True)
class Outcome:
    """What was measured in one project.

    lost, changed: labels that the backend lacks, or has as another class; in_label_studio, in_backend: submitted labels
    there.
    """

    project: Project
    order: Order
    waits: list[float]
    batches: int
    runs: list[float]
    queued: list[float]
    lost: int
    changed: int
    in_label_studio: int
    in_backend: int
    classes_right: bool


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
        runs=[sum(seconds for step, seconds in run.seconds.items() if step != "wait") for run in runs],
        queued=[run.seconds.get("wait", 0.0) for run in runs],
        lost=lost,
        changed=changed,
        in_label_studio=stack.client.project(project.id).total_annotations,
        in_backend=store.annotation_counts(project.id)[0],
        classes_right=head is None or list(head.classes) == list(config.classes),
    )


def print_results(console: Console, outcomes: list[Outcome], done: Labelling, without: Labelling, calm: float) -> None:
    """Print the table of the team, and that of the projects if there are several."""
    table = Table("", "with the backend", "without")
    both = (done, without)
    table.add_row("labels", *(f"{len(each.labels):,}" for each in both))
    table.add_row("labels/s", *(_per_second(each.labels) for each in both))
    table.add_row("requests of people/s", *(_per_second(each.next + each.submits) for each in both))
    table.add_row("empty answers (404)", *(_zero(sum(a.status == 404 for a in each.next)) for each in both))
    table.add_row("other errors", *(_zero(errors(each)) for each in both))
    table.add_row("tasks given to two people", *(_zero(given_twice(each.next)) for each in both))
    table.add_row("tasks labelled twice", *(_zero(labelled_twice(each.labels)) for each in both))
    table.add_row("submit p50 / p99 ms", *(milliseconds(each.labels) for each in both))
    if without.labels:
        table.add_row("  compared with without", " / ".join(_ratios(done.labels, without.labels)))
    table.add_row("next p50 / p99 ms", *(milliseconds(each.next) for each in both))
    table.add_section()
    orders = [each.order for each in outcomes]
    table.add_row("tasks of the newest batch", f"{sum(o.in_batch for o in orders):,}")
    table.add_row("tasks of its reserve", f"{sum(o.in_reserve for o in orders):,}")
    table.add_row("tasks of an older batch or reserve", f"{sum(o.in_older for o in orders):,}")
    table.add_row("tasks before the first batch", f"{sum(o.before_first for o in orders):,}")
    table.add_row("tasks outside batch and reserve", _zero(sum(o.outside for o in orders)))
    table.add_row("run p50 / longest s", _middle_and_longest([s for each in outcomes for s in each.runs]))
    table.add_row("queued p50 / longest s", _middle_and_longest([s for each in outcomes for s in each.queued]))
    table.add_row("first batch after connecting s", ", ".join(f"{each.waits[0]:.1f}" for each in outcomes))
    table.add_row(
        "later batches, wait p50 / longest s", _middle_and_longest([s for each in outcomes for s in each.waits[1:]])
    )
    table.add_row("labels in Label Studio", f"{sum(each.in_label_studio for each in outcomes):,}")
    table.add_row("labels in the backend", f"{sum(each.in_backend for each in outcomes):,}")
    table.add_row("labels lost", _zero(sum(each.lost for each in outcomes)))
    table.add_row("labels with another class", _zero(sum(each.changed for each in outcomes)))
    table.add_row("order of classes right", "yes" if all(each.classes_right for each in outcomes) else "[red]no[/]")
    table.add_row("at rest after the last label s", f"{calm:.1f}")
    console.print(table)
    if len(outcomes) > 1:
        console.print(projects_table(outcomes, done))


def projects_table(outcomes: list[Outcome], done: Labelling) -> Table:
    """A row for each project: are some served later than others?"""
    table = Table("project", "labels", "batches", "first batch s", "wait p50 / longest s")
    for each in outcomes:
        given = sum(submit.project_id == each.project.id for submit in done.labels)
        row = (str(given), str(each.batches), f"{each.waits[0]:.1f}", _middle_and_longest(each.waits[1:]))
        table.add_row(str(each.project.id), *row)
    return table


def errors(done: Labelling) -> int:
    """Requests that ended in neither a task, nor an empty answer, nor a label."""
    failed = sum(answer.status not in (200, 404) for answer in done.next)
    return failed + sum(submit.status != 201 for submit in done.submits)


def _per_second(answers: list[Answered]) -> str:
    if len(answers) < 2:
        return "–"
    # Of two phases with a pause between them, the pause does not count.
    moments = np.sort([answer.answered for answer in answers])
    gaps = np.diff(moments)
    return f"{len(answers) / max(1e-3, gaps[gaps < 30].sum()):.1f}"


def _zero(n: int) -> str:
    return f"[green]{n}[/]" if n == 0 else f"[red]{n}[/]"


def _middle_and_longest(seconds: list[float]) -> str:
    return f"{np.median(seconds):.1f} / {max(seconds):.1f}" if seconds else "–"


def _ratios(done: list[Answered], without: list[Answered]) -> list[str]:
    quantiles = [np.percentile([answer.seconds for answer in answers], [50, 99]) for answers in (done, without)]
    ratios = quantiles[0] / quantiles[1]
    return [f"[{'green' if ratio <= SUBMIT_AIM else 'red'}]{ratio:.2f}×[/]" for ratio in ratios]


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
    postgresql: PostgresServer = DEFAULT_SERVER,
    template: Template = None,
) -> None:
    """What people are given and how long they wait, with the backend and without it."""
    console = Console(highlight=False)
    least, most = _range(seconds)
    texts = corpus(data, tasks)
    config = parse(label_config(texts.classes))
    with tempfile.TemporaryDirectory() as folder, running_stack(postgresql, Path(folder), console, template) as stack:
        with console.status(f"{people} people sign up"):
            keys = stack.keys(people)
        plain = new_project(stack, "without the backend", texts, console) if without else None
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
    print_results(console, outcomes, done, compared, calm)
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
