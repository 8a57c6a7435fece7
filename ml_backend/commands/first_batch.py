"""Shows in the terminal how far a project that was just connected is, until its first batch can be labelled."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

from ml_backend.commands.failure import CommandFailed
from ml_backend.pipeline.embed import TEXTS_PER_CLAIM
from ml_backend.pipeline.next_step import next_step_of, remedy
from ml_backend.pipeline.progress import progress
from ml_backend.settings import Settings
from ml_backend.store import Store
from ml_backend.store.records import ProjectRecord
from ml_backend.store.states import ProjectState
from ml_backend.store.workers import OVERDUE_SECONDS

LOOK_EVERY_SECONDS = 0.2
LINK_BYTES = 32
LINK_SECONDS = 900
STOPPED = (ProjectState.UNSUPPORTED, ProjectState.MISSING, ProjectState.DISCONNECTED)


@dataclass(frozen=True)
class Step:
    """What the project is busy with; done, total: of tasks or texts, total 0 if they are not counted."""

    what: str
    done: int = 0
    total: int = 0


def watch_first_batch(console: Console, settings: Settings, project_id: int, backend_url: str) -> None:
    """Show each step until the first batch is published, then where to label; at once if there is a batch.

    On a terminal as a bar, otherwise as a line for each kind of step. Ctrl-C ends only this. Raises CommandFailed if no
    batch will come by itself, and why.
    """
    page = f"{backend_url.rstrip('/')}/projects/{project_id}"
    with closing(Store(settings.database_url)) as store:
        try:
            _show(console, steps_to_first_batch(store, project_id))
        except KeyboardInterrupt:
            _print(console, f"Only this display was stopped; the backend goes on: {page}")
            return
        batch, project = store.current_batch(project_id), store.project(project_id)
        if batch is None:
            _print(console, "" if project is None else next_step_of(store, project))
            _print(console, f"The project's page: {page}")
            return
    label_studio = (settings.label_studio_public_url or settings.label_studio_url).rstrip("/")
    tasks = "1 task" if batch.size == 1 else f"{batch.size:,} tasks"
    _print(console, f"[green]✓[/green] batch {batch.number} is published: {tasks}, and more follow")
    _print(console, f"Press Label All Tasks: {label_studio}/projects/{project_id}/data")
    _print(console, f"The project's page:    {page}")
    if console.is_terminal:
        print_sign_in_link(console, settings, project_id, backend_url)
    else:  # a link would get into a log that others read
        _print(console, "In a terminal, `connect` also prints a link that signs you in there.")


def print_sign_in_link(console: Console, settings: Settings, project_id: int, backend_url: str) -> None:
    """Print a link by which the person at the terminal, who has the key, signs in to the pages."""
    token = secrets.token_urlsafe(LINK_BYTES)
    with closing(Store(settings.database_url)) as store:
        store.add_sign_in_link(token, "the person who ran `connect`", LINK_SECONDS)
    address = f"{backend_url.rstrip('/')}/sign-in?link={token}&next=/projects/{project_id}"
    _print(console, f"Signed in there, once within {LINK_SECONDS // 60} minutes: {address}")


def steps_to_first_batch(store: Store, project_id: int) -> Iterator[Step]:
    """Yields what the project is busy with whenever that has changed, until it has a batch or comes to rest without.

    Raises CommandFailed, with what to do, if a run failed or cannot start, or if no worker runs.
    """
    started, last = time.time(), None
    project = store.project(project_id)
    failed_before = 0 if project is None else project.failed_runs
    while project is not None and store.current_batch(project_id) is None:
        step = _step(store, project)
        if step != last:
            yield step
        last = step
        is_idle = project_id not in store.pending_projects() and store.lease_owner(project_id) is None
        if project.failed_runs > failed_before or (is_idle and project.state in STOPPED):
            raise CommandFailed(f"the first batch does not come: {project.error} {remedy(project) or ''}".rstrip())
        if is_idle and project.state == ProjectState.READY and progress(project, 0) is None:
            return
        if time.time() - max(store.worker_seen_at() or 0.0, started) > OVERDUE_SECONDS:
            raise CommandFailed(
                "the first batch does not come, since no worker was seen for a minute: start one with `python -m "
                "ml_backend worker`, or the server with one by `python -m ml_backend serve`"
            )
        time.sleep(LOOK_EVERY_SECONDS)
        project = store.project(project_id)


def _step(store: Store, project: ProjectRecord) -> Step:
    busy = progress(project, store.task_count(project.id))
    if busy is None:
        return Step(project.phase or "waiting for the worker")
    # The first batch is chosen from the first texts, while the others are still to be embedded.
    total = min(busy.total, TEXTS_PER_CLAIM) if project.counts.to_embed else busy.total
    return Step(project.phase if busy.done >= total else busy.what, min(busy.done, total), total)


def _show(console: Console, steps: Iterator[Step]) -> None:
    if not console.is_terminal:
        shown = ""
        for step in steps:
            if step.what != shown:
                _print(console, escape(step.what))
            shown = step.what
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[counted]}"))
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=None, counted="")
        for step in steps:
            counted = f"{step.done:,} of {step.total:,}" if step.total else ""
            bar.update(
                task, description=escape(step.what), total=step.total or None, completed=step.done, counted=counted
            )


def _print(console: Console, sentence: str) -> None:
    """Print without breaking lines, so that an address stays whole."""
    console.print(sentence, highlight=False, soft_wrap=True)
