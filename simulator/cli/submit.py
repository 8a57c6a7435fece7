"""The command `submit`."""

from __future__ import annotations

from datetime import UTC, datetime
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from simulator.cli.console import console, fail, print_line
from simulator.data.atomic_files import CannotSave
from simulator.data.counted import counted
from simulator.experiment.results_folder import check_results

if TYPE_CHECKING:
    from simulator.leaderboard.standing import Standing


def submit(
    folder: Annotated[Path, typer.Argument(help="Folder of results: the --out of `run`.")],
    to: Annotated[Path, typer.Option(help="The leaderboard, a CSV file.")],
    by: Annotated[str, typer.Option(help="Who submits the runs, as the leaderboard shows it.")] = "",
    extend: Annotated[
        bool,
        typer.Option(
            "--extend",
            help="Also add data sets, embeddings, starts, heads and protocols that the leaderboard does not have; "
            "a file that does not exist is created.",
        ),
    ] = False,
) -> None:
    """Add the strategies of a folder to a leaderboard, and print where they stand.

    The runs must have the data, options and seeds of the leaderboard. The folder also holds runs of random order,
    which must have the results that the leaderboard has: this shows that program and data are the same.
    """
    try:
        check_results(folder)
        if not to.exists() and not extend:
            raise ValueError(f"{to} does not exist: give the path of a leaderboard, or --extend to begin one")
        # Imported after the checks, since pandas takes a second to load.
        from simulator.analysis.comparisons import BASELINE
        from simulator.leaderboard import runs, submission, table
        from simulator.leaderboard.standing import standing

        board = table.read(to) if to.exists() else table.empty()
        setting = runs.read_runs(folder)
        seeds = submission.seeds_to_use(board, runs.described(setting), extend)
        rows = runs.measured(setting, seeds)
        board, n_new = submission.added(board, rows, by, datetime.now(UTC).date().isoformat())
        if n_new:
            table.write(to, board)
        print_line(
            console,
            f"{counted(n_new, 'row')} added to {to}, which has {len(board):,}." if n_new else f"{to} has all rows.",
        )
        places = [standing(board, rows, name) for name in sorted(set(rows["strategy"]) - {BASELINE})]
        for place in places:
            _show(place)
        for ranking in dict.fromkeys(place.ranking() for place in places):
            print_line(console, f"Points over random order: {ranking}.")
    except (ValueError, CannotSave) as problem:
        fail(str(problem))


def _show(place: Standing) -> None:
    interval = "one seed, so without an interval"
    if not isnan(place.low):
        interval = f"95 % interval over seeds {100 * place.low:+.2f} to {100 * place.high:+.2f}"
    print_line(
        console,
        f"{place.strategy}: rank {place.rank} of {len(place.table)} on {place.settings} of {place.of} settings, "
        f"{100 * place.gain:+.2f} points over random order ({interval}).",
    )
