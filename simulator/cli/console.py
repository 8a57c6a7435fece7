"""Printing to the terminal, and ending a command with an error."""

from __future__ import annotations

from typing import NoReturn

import typer
from rich.console import Console
from rich.text import Text

console = Console()
errors = Console(stderr=True)


def print_line(to: Console, line: str, sign: str = "", style: str = "") -> None:
    """Print a line literally: square brackets and colons in names, paths and messages are not read as markup.

    sign: printed before the line, in `style`.
    """
    to.print(Text.assemble((sign, style), " " if sign else "", line))


def print_problem(line: str) -> None:
    """Print an error message to stderr."""
    print_line(errors, line, "✗", "red")


def fail(message: str, status: int = 1) -> NoReturn:
    """Print the message to stderr and exit with this status."""
    print_problem(message)
    raise typer.Exit(status)
