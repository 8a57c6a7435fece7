"""The command `report`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from simulator.cli.console import console, errors, fail, print_line
from simulator.experiment.results_folder import check_results


def report(
    folders: Annotated[
        list[Path],
        typer.Argument(
            help="Folders of results: the --out of `run` or `live`. Those with the same protocol, options and changes "
            "of the data are reported as one grid, the others as further settings."
        ),
    ],
    out: Annotated[
        Path | None, typer.Option(help="Folder of the page, figures and tables. \\[default: the first folder]")
    ] = None,
    words_per_minute: Annotated[
        float, typer.Option(min=1.0, help="How fast the annotator reads, for the section on minutes of labelling.")
    ] = 240.0,
    seconds_per_label: Annotated[
        float, typer.Option(min=0.0, help="How long a decision takes once the text is read, for the same section.")
    ] = 2.0,
) -> None:
    """Write report.html: one page that opens offline, with figures (PNG) and tables (CSV) beside it."""
    try:
        for folder in folders:
            check_results(folder)

        # Imported after the check, since the libraries of arrays and figures take seconds to load.
        from simulator.analysis.reading_time import ReadingSpeed
        from simulator.experiment.results import Results
        from simulator.report import write_report

        speed = ReadingSpeed(words_per_minute, seconds_per_label)
        for results in map(Results, folders):
            if not results.parts.is_dir():
                continue
            if os.access(results.folder, os.W_OK):
                results.merge()
            else:
                since = "without runs that finished after it was written"
                print_line(errors, f"{results.folder} is read-only: its results.parquet is used as it is, {since}.")
        print_line(console, str(write_report(folders, out, speed)), "✓", "green")
    except (ValueError, OSError) as problem:
        fail(str(problem))
