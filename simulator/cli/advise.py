"""The command `advise`."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ml_backend.labelstudio.errors import LabelStudioError
from ml_backend.learning.defaults import DEFAULT_INITIAL, DEFAULT_STRATEGY
from simulator.advise.combination import Combination
from simulator.advise.current import CurrentSettings
from simulator.advise.limits import LEAST_SEEDS
from simulator.cli.arguments import (
    BALANCE_HELP,
    CLASS_DESCRIPTIONS_HELP,
    FORMATS_HELP,
    LABEL_COLUMN_HELP,
    LABEL_CONFIG_HELP,
    SUBPOOL_HELP,
    TEXT_COLUMN_HELP,
    heads_of,
    read_label_config,
    some_names,
    strategies_of,
    strategy_files_of,
)
from simulator.cli.console import console, errors, fail
from simulator.cli.progress import TerminalProgress
from simulator.data.atomic_files import CannotSave
from simulator.data.class_descriptions import NO_DESCRIPTIONS, ClassDescriptions, read_descriptions
from simulator.data.columns import DEFAULT_LABEL, DEFAULT_TEXT, Columns
from simulator.data.command_options import with_options
from simulator.data.dataset_names import check_dataset
from simulator.data.embedding_names import check_names
from simulator.experiment.definition import check_known_methods
from simulator.experiment.grid import HeadKind
from simulator.experiment.strategy_options import StrategyOptions

if TYPE_CHECKING:
    from simulator.advise.replay import Labelled

LABELS, COMPARED, MACHINE, PRINTED = "The labels so far", "What to compare", "Where to run", "What is written"


def advise(
    project: Annotated[int | None, typer.Option(help="Id of a Label Studio project.", rich_help_panel=LABELS)] = None,
    data: Annotated[
        Path | None,
        typer.Option(help=f"Instead of --project: a file with the labels. {FORMATS_HELP}", rich_help_panel=LABELS),
    ] = None,
    embeddings: Annotated[
        str, typer.Option(help="Embeddings to compare, separated by commas.", rich_help_panel=COMPARED)
    ] = "minilm,tfidf",
    strategy_names: Annotated[
        str,
        typer.Option(
            "--strategies",
            help=f"`all`, or names separated by commas; random and the one in use ({DEFAULT_STRATEGY}, or that of "
            "--current) are always included.",
            rich_help_panel=COMPARED,
        ),
    ] = f"random,{DEFAULT_STRATEGY},margin,entropy,badge,typiclust",
    initial_names: Annotated[
        str,
        typer.Option("--initial", help="Methods for the initial pool, separated by commas.", rich_help_panel=COMPARED),
    ] = f"random,{DEFAULT_INITIAL}",
    heads: Annotated[
        str,
        typer.Option(
            help="Heads to compare: `plain` learns from labels only, `named` knows what the classes are called too. If "
            "the names say nothing, only `plain` is tried.",
            rich_help_panel=COMPARED,
        ),
    ] = ",".join(HeadKind),
    class_descriptions: Annotated[
        str | None, typer.Option(help=CLASS_DESCRIPTIONS_HELP, rich_help_panel=COMPARED)
    ] = None,
    current: Annotated[
        list[str] | None,
        typer.Option(
            help="A setting that the project has today, if it is not the default: strategy, initial, embedding_model "
            "or class_names, such as strategy=margin; may be repeated. What is in use is kept unless something is "
            "clearly better.",
            rich_help_panel=COMPARED,
        ),
    ] = None,
    seeds: Annotated[
        int,
        typer.Option(
            min=LEAST_SEEDS,
            help="Number of random splits of the labels into pool and test set. More splits narrow the intervals a "
            "little; only more labels narrow them a lot.",
            rich_help_panel=COMPARED,
        ),
    ] = 20,
    subpool: Annotated[int | None, typer.Option(min=1, help=SUBPOOL_HELP, rich_help_panel=COMPARED)] = None,
    balance: Annotated[int | None, typer.Option(min=1, help=BALANCE_HELP, rich_help_panel=COMPARED)] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Worker processes.", rich_help_panel=MACHINE)] = 1,
    text_column: Annotated[str, typer.Option(help=TEXT_COLUMN_HELP, rich_help_panel=LABELS)] = DEFAULT_TEXT,
    label_column: Annotated[
        str, typer.Option(help=f"For --data only. {LABEL_COLUMN_HELP}", rich_help_panel=LABELS)
    ] = DEFAULT_LABEL,
    control: Annotated[
        str | None,
        typer.Option(help="Name of the control that holds the label, if there are several.", rich_help_panel=LABELS),
    ] = None,
    label_config: Annotated[
        Path | None, typer.Option(help=f"For --data only. {LABEL_CONFIG_HELP}", rich_help_panel=LABELS)
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Also write the advice to this file, as CSV.", rich_help_panel=PRINTED)
    ] = None,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json",
            help="For other programs: write JSON lines to standard output instead of the table. Each holds a `note`, "
            "how far the simulation has come (`done`, `total`), or at the end the `advice`.",
            rich_help_panel=PRINTED,
        ),
    ] = False,
) -> None:
    """Compare strategies and embeddings by simulation on the labels given so far, and say whether to change something.

    Give --project (with LABEL_STUDIO_URL and LABEL_STUDIO_API_KEY) or --data. The advice begins with a command to
    paste, and says how certain it is. Texts that a strategy chose for labelling are not a random sample: the advice is
    about texts like those already labelled.
    """
    try:
        in_use = CurrentSettings.parsed(current or [])
        chosen = in_use.strategies(strategies_of(strategy_names))
        initials = in_use.initials(some_names("--initial", initial_names))
        chosen_embeddings = in_use.embeddings(some_names("--embeddings", embeddings))
        chosen_heads = in_use.heads(heads_of(heads))
        for file in strategy_files_of(strategy_names).values():
            raise ValueError(
                f"a project cannot use {file.path} as it is: compare it by `run`, and install it as a package to have "
                "it in projects and in their advice"
            )
        check_known_methods(chosen, initials)
        check_names(chosen_embeddings)
        columns = Columns(
            text=text_column,
            label=label_column,
            control=control,
            label_config=read_label_config(label_config, control, text_column),
        )
        _check_source(project, data, columns)
        descriptions = read_descriptions(class_descriptions) if class_descriptions else NO_DESCRIPTIONS

        # Imported after the checks, since the libraries of arrays and models take seconds to load.
        from simulator.advise.advice import compare
        from simulator.advise.recommendation import recommend
        from simulator.advise.replay import replay
        from simulator.analysis.comparisons import BASELINE
        from simulator.cli.advice_json import JsonLines
        from simulator.cli.advice_table import show, write_csv

        lines = JsonLines()
        progress = lines if as_json else TerminalProgress(errors)
        labelled = _labels_so_far(project, data, columns, descriptions)
        notes_on_current = in_use.not_compared(chosen_embeddings, initials, chosen_heads)
        for note in [*labelled.notes, *_notes_on_heads(labelled, chosen_embeddings, chosen_heads), *notes_on_current]:
            progress.say(note)
        results = replay(
            labelled,
            chosen_embeddings,
            list(dict.fromkeys([BASELINE, *chosen])),
            initials,
            seeds,
            jobs,
            lambda items, total: progress.follow("simulated runs", items, total),
            StrategyOptions(subpool, balance),
            chosen_heads,
            progress.count,
        )
        tried = [Combination(*row) for row in results[[*Combination._fields]].drop_duplicates().to_numpy()]
        compared = compare(results, in_use.among(tried), labelled.test_to_train())
        recommendation = recommend(compared, bool(labelled.class_texts.texts))
        if as_json:
            lines.write_advice(labelled, compared, recommendation, project)
        else:
            show(console, labelled, compared, recommendation, project)
        if out is not None:
            write_csv(out, compared)
    except BrokenProcessPool:
        fail("a worker process died, most likely because memory ran out: use fewer --jobs or --embeddings")
    except (ValueError, CannotSave, LabelStudioError) as problem:
        fail(str(problem))


def _notes_on_heads(labelled: Labelled, embeddings: Sequence[str], heads: Sequence[HeadKind]) -> list[str]:
    """Why a head that was asked for is not tried."""
    if HeadKind.NAMED not in heads:
        return []
    if not labelled.class_texts.texts:
        return [f"{with_options(labelled.class_texts.why_off)} Only the head `plain` is tried."]

    from simulator.advise.replay import usable_heads

    without = [name for name in embeddings if HeadKind.NAMED not in usable_heads(labelled, name, heads)]
    return [
        f"{name} is a file of vectors, in which class names have none: only the head `plain` is tried with it."
        for name in without
    ]


def _check_source(project: int | None, data: Path | None, columns: Columns) -> None:
    """Raise ValueError unless there is one source of labels, with options that it takes."""
    if (project is None) == (data is None):
        both = "not both" if project is not None else "from which the labels are read"
        raise ValueError(f"give either --project (a number) or --data (a file), {both}")
    if data is not None:
        check_dataset(data.stem, data)
        columns.check()
    elif columns.label != DEFAULT_LABEL or columns.label_config is not None:
        raise ValueError("--label-column and --label-config are for --data: a project has its own label config")


def _labels_so_far(
    project: int | None, data: Path | None, columns: Columns, descriptions: ClassDescriptions
) -> Labelled:
    """The labels of a file or a project. Raises DataError, SettingsError and LabelStudioError."""
    if data is not None:
        from simulator.advise.labels_so_far import of_file

        return of_file(data, columns, descriptions)

    from ml_backend.labelstudio.client import LabelStudio
    from ml_backend.settings import load_settings

    client = LabelStudio.of(load_settings())
    try:
        from simulator.advise.labels_so_far import of_project

        return of_project(client, int(project or 0), columns, descriptions)
    finally:
        client.close()
