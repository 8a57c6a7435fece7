"""The command line itself: its help and the options before the command."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import Annotated

import typer

from ml_backend.cli.terminal import (
    fail,
)

DISTRIBUTION = "label-studio-active-learning"

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


def example(call: str) -> str:
    """What stands below the help of a command: a call of it."""
    return f"Example: [bold]python -m ml_backend {call}[/bold]"


def _print_version(requested: bool) -> None:
    if requested:
        try:
            print(version(DISTRIBUTION))
        except PackageNotFoundError:
            fail(f"{DISTRIBUTION} is not installed, so it has no version: run `pip install --no-deps -e .` first")
        raise typer.Exit


@app.callback()
def options(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Options before the command."""
