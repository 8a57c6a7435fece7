"""Where commands print, and how they end when they cannot go on."""

from __future__ import annotations

from typing import NoReturn

import typer
from rich.console import Console
from rich.text import Text

console = Console()
errors = Console(stderr=True)


def print_line(to: Console, line: str, sign: str = "", style: str = "") -> None:
    """Print a line as it is: square brackets and colons of names, paths and messages are no markup.

    sign: printed before it, in that style.
    """
    to.print(Text.assemble((sign, style), " " if sign else "", line))


def print_problem(line: str) -> None:
    """Print what went wrong, to stderr."""
    print_line(errors, line, "✗", "red")


def fail(message: str, status: int = 1) -> NoReturn:
    """Say why and end the command."""
    print_problem(message)
    raise typer.Exit(status)
