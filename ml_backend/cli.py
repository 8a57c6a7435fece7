"""The command line: serve, worker, connect, doctor, label-copies, demo, export, backup, restore."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress, track

from ml_backend.settings import Settings, SettingsError, load_settings

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    help="Active learning for text inside Label Studio.\n\n"
    "Settings come from the environment: LABEL_STUDIO_URL, LABEL_STUDIO_API_KEY, BASIC_AUTH_USER, BASIC_AUTH_PASS, "
    "PORT (9090), BACKEND_URL, LABEL_STUDIO_PUBLIC_URL, MODEL_DIR, DATABASE_URL, REDIS_URL, EMBEDDING_MODEL, "
    "LOG_LEVEL; docs/deployment.md explains them all.",
)
console = Console()
errors = Console(stderr=True)

DISTRIBUTION = "label-studio-active-learning"

ProjectId = Annotated[int, typer.Argument(help="The number in the project's address, as in /projects/3/data.")]


def _print_version(asked: bool) -> None:
    if asked:
        try:
            print(version(DISTRIBUTION))
        except PackageNotFoundError:
            _fail(f"{DISTRIBUTION} runs from a folder and is not installed: `pip install --no-deps -e .`")
        raise typer.Exit


@app.callback()
def options(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Options before the command."""


@app.command()
def serve(
    worker: Annotated[
        bool, typer.Option(help="Also run a worker beside the server; off where workers run elsewhere.")
    ] = True,
) -> None:
    """Answer Label Studio on PORT, and work in the background."""
    settings = _settings()
    from ml_backend.web.server import serve as serve_web

    try:
        serve_web(settings, with_worker=worker)
    except SettingsError as problem:
        _fail(str(problem))


@app.command()
def worker(
    threads: Annotated[int, typer.Option(min=1, help="Projects worked on at the same time.")] = 2,
    check: Annotated[
        bool, typer.Option("--check", help="Start nothing; fail unless this container's worker reaches its services.")
    ] = False,
    parent: Annotated[int | None, typer.Option(hidden=True)] = None,
) -> None:
    """Work in the background: read, embed, fit, choose, publish. Several may run on several machines with REDIS_URL."""
    if check:
        from ml_backend.worker.heartbeat import liveness_problem

        if (problem := liveness_problem()) is not None:
            _fail(problem)
        return
    settings = _settings()
    from ml_backend.worker.process import run

    try:
        run(settings, threads, parent)
    except SettingsError as refused:
        _fail(str(refused))


@app.command()
def connect(
    project: ProjectId,
    backend_url: Annotated[
        str | None,
        typer.Option(
            help="Where Label Studio reaches this backend \\[default: BACKEND_URL, or http://localhost:PORT]."
        ),
    ] = None,
    setting: Annotated[
        list[str] | None,
        typer.Option("--set", help="A setting of the project, as strategy=badge; may be repeated. Others stay."),
    ] = None,
) -> None:
    """Connect a project by one command: backend, webhook with its secret, sampling, settings."""
    settings = _settings()
    from ml_backend.commands.connect import connect_project

    with _failure_printed():
        for line in connect_project(settings, project, backend_url or settings.address, setting or []):
            console.print(f"[green]✓[/green] {line}")


@app.command()
def doctor(
    project: Annotated[int | None, typer.Option(help="Check this project only.")] = None,
    backend_url: Annotated[
        str | None, typer.Option(help="Where the backend listens \\[default: as `connect`].")
    ] = None,
) -> None:
    """Check everything that has to be right, and say what is wrong and how to repair it."""
    settings = _settings()
    from ml_backend.commands.doctor import examine, print_checks

    raise typer.Exit(print_checks(console, examine(settings, project, backend_url)))


@app.command("label-copies")
def label_copies(
    project: ProjectId,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Give each label to the tasks with the very same text, as annotations of the user of LABEL_STUDIO_API_KEY."""
    settings = _settings()
    from ml_backend.commands.label_copies import annotate_copies, find_copies

    with _failure_printed():
        copies = find_copies(settings, project)
        console.print(f"{len(copies.chosen):,} open tasks have the same text as a labelled one", highlight=False)
        if copies.disputed:
            console.print(f"{len(copies.disputed):,} more are left out: their text has different labels")
        if not copies.chosen or not (yes or typer.confirm("Label them in Label Studio?")):
            return
        progress = track(annotate_copies(settings, project, copies), "labelling", len(copies.chosen), console=errors)
        labelled = list(progress)
    late = f"; {labelled.count(False):,} were labelled or deleted meanwhile" if not all(labelled) else ""
    console.print(f"[green]✓[/green] {labelled.count(True):,} tasks labelled{late}", highlight=False)


@app.command()
def demo(
    check: Annotated[bool, typer.Option(help="Label 60 tasks with the gold labels, print accuracy, and stop.")] = False,
    folder: Annotated[Path, typer.Option(help="Where the demo keeps its data.")] = Path(".demo"),
    label_studio_venv: Annotated[
        Path, typer.Option(help="Label Studio's own virtual environment; made when missing.")
    ] = Path(".venv-labelstudio"),
) -> None:
    """Start Label Studio and the backend with a ready project of 839 customer messages."""
    from ml_backend.commands.demo.run import run_demo

    raise typer.Exit(run_demo(console, folder.resolve(), label_studio_venv.resolve(), check))


@app.command()
def export(
    project: ProjectId,
    folder: Annotated[Path, typer.Argument(help="Where to write; made when missing.")],
) -> None:
    """Write the project's newest head, its classes, and ten lines that classify texts without this service."""
    settings = _settings()
    from ml_backend.commands.export import export_head

    with _failure_printed():
        console.print(f"[green]✓[/green] {export_head(settings, project, folder)}")


@contextmanager
def _failure_printed() -> Iterator[None]:
    """Print the sentence of a command that failed, and exit with status 1."""
    from ml_backend.commands.failure import CommandFailed

    try:
        yield
    except CommandFailed as problem:
        _fail(str(problem))


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(help="Where to write the copy of the database.")],
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
) -> None:
    """Copy the database to a file while the service runs; for PostgreSQL, say which command does it."""
    settings = _settings()
    from ml_backend.commands.backup import CannotCopy, back_up, described

    try:
        with _steps("copying") as progress:
            contents = back_up(settings, file, force, progress)
    except (CannotCopy, SettingsError) as problem:
        _fail(str(problem))
    console.print(f"[green]✓[/green] {file}: {described(contents)}", highlight=False, soft_wrap=True)


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="What `backup` wrote, now or with an older version.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Put a backup in the place of the database, which is copied beside it first; the service may run."""
    settings = _settings()
    from ml_backend.commands.backup import CannotCopy, described, examine_backup, put_back

    try:
        console.print(f"{file}: {described(examine_backup(settings, file))}", highlight=False, soft_wrap=True)
        if not (yes or typer.confirm(f"Put it in the place of {settings.database_url}?")):
            raise typer.Exit(1)
        with _steps("restoring") as progress:
            kept = put_back(settings, file, progress)
    except (CannotCopy, SettingsError) as problem:
        _fail(str(problem))
    before = f"; what was there is kept as {kept}" if kept else ""
    console.print(f"[green]✓[/green] restored{before}", highlight=False, soft_wrap=True)


@contextmanager
def _steps(what: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on a terminal, told how much is left and how much there is in all."""
    with Progress(console=errors, disable=not errors.is_terminal, transient=True) as bar:
        task = bar.add_task(what)
        yield lambda remaining, total: bar.update(task, total=total, completed=total - remaining)


def _settings() -> Settings:
    try:
        settings = load_settings()
    except SettingsError as problem:
        _fail(str(problem))
    logging.basicConfig(
        level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr
    )
    for chatty in ("alembic", "httpx", "httpcore", "huey", "sentence_transformers", "urllib3"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, logging.getLevelName(settings.log_level)))
    return settings


def _fail(message: str) -> None:
    errors.print(f"[red]✗[/red] {message}", highlight=False)
    raise typer.Exit(1)
