"""The command line: serve, worker, connect, doctor, evaluate, predict, train, pause, label-copies, export, backup …"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, track

from ml_backend import logs
from ml_backend.settings import LogFormat, Settings, SettingsError, load_settings

logger = logging.getLogger(__name__)

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,  # they hold the key
    rich_markup_mode="rich",
    help="Active learning for text inside Label Studio.\n\n"
    "Settings come from the environment: LABEL_STUDIO_URL, LABEL_STUDIO_API_KEY, BASIC_AUTH_USER, BASIC_AUTH_PASS, "
    "PORT (9090), BACKEND_URL, LABEL_STUDIO_PUBLIC_URL, MODEL_DIR, DATABASE_URL, REDIS_URL, EMBEDDING_MODEL, "
    "LOG_LEVEL; docs/deployment.md explains all of them.",
)
console = Console()
errors = Console(stderr=True)

WRONG_SETTINGS = 2
"""Exit status for a setting or an argument that cannot be used; other failures have 1."""
DISTRIBUTION = "label-studio-active-learning"

ProjectId = Annotated[int, typer.Argument(help="The number in the project's address, as in /projects/3/data.")]


def _print_version(requested: bool) -> None:
    if requested:
        try:
            print(version(DISTRIBUTION))
        except PackageNotFoundError:
            _fail(f"{DISTRIBUTION} is not installed, so it has no version: run `pip install --no-deps -e .` first")
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
    worker: Annotated[bool, typer.Option(help="Also run a worker; switch off if workers run elsewhere.")] = True,
) -> None:
    """Run the server on PORT, with a background worker."""
    settings = _settings()
    from ml_backend.web.server import serve as serve_web

    try:
        serve_web(settings, with_worker=worker)
    except SettingsError as problem:
        _fail(str(problem), WRONG_SETTINGS)


@app.command()
def worker(
    threads: Annotated[int, typer.Option(min=1, help="Number of projects to run at the same time.")] = 2,
    check: Annotated[
        bool,
        typer.Option(
            "--check", help="Only check whether the worker of this container reaches its database and its queue."
        ),
    ] = False,
    parent: Annotated[int | None, typer.Option(hidden=True)] = None,
) -> None:
    """Run a background worker, which reads, embeds, fits, chooses and publishes; with REDIS_URL on several machines."""
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
        _fail(str(refused), WRONG_SETTINGS)


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
        typer.Option(
            "--set", help="A setting of the project, such as strategy=badge; may be repeated. Other settings stay."
        ),
    ] = None,
    new_secret: Annotated[
        bool, typer.Option("--new-secret", help="Change the secret of the webhook; the one before is refused at once.")
    ] = False,
    wait: Annotated[
        float, typer.Option(min=0, max=3600, help="Seconds to wait for a backend that is still starting.")
    ] = 60.0,
    watch: Annotated[bool, typer.Option(help="Show progress until the first batch can be labelled.")] = True,
) -> None:
    """Connect a project: backend, webhook with its secret, sampling, settings."""
    settings = _settings()
    from ml_backend.commands.connect import connect_project
    from ml_backend.commands.first_batch import watch_first_batch

    with _failure_printed():
        address = backend_url or settings.address
        for line in connect_project(settings, project, address, setting or [], new_secret, wait, _waiting):
            console.print(f"[green]✓[/green] {escape(line)}", soft_wrap=True)
        if watch:
            watch_first_batch(console, settings, project, address)


@app.command()
def doctor(
    project: Annotated[int | None, typer.Option(help="Check this project only.")] = None,
    backend_url: Annotated[
        str | None, typer.Option(help="Where the backend listens \\[default: as `connect`].")
    ] = None,
) -> None:
    """Check services and projects, and print what is wrong and how to repair it."""
    settings = _settings()
    from ml_backend.commands.checks import print_checks
    from ml_backend.commands.doctor import run_checks

    raise typer.Exit(print_checks(console, run_checks(settings, project, backend_url)))


@app.command()
def evaluate(
    project: ProjectId,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print everything as `GET /projects/N/evaluation` does, history included.")
    ] = False,
) -> None:
    """Print how good a project's model is: accuracy with its interval, how many labels one more point takes, whether
    to stop, each class, what is confused, and which labels to look at again.

    The worker measures this after each batch; the command reads it from the database and computes nothing. The
    interval is a guarantee only with labels of tasks drawn at random (setting `random_share`, 0.1 by default).
    """
    settings = _settings()
    from ml_backend.commands.evaluate import print_evaluation, read_evaluation

    with _failure_printed():
        evaluated = read_evaluation(settings, project)
        if as_json:
            print(json.dumps(evaluated, indent=2, ensure_ascii=False))
        else:
            print_evaluation(console, evaluated)


@app.command()
def predict(
    project: ProjectId,
    every: Annotated[bool, typer.Option("--all", help="Predict all open texts.")] = False,
    csv: Annotated[
        Path | None, typer.Option(help="Write them into this file: task, class, confidence, margin to the second.")
    ] = None,
    to_label_studio: Annotated[
        bool,
        typer.Option(
            "--to-label-studio", help="Write them into Label Studio, under a model version that serves no task."
        ),
    ] = False,
    above: Annotated[float, typer.Option(help="Only those with this confidence or more, from 0 to 1.")] = 0.0,
    texts: Annotated[bool, typer.Option("--texts", help="The file has the texts too.")] = False,
) -> None:
    """Predict all open texts of a project with its newest model, into a CSV file or into Label Studio.

    Without --csv and --to-label-studio: print how many predictions are how sure, and how many of them are expected to
    be wrong. The page Actions of the project does the same in the background.
    """
    settings = _settings()
    from ml_backend.commands import predict as predicting

    if not every:
        _fail(
            "say --all to predict all open texts; single texts are predicted by a POST to /predict, and without this "
            "service by an exported model (`python -m ml_backend export`)",
            WRONG_SETTINGS,
        )
    done = []
    with _failure_printed(), _work_bar() as report:
        if csv is not None:
            done.append(predicting.predict_into_file(settings, project, csv, above, texts, report))
        if to_label_studio:
            done.append(predicting.predict_into_label_studio(settings, project, above, report))
        if not done:
            predicting.print_table(console, predicting.count_predictions(settings, project, report))
    for sentence in done:
        _say_done(sentence)


@app.command()
def train(project: ProjectId) -> None:
    """Let the worker learn from all labels of a project now, and publish a new batch."""
    settings = _settings()
    from ml_backend.commands import learning

    with _failure_printed():
        _say_done(learning.train(settings, project))


@app.command()
def pause(project: ProjectId) -> None:
    """Pause a project: labels are received and kept, nothing is learned or published until `resume`."""
    settings = _settings()
    from ml_backend.commands import learning

    with _failure_printed():
        _say_done(learning.pause(settings, project))


@app.command()
def resume(project: ProjectId) -> None:
    """Let a paused project go on."""
    settings = _settings()
    from ml_backend.commands import learning

    with _failure_printed():
        _say_done(learning.resume(settings, project))


@app.command("label-copies")
def label_copies(
    project: ProjectId,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Copy labels to tasks with exactly the same text, as annotations of the user of LABEL_STUDIO_API_KEY."""
    settings = _settings()
    from ml_backend.commands.label_copies import annotate_copies, counted, find_copies

    with _failure_printed():
        copies = find_copies(settings, project)
        for sentence in counted(copies):
            console.print(sentence, highlight=False)
        if not copies.chosen or not (yes or typer.confirm("Copy the labels in Label Studio?")):
            return
        progress = track(annotate_copies(settings, project, copies), "labelling", len(copies.chosen), console=errors)
        labelled = list(progress)
    skipped = f"; labelled or deleted by others meanwhile: {labelled.count(False):,}" if not all(labelled) else ""
    done = labelled.count(True)
    console.print(f"[green]✓[/green] {done:,} {'task' if done == 1 else 'tasks'} labelled{skipped}", highlight=False)


@app.command()
def demo(
    check: Annotated[bool, typer.Option(help="Label 60 tasks with the gold labels, print accuracy, and stop.")] = False,
    folder: Annotated[Path, typer.Option(help="Folder for the data of the demo.")] = Path(".demo"),
    label_studio_venv: Annotated[
        Path, typer.Option(help="Virtual environment for Label Studio; created if missing.")
    ] = Path(".venv-labelstudio"),
) -> None:
    """Start Label Studio and the backend with a ready project of 839 customer messages."""
    from ml_backend.commands.demo.run import run_demo

    raise typer.Exit(run_demo(console, folder.resolve(), label_studio_venv.resolve(), check))


@app.command()
def export(
    project: ProjectId,
    folder: Annotated[Path, typer.Argument(help="Folder to write; it must not exist yet.")],
    force: Annotated[bool, typer.Option("--force", help="Replace an earlier export.")] = False,
) -> None:
    """Write a folder with a project's newest model and a program that classifies texts, without this service."""
    settings = _settings()
    from ml_backend.commands.export import export_model

    with _failure_printed():
        console.print(
            f"[green]✓[/green] {export_model(settings, project, folder, force)}", highlight=False, soft_wrap=True
        )


@contextmanager
def _waiting(sentence: str) -> Iterator[None]:
    """Show a sentence while the command waits: beside a spinner on a terminal, otherwise as a line."""
    if console.is_terminal:
        with console.status(escape(sentence)):
            yield
    else:
        console.print(escape(sentence), soft_wrap=True)
        yield


@contextmanager
def _failure_printed() -> Iterator[None]:
    """Print the message of a failed command, and exit with its status."""
    from ml_backend.commands.failure import CommandFailed

    try:
        yield
    except CommandFailed as problem:
        _fail(str(problem), problem.exit_status)


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(help="Where to write the copy of the database.")],
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing file.")] = False,
) -> None:
    """Copy the SQLite database to a file while the service runs; for PostgreSQL, print the command to use."""
    settings = _settings()
    from ml_backend.commands.backup import CannotCopy, back_up, describe

    try:
        with _progress_bar("copying") as progress:
            contents = back_up(settings, file, force, progress)
    except SettingsError as problem:
        _fail(str(problem), WRONG_SETTINGS)
    except CannotCopy as problem:
        _fail(str(problem))
    console.print(f"[green]✓[/green] {file}: {describe(contents)}", highlight=False, soft_wrap=True)


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="A file written by `backup`, of this or an older version.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Replace the database with a backup, and keep a copy of the previous database. The service may run."""
    settings = _settings()
    from ml_backend.commands.backup import CannotCopy, describe, examine_backup, restore_backup

    try:
        console.print(f"{file}: {describe(examine_backup(settings, file))}", highlight=False, soft_wrap=True)
        if not (yes or typer.confirm(f"Replace {settings.database_url} with it?")):
            raise typer.Exit(1)
        with _progress_bar("restoring") as progress:
            saved_copy = restore_backup(settings, file, progress)
    except SettingsError as problem:
        _fail(str(problem), WRONG_SETTINGS)
    except CannotCopy as problem:
        _fail(str(problem))
    kept_copy = f"; the previous database is kept as {saved_copy}" if saved_copy else ""
    console.print(f"[green]✓[/green] restored{kept_copy}", highlight=False, soft_wrap=True)


@contextmanager
def _work_bar() -> Iterator[Callable[[int, int, str], None]]:
    """A progress bar on a terminal; yields a function of what is done, of how much, and the words for it."""
    with Progress(console=errors, disable=not errors.is_terminal, transient=True) as bar:
        task = bar.add_task("")
        yield lambda done, total, phase: bar.update(task, description=phase, completed=done, total=total or None)


@contextmanager
def _progress_bar(title: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on a terminal; yields a function of the remaining and the total number of pages."""
    with Progress(console=errors, disable=not errors.is_terminal, transient=True) as bar:
        task = bar.add_task(title)
        yield lambda remaining, total: bar.update(task, total=total, completed=total - remaining)


def _settings() -> Settings:
    try:
        settings = load_settings()
    except SettingsError as problem:
        if os.environ.get("LOG_FORMAT", "").strip().lower() == LogFormat.JSON:
            logs.write_to_stderr(LogFormat.JSON, "INFO", secrets=[])
        _fail(str(problem), WRONG_SETTINGS)
    logs.configure(settings)
    return settings


def _say_done(sentence: str) -> None:
    console.print(f"[green]✓[/green] {escape(sentence)}", highlight=False, soft_wrap=True)


def _fail(message: str, status: int = 1) -> NoReturn:
    """Print the message, or write it to a log in JSON, and exit."""
    if logs.writes_json():
        logger.error(message)
    else:
        errors.print(f"[red]✗[/red] {escape(message)}", highlight=False, soft_wrap=True)
    raise typer.Exit(status)
