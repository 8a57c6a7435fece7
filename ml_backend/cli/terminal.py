"""What the commands have in common: settings, messages, progress, and errors as sentences."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress

from ml_backend import logs
from ml_backend.settings import LogFormat, Settings, SettingsError, load_settings

logger = logging.getLogger(__name__)

console = Console()
errors = Console(stderr=True)

WRONG_SETTINGS = 2
"""Exit status for a setting or an argument that cannot be used; other failures have 1."""

ProjectId = Annotated[int, typer.Argument(help="The number in the project's address, as in /projects/3/data.")]


def read_settings() -> Settings:
    try:
        settings = load_settings()
    except SettingsError as problem:
        if os.environ.get("LOG_FORMAT", "").strip().lower() == LogFormat.JSON:
            logs.write_to_stderr(LogFormat.JSON, "INFO", secrets=[])
        fail(str(problem), WRONG_SETTINGS)
    logs.configure(settings)
    return settings


@contextmanager
def failure_printed() -> Iterator[None]:
    """Print the message of a failed command, and exit with its status."""
    from ml_backend.commands.failure import CommandFailed

    try:
        yield
    except SettingsError as problem:
        fail(str(problem), WRONG_SETTINGS)
    except CommandFailed as problem:
        fail(str(problem), problem.exit_status)


@contextmanager
def waiting(sentence: str) -> Iterator[None]:
    """Show a sentence while the command waits: beside a spinner on a terminal, otherwise as a line."""
    if console.is_terminal:
        with console.status(escape(sentence)):
            yield
    else:
        console.print(escape(sentence), soft_wrap=True)
        yield


@contextmanager
def work_bar() -> Iterator[Callable[[int, int, str], None]]:
    """A progress bar on a terminal; yields a function of what is done, of how much, and the words for it."""
    with Progress(console=errors, disable=not errors.is_terminal, transient=True) as bar:
        task = bar.add_task("")
        yield lambda done, total, phase: bar.update(task, description=phase, completed=done, total=total or None)


@contextmanager
def progress_bar(title: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on a terminal; yields a function of the remaining and the total number of pages."""
    with Progress(console=errors, disable=not errors.is_terminal, transient=True) as bar:
        task = bar.add_task(title)
        yield lambda remaining, total: bar.update(task, total=total, completed=total - remaining)


def say_done(sentence: str) -> None:
    console.print(f"[green]✓[/green] {escape(sentence)}", highlight=False, soft_wrap=True)


def fail(message: str, status: int = 1) -> NoReturn:
    """Print the message, or write it to a log in JSON, and exit."""
    if logs.writes_json():
        logger.error(message)
    else:
        errors.print(f"[red]✗[/red] {escape(message)}", highlight=False, soft_wrap=True)
    raise typer.Exit(status)
