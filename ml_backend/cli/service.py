"""Commands of the service: serve, worker, demo, backup, restore."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ml_backend.cli.application import app, example
from ml_backend.cli.terminal import (
    WRONG_SETTINGS,
    console,
    fail,
    failure_printed,
    progress_bar,
    read_settings,
)
from ml_backend.settings import SettingsError


@app.command(epilog=example("serve --no-worker"))
def serve(
    worker: Annotated[bool, typer.Option(help="Also run a worker; switch off if workers run elsewhere.")] = True,
) -> None:
    """Run the server on PORT, with a background worker."""
    settings = read_settings()
    from ml_backend.web.server import serve as serve_web

    try:
        serve_web(settings, with_worker=worker)
    except SettingsError as problem:
        fail(str(problem), WRONG_SETTINGS)


@app.command(epilog=example("worker --threads 4"))
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
            fail(problem)
        return
    settings = read_settings()
    from ml_backend.worker.process import run

    try:
        run(settings, threads, parent)
    except SettingsError as refused:
        fail(str(refused), WRONG_SETTINGS)


@app.command(epilog=example("demo --check"))
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


@app.command(epilog=example("backup labels.db"))
def backup(
    file: Annotated[Path, typer.Argument(help="Where to write the copy of the database.")],
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing file.")] = False,
) -> None:
    """Copy the SQLite database to a file while the service runs; for PostgreSQL, print the command to use."""
    settings = read_settings()
    from ml_backend.commands.argument_checks import check_copy_to

    with failure_printed():
        check_copy_to(file, force)

        from ml_backend.commands.backup import back_up, describe

        with progress_bar("copying") as progress:
            contents = back_up(settings, file, force, progress)
    console.print(f"[green]✓[/green] {file}: {describe(contents)}", highlight=False, soft_wrap=True)


@app.command(epilog=example("restore labels.db"))
def restore(
    file: Annotated[Path, typer.Argument(help="A file written by `backup`, of this or an older version.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Replace the database with a backup, and keep a copy of the previous database. The service may run."""
    settings = read_settings()
    from ml_backend.commands.argument_checks import check_copy_from

    with failure_printed():
        check_copy_from(file)

        from ml_backend.commands.backup import describe, examine_backup, restore_backup

        console.print(f"{file}: {describe(examine_backup(settings, file))}", highlight=False, soft_wrap=True)
        if not (yes or typer.confirm(f"Replace {settings.database_url} with it?")):
            raise typer.Exit(1)
        with progress_bar("restoring") as progress:
            saved_copy = restore_backup(settings, file, progress)
    kept_copy = f"; the previous database is kept as {saved_copy}" if saved_copy else ""
    console.print(f"[green]✓[/green] restored{kept_copy}", highlight=False, soft_wrap=True)
