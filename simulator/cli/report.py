"""The command `report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from simulator.cli.console import console, fail, print_line
from simulator.experiment.results_folder import check_results


def report(folder: Annotated[Path, typer.Argument(help="Folder of results: the --out of `run` or `live`.")]) -> None:
    """Write report.html into the folder: one page that opens offline, with figures (PNG) and tables (CSV) beside it."""
    try:
        check_results(folder)

        # Imported after the check, since the libraries of arrays and figures take seconds to load.
        from simulator.experiment.results import Results
        from simulator.report import write_report

        results = Results(folder)
        if results.parts.is_dir():
            results.merge()
        print_line(console, str(write_report(folder)), "✓", "green")
    except (ValueError, OSError) as problem:
        fail(str(problem))
