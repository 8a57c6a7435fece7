"""The command `run`."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Annotated

import typer

from ml_backend.learning import initial, strategies
from ml_backend.learning.defaults import DEFAULT_STRATEGY
from simulator.cli.arguments import budget_of, names, rates, sizes
from simulator.cli.console import console, errors, fail, print_line, print_problem
from simulator.cli.progress import TerminalProgress
from simulator.data.atomic_files import CannotSave
from simulator.data.datasets import Cleaning, known_names
from simulator.data.perturbations import Perturbations
from simulator.data.sources import Columns
from simulator.data.vector_cache import default_cache
from simulator.experiment.definition import Experiment
from simulator.experiment.processes import NoScheduler
from simulator.experiment.runner import ExperimentOutcome
from simulator.experiment.runner import run as run_experiment
from simulator.experiment.strategy_options import StrategyOptions

DATA, GRID, BUDGET, PERTURBATION, MACHINE = (
    "Data",
    "What is compared",
    "How many labels",
    "Make it harder on purpose",
    "Where it runs",
)


def run(
    out: Annotated[Path, typer.Option(help="Folder of the results; the same command goes on where it stopped.")],
    data: Annotated[
        Path | None,
        typer.Option(
            help="A folder with one file per dataset, or a file (Parquet, CSV, JSONL, Label Studio export as JSON). "
            "Left out: the benchmark's datasets from the hub.",
            rich_help_panel=DATA,
        ),
    ] = None,
    datasets: Annotated[
        str | None, typer.Option(help="Names, by comma. \\[default: all of --data]", rich_help_panel=DATA)
    ] = None,
    text_column: Annotated[str, typer.Option(help="Column with the text.", rich_help_panel=DATA)] = "text",
    pair_column: Annotated[
        str, typer.Option(help="Column with the second text of a pair; optional.", rich_help_panel=DATA)
    ] = "text_pair",
    label_column: Annotated[str, typer.Option(help="Column with the gold label.", rich_help_panel=DATA)] = "label",
    split_column: Annotated[
        str,
        typer.Option(
            help="Column with `train` or `test`; without it a fifth of each class is the test split.",
            rich_help_panel=DATA,
        ),
    ] = "split",
    control: Annotated[
        str | None,
        typer.Option(help="Of a Label Studio export: the control that holds the label.", rich_help_panel=DATA),
    ] = None,
    drop_empty: Annotated[bool, typer.Option(help="Leave out rows with an empty text.", rich_help_panel=DATA)] = False,
    drop_rare: Annotated[
        int, typer.Option(min=0, help="Leave out labels with fewer examples than that.", rich_help_panel=DATA)
    ] = 0,
    embeddings: Annotated[
        str,
        typer.Option(
            help="minilm, minilm:layer1 … minilm:layer6, tfidf, random-projection, or a hub model; by comma.",
            rich_help_panel=GRID,
        ),
    ] = "minilm",
    strategy_names: Annotated[
        str,
        typer.Option(
            "--strategies", help=f"`all`, or by comma: {', '.join(strategies.names())}.", rich_help_panel=GRID
        ),
    ] = f"random,{DEFAULT_STRATEGY}",
    initial_names: Annotated[
        str,
        typer.Option("--initial", help=f"Initial pools, by comma: {', '.join(initial.names())}.", rich_help_panel=GRID),
    ] = "random",
    seeds: Annotated[
        int,
        typer.Option(
            min=1, help="Runs of each combination; all strategies of a seed start alike.", rich_help_panel=GRID
        ),
    ] = 10,
    subpool: Annotated[
        int | None,
        typer.Option(min=1, help="Strategies choose among that many texts, drawn at random.", rich_help_panel=GRID),
    ] = None,
    balance: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Strategies rank that many times a batch; those of the classes with the fewest labels are taken.",
            rich_help_panel=GRID,
        ),
    ] = None,
    protocol: Annotated[
        str,
        typer.Option(
            help="default: 100 + 15 × 100 labels; low-budget: as many as classes, at least 10, and 20 cycles.",
            rich_help_panel=BUDGET,
        ),
    ] = "default",
    initial_size: Annotated[
        int | None, typer.Option(min=1, help="Labels before the first query.", rich_help_panel=BUDGET)
    ] = None,
    batch_size: Annotated[int | None, typer.Option(min=1, help="Labels per cycle.", rich_help_panel=BUDGET)] = None,
    cycles: Annotated[int | None, typer.Option(min=0, help="Queries of a run.", rich_help_panel=BUDGET)] = None,
    pool_size: Annotated[
        str,
        typer.Option(
            help="At most that many texts to choose from, as 6000 or mnli=6000,qnli=4000.", rich_help_panel=PERTURBATION
        ),
    ] = "",
    test_size: Annotated[
        str, typer.Option(help="At most that many texts to measure on, in the same form.", rich_help_panel=PERTURBATION)
    ] = "",
    imbalance: Annotated[
        float, typer.Option(help="Long tail: largest class / smallest class.", rich_help_panel=PERTURBATION)
    ] = 1.0,
    label_noise: Annotated[
        float, typer.Option(help="Share of wrong labels, any other class alike.", rich_help_panel=PERTURBATION)
    ] = 0.0,
    class_noise: Annotated[
        str, typer.Option(help="The same by class, as spam=0.3,ham=0.1.", rich_help_panel=PERTURBATION)
    ] = "",
    data_seed: Annotated[
        int, typer.Option(min=0, help="Draws subsamples, noise, tail and split.", rich_help_panel=PERTURBATION)
    ] = 0,
    jobs: Annotated[int, typer.Option(min=1, help="Worker processes.", rich_help_panel=MACHINE)] = 1,
    scheduler: Annotated[
        str | None, typer.Option(help="Address of a Dask scheduler, as tcp://host:8786.", rich_help_panel=MACHINE)
    ] = None,
    cache: Annotated[
        Path | None, typer.Option(help="Where embeddings are kept, for all experiments.", rich_help_panel=MACHINE)
    ] = None,
) -> None:
    """Simulate a grid of runs and write results.parquet, one row per cycle.

    Interrupted, the same command runs only what is missing. Runs that fail are listed at the end, with exit status 1.
    """
    # What is finished is merged before the command ends, whoever stops it.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        experiment = Experiment(
            datasets=names(datasets) if datasets else known_names(data) if data else [],
            embeddings=names(embeddings),
            strategies=strategies.names() if strategy_names == "all" else names(strategy_names),
            initials=names(initial_names),
            seeds=seeds,
            out=out,
            data=data,
            budget=budget_of(protocol, initial_size, batch_size, cycles),
            options=StrategyOptions(subpool, balance),
            columns=Columns(text_column, pair_column, label_column, split_column, control),
            cleaning=Cleaning(drop_empty, drop_rare),
            perturbations=Perturbations(
                sizes("--pool-size", pool_size),
                sizes("--test-size", test_size),
                imbalance,
                label_noise,
                rates(class_noise),
                data_seed,
            ),
            jobs=jobs,
            scheduler=scheduler,
            cache=(cache or default_cache()).absolute(),
        )
        if not experiment.datasets:
            raise ValueError(f"no datasets: name some by --datasets. Known: {', '.join(known_names(data))}")
        outcome = run_experiment(experiment, TerminalProgress(errors))
    except (ValueError, CannotSave, NoScheduler) as problem:
        fail(str(problem))
    except KeyboardInterrupt:
        fail(f"stopped; what was finished is in {out}, and the same command runs the rest", status=130)
    raise typer.Exit(print_outcome(outcome, out))


def print_outcome(outcome: ExperimentOutcome, out: Path) -> int:
    """Print what was done and what failed; returns the exit status."""
    print_line(console, f"{outcome.finished:,} runs finished, {outcome.saved_before:,} saved before; results in {out}")
    for what, failure in outcome.failed.items():
        print_problem(f"{what}: {failure.message}")
    if outcome.failed:
        print_line(errors, f"{len(outcome.failed)} failed; mend the cause and run the same command again.")
        traces = [f.trace for f in outcome.failed.values() if f.trace]
        if traces:
            print_line(errors, f"The first trace:\n{traces[0]}")
    return 1 if outcome.failed else 0
