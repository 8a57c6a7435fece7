"""Commands that set up and look at a project: connect, doctor, evaluate, train, pause, resume."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.markup import escape

from ml_backend.cli.application import app, example
from ml_backend.cli.terminal import (
    ProjectId,
    console,
    failure_printed,
    read_settings,
    say_done,
    waiting,
)


@app.command(epilog=example("connect 3 --set strategy=badge"))
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
    settings = read_settings()
    address = backend_url or settings.address
    from ml_backend.commands.argument_checks import parse_backend_url, parse_settings

    with failure_printed():
        parse_settings(setting or [])
        parse_backend_url(address)

        # Imported after the checks, since database and client take a second to load.
        from ml_backend.commands.connect import connect_project
        from ml_backend.commands.first_batch import watch_first_batch

        for line in connect_project(settings, project, address, setting or [], new_secret, wait, waiting):
            console.print(f"[green]✓[/green] {escape(line)}", soft_wrap=True)
        if watch:
            watch_first_batch(console, settings, project, address)


@app.command(epilog=example("doctor --project 3"))
def doctor(
    project: Annotated[int | None, typer.Option(help="Check this project only.")] = None,
    backend_url: Annotated[
        str | None, typer.Option(help="Where the backend listens \\[default: as `connect`].")
    ] = None,
) -> None:
    """Check services and projects, and print what is wrong and how to repair it."""
    settings = read_settings()
    from ml_backend.commands.checks import print_checks
    from ml_backend.commands.doctor import run_checks

    raise typer.Exit(print_checks(console, run_checks(settings, project, backend_url)))


@app.command(epilog=example("evaluate 3"))
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
    settings = read_settings()
    from ml_backend.commands.evaluate import print_evaluation, read_evaluation

    with failure_printed():
        evaluated = read_evaluation(settings, project)
        if as_json:
            print(json.dumps(evaluated, indent=2, ensure_ascii=False))
        else:
            print_evaluation(console, evaluated)


@app.command(epilog=example("train 3"))
def train(project: ProjectId) -> None:
    """Let the worker learn from all labels of a project now, and publish a new batch."""
    settings = read_settings()
    from ml_backend.commands import learning

    with failure_printed():
        say_done(learning.train(settings, project))


@app.command(epilog=example("pause 3"))
def pause(project: ProjectId) -> None:
    """Pause a project: labels are received and kept, nothing is learned or published until `resume`."""
    settings = read_settings()
    from ml_backend.commands import learning

    with failure_printed():
        say_done(learning.pause(settings, project))


@app.command(epilog=example("resume 3"))
def resume(project: ProjectId) -> None:
    """Let a paused project go on."""
    settings = read_settings()
    from ml_backend.commands import learning

    with failure_printed():
        say_done(learning.resume(settings, project))
