"""Where commands print, and how they end when they cannot go on."""

from __future__ import annotations

from typing import NoReturn

import typer
from rich.console import Console

console = Console()
errors = Console(stderr=True)


def fail(message: str, status: int = 1) -> NoReturn:
    """Say why and end the command."""
    errors.print(f"[red]✗[/red] {message}", highlight=False)
    raise typer.Exit(status)
