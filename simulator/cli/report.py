"""The command `report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from simulator.cli.console import console, fail, print_line


def report(folder: Annotated[Path, typer.Argument(help="The --out of `run` or `live`.")]) -> None:
    """Write report.html, one file that opens offline, with PNG and CSV files beside it."""
    # Drawing libraries take a second to load, which the other commands need not wait for.
    from simulator.experiment.results import Results
    from simulator.report import write_report

    try:
        results = Results(folder)
        if results.parts.is_dir():
            results.merge()
        print_line(console, str(write_report(folder)), "✓", "green")
    except (ValueError, OSError) as problem:
        fail(str(problem))
