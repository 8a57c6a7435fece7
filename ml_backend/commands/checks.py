"""The result of one check of `doctor`, and how results are printed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rich.console import Console
from rich.markup import escape


@dataclass(frozen=True)
class Check:
    """The result of one check; what: its subject; detail: what was observed; remedy: what to do if it failed."""

    what: str
    passed: bool
    detail: str
    remedy: str = ""


def print_checks(console: Console, checks: Iterator[Check]) -> int:
    """Print each check; returns the exit status, 1 if any failed."""
    failed_checks = []
    for check in checks:
        mark = "[green]✓[/green]" if check.passed else "[red]✗[/red]"
        console.print(f"{mark} [bold]{escape(check.what)}[/bold]: {escape(check.detail)}", highlight=False)
        if not check.passed:
            failed_checks.append(check.what)
            if check.remedy:
                console.print(f"  [yellow]▸ {escape(check.remedy)}[/yellow]", highlight=False)
    console.print(
        f"[red]failed: {escape(', '.join(failed_checks))}[/red]" if failed_checks else "[green]everything works[/green]"
    )
    return 1 if failed_checks else 0
