"""The command `run`."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ml_backend.learning import catalogue
from ml_backend.learning.defaults import DEFAULT_STRATEGY
from simulator.cli.arguments import (
    BALANCE_HELP,
    CLASS_DESCRIPTIONS_HELP,
    CONTROL_HELP,
    EVALUATE_HELP,
    FORMATS_HELP,
    LABEL_COLUMN_HELP,
    LABEL_CONFIG_HELP,
    RANDOM_SHARE_HELP,
    SUBPOOL_HELP,
    TEXT_COLUMN_HELP,
    budget_of,
    heads_of,
    names,
    rates,
    read_label_config,
    sizes,
    some_names,
    strategies_of,
    strategy_files_of,
)
from simulator.cli.console import console, errors, fail, print_line, print_problem
from simulator.cli.progress import TerminalProgress
from simulator.data.atomic_files import CannotSave
from simulator.data.cache_folder import default_cache
from simulator.data.class_descriptions import NO_DESCRIPTIONS, read_descriptions
from simulator.data.cleaning import Cleaning
from simulator.data.columns import DEFAULT_LABEL, DEFAULT_TEXT, Columns
from simulator.data.dataset_names import known_names
from simulator.data.perturbations import Perturbations
from simulator.experiment.definition import Experiment, check_known
from simulator.experiment.grid import ORACLE, HeadKind
from simulator.experiment.manifest import check_same_settings
from simulator.experiment.processes import NoScheduler
from simulator.experiment.strategy_options import StrategyOptions

if TYPE_CHECKING:
    from simulator.experiment.runner import ExperimentOutcome

DATA, GRID, BUDGET, PERTURBATION, MACHINE = (
    "Data",
    "What to compare",
    "Number of labels",
    "Changes to the data",
    "Where to run",
)


def run(
    out: Annotated[
        Path,
        typer.Option(
            help="Folder for the results. If the command is stopped, repeat it: it runs only what is missing."
        ),
    ],
    data: Annotated[
        Path | None,
        typer.Option(
            help=f"A file, or a folder with one file per dataset: {FORMATS_HELP} Without it, datasets of the "
            "benchmark, which --datasets has to name, are loaded from the Hugging Face hub.",
            rich_help_panel=DATA,
        ),
    ] = None,
    datasets: Annotated[
        str | None, typer.Option(help="Names, separated by commas. \\[default: all of --data]", rich_help_panel=DATA)
    ] = None,
    text_column: Annotated[str, typer.Option(help=TEXT_COLUMN_HELP, rich_help_panel=DATA)] = DEFAULT_TEXT,
    pair_column: Annotated[
        str, typer.Option(help="Name of the column with the second text of a pair; optional.", rich_help_panel=DATA)
    ] = "text_pair",
    label_column: Annotated[str, typer.Option(help=LABEL_COLUMN_HELP, rich_help_panel=DATA)] = DEFAULT_LABEL,
    split_column: Annotated[
        str,
        typer.Option(
            help="Name of the column with `train` or `test`; without it a fifth of each class is the test split.",
            rich_help_panel=DATA,
        ),
    ] = "split",
    control: Annotated[
        str | None,
        typer.Option(help=CONTROL_HELP, rich_help_panel=DATA),
    ] = None,
    label_config: Annotated[Path | None, typer.Option(help=LABEL_CONFIG_HELP, rich_help_panel=DATA)] = None,
    drop_empty: Annotated[bool, typer.Option(help="Leave out rows without a text.", rich_help_panel=DATA)] = False,
    drop_long: Annotated[
        bool,
        typer.Option(
            help="Leave out rows with a text of more than 100,000 characters, which the service cannot use either.",
            rich_help_panel=DATA,
        ),
    ] = False,
    drop_rare: Annotated[
        int, typer.Option(min=0, help="Leave out labels with fewer examples than this.", rich_help_panel=DATA)
    ] = 0,
    embeddings: Annotated[
        str,
        typer.Option(
            help="minilm, minilm:layer1 … minilm:layer6, tfidf, random-projection, hub models, folders, files; "
            "separated by commas. mpnet=FOLDER is the model in a folder, with results under the name mpnet.",
            rich_help_panel=GRID,
        ),
    ] = "minilm",
    strategy_names: Annotated[
        str,
        typer.Option(
            "--strategies",
            help=f"`all`, or names separated by commas: {', '.join(catalogue.strategy_names())}; or the path of a "
            f"Python file with a strategy of your own, such as ./mine.py. `{ORACLE}`, which is not in `all`, is a "
            "reference that chooses by gold labels and the test split; a run of it takes minutes.",
            rich_help_panel=GRID,
        ),
    ] = f"random,{DEFAULT_STRATEGY}",
    initial_names: Annotated[
        str,
        typer.Option(
            "--initial",
            help=f"Methods for the initial pool, separated by commas: {', '.join(catalogue.initial_names())}.",
            rich_help_panel=GRID,
        ),
    ] = "random",
    heads: Annotated[
        str,
        typer.Option(
            help="What the head knows: `plain` learns from labels only; `named` knows what the classes are called too, "
            "and predicts without a label. Separated by commas.",
            rich_help_panel=GRID,
        ),
    ] = HeadKind.PLAIN.value,
    class_descriptions: Annotated[str | None, typer.Option(help=CLASS_DESCRIPTIONS_HELP, rich_help_panel=GRID)] = None,
    seeds: Annotated[
        int,
        typer.Option(
            min=1,
            help="Runs of each combination; all strategies of one seed begin with the same labels.",
            rich_help_panel=GRID,
        ),
    ] = 10,
    subpool: Annotated[int | None, typer.Option(min=1, help=SUBPOOL_HELP, rich_help_panel=GRID)] = None,
    balance: Annotated[int | None, typer.Option(min=1, help=BALANCE_HELP, rich_help_panel=GRID)] = None,
    random_share: Annotated[float, typer.Option(min=0.0, max=1.0, help=RANDOM_SHARE_HELP, rich_help_panel=GRID)] = 0.0,
    evaluate: Annotated[bool, typer.Option("--evaluate", help=EVALUATE_HELP, rich_help_panel=GRID)] = False,
    protocol: Annotated[
        str,
        typer.Option(
            help="default: 100 + 15 × 100 labels; low-budget: per cycle one label per class, at least 10; 20 cycles.",
            rich_help_panel=BUDGET,
        ),
    ] = "default",
    initial_size: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Number of labels before the first query; with 0 the first row is measured without labels.",
            rich_help_panel=BUDGET,
        ),
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option(min=1, help="Number of labels per cycle.", rich_help_panel=BUDGET)
    ] = None,
    cycles: Annotated[
        int | None, typer.Option(min=0, help="Number of queries in a run.", rich_help_panel=BUDGET)
    ] = None,
    pool_size: Annotated[
        str,
        typer.Option(
            help="Use at most this many texts of the pool: 6000, or by dataset mnli=6000,qnli=4000.",
            rich_help_panel=PERTURBATION,
        ),
    ] = "",
    test_size: Annotated[
        str,
        typer.Option(
            help="Use at most this many texts of the test split; in the same form as --pool-size.",
            rich_help_panel=PERTURBATION,
        ),
    ] = "",
    imbalance: Annotated[
        float,
        typer.Option(
            help="Make the class sizes uneven: size of the largest / size of the smallest.",
            rich_help_panel=PERTURBATION,
        ),
    ] = 1.0,
    label_noise: Annotated[
        float,
        typer.Option(
            help="Share of the pool's labels replaced by another class at random.", rich_help_panel=PERTURBATION
        ),
    ] = 0.0,
    class_noise: Annotated[
        str, typer.Option(help="Label noise by class: spam=0.3,ham=0.1.", rich_help_panel=PERTURBATION)
    ] = "",
    data_seed: Annotated[
        int,
        typer.Option(min=0, help="Seed of these random changes and of the test split.", rich_help_panel=PERTURBATION),
    ] = 0,
    jobs: Annotated[int, typer.Option(min=1, help="Number of worker processes.", rich_help_panel=MACHINE)] = 1,
    scheduler: Annotated[
        str | None, typer.Option(help="Address of a Dask scheduler, such as tcp://host:8786.", rich_help_panel=MACHINE)
    ] = None,
    cache: Annotated[
        Path | None,
        typer.Option(help="Folder in which the embeddings of all experiments are kept.", rich_help_panel=MACHINE),
    ] = None,
) -> None:
    """Simulate a grid of runs and write results.parquet, one row per cycle.

    If it is interrupted, the same command runs only what is missing. Runs that fail are listed at the end, and the exit
    status is then 1.
    """
    # Treated like Ctrl+C, so that finished runs are merged into the tables before the command ends.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        experiment = Experiment(
            datasets=names(datasets) if datasets else known_names(data) if data else [],
            embeddings=some_names("--embeddings", embeddings),
            strategies=strategies_of(strategy_names),
            strategy_files=strategy_files_of(strategy_names),
            initials=some_names("--initial", initial_names),
            seeds=seeds,
            out=out,
            heads=heads_of(heads),
            descriptions=read_descriptions(class_descriptions) if class_descriptions else NO_DESCRIPTIONS,
            data=data,
            budget=budget_of(protocol, initial_size, batch_size, cycles),
            options=StrategyOptions(subpool, balance, random_share),
            evaluate=evaluate,
            columns=Columns(
                text=text_column,
                text_pair=pair_column,
                label=label_column,
                split=split_column,
                control=control,
                label_config=read_label_config(label_config, control, text_column),
            ),
            cleaning=Cleaning(drop_empty, drop_rare, drop_long),
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
            raise ValueError(f"no datasets: name some with --datasets. Known: {', '.join(known_names(data))}")
        check_known(experiment)
        check_same_settings(experiment)
        # Imported after the checks, since the libraries of arrays and models take seconds to load.
        from simulator.experiment.runner import run as run_experiment

        outcome = run_experiment(experiment, TerminalProgress(errors))
    except (ValueError, CannotSave, NoScheduler) as problem:
        fail(str(problem))
    except KeyboardInterrupt:
        fail(f"stopped; finished runs are saved in {out}. Repeat the command to run the others.", status=130)
    raise typer.Exit(print_outcome(outcome, out))


def print_outcome(outcome: ExperimentOutcome, out: Path) -> int:
    """Print how many runs were finished and which failed; returns the exit status, 1 if any failed."""
    print_line(console, f"{outcome.finished:,} runs finished, {outcome.saved_before:,} already saved; results in {out}")
    for name, failure in outcome.failed.items():
        named = failure.message.startswith(f"{name}:") or failure.message.startswith(f"{name} ")
        print_problem(failure.message if named else f"{name}: {failure.message}")
    if outcome.failed:
        print_line(errors, f"{len(outcome.failed)} failed; fix the cause and run the same command again.")
        traces = [f.trace for f in outcome.failed.values() if f.trace]
        if traces:
            print_line(errors, f"The first traceback:\n{traces[0]}")
    return 1 if outcome.failed else 0
