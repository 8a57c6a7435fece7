"""The command line: run, report, live, advise, submit."""

from __future__ import annotations

import typer

from simulator.cli.advise import advise
from simulator.cli.live import live
from simulator.cli.report import report
from simulator.cli.run import run
from simulator.cli.submit import submit

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    help="Measure active learning before you label: which embedding, which start (how the first texts are chosen) and "
    "which strategy to use, and how many labels that needs.\n\n"
    "The simulator runs the code of the live service, with known labels in place of annotators. A first example, which "
    "takes a minute or two:\n\n"
    "[bold]python -m simulator run --data texts.csv --seeds 3 --out first[/bold]\n\n"
    "[bold]python -m simulator report first[/bold]",
)
for command, example in (
    (run, "--data texts.csv --strategies random,uherding,margin --seeds 5 --jobs 2 --out first"),
    (report, "first"),
    (advise, "--project 3 --jobs 2"),
    (live, "--project 3 --data test.csv --labels 200 --out live"),
    (submit, "first --to leaderboard.csv --by me --extend"),
):
    app.command(epilog=f"Example: [bold]python -m simulator {command.__name__} {example}[/bold]")(command)
