"""The command `advise`."""

from __future__ import annotations

from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Annotated

import typer

from ml_backend.labelstudio.client import LabelStudio, LabelStudioError
from ml_backend.learning import strategies
from ml_backend.learning.defaults import DEFAULT_INITIAL, DEFAULT_STRATEGY
from ml_backend.settings import load_settings
from simulator.advise.advice import BASELINE, LEAST_SEEDS
from simulator.advise.advice import advise as weigh
from simulator.advise.labels_so_far import of_file, of_project
from simulator.advise.replay import Labelled, replay
from simulator.cli.advice_table import show, write_csv
from simulator.cli.arguments import names
from simulator.cli.console import console, errors, fail
from simulator.cli.progress import TerminalProgress
from simulator.data.atomic_files import CannotSave
from simulator.data.embeddings import check_names
from simulator.data.sources import Columns
from simulator.experiment.definition import check_known_methods
from simulator.experiment.strategy_options import StrategyOptions


def advise(
    project: Annotated[int | None, typer.Option(help="A project of Label Studio, by its number.")] = None,
    data: Annotated[Path | None, typer.Option(help="Or a file with the labels, as `run` reads it.")] = None,
    embeddings: Annotated[str, typer.Option(help="What to compare, by comma.")] = "minilm,tfidf",
    strategy_names: Annotated[
        str, typer.Option("--strategies", help="`all`, or by comma; random is always in it.")
    ] = f"random,{DEFAULT_STRATEGY},margin,entropy,badge,typiclust",
    initial_names: Annotated[
        str, typer.Option("--initial", help="Initial pools, by comma.")
    ] = f"random,{DEFAULT_INITIAL}",
    seeds: Annotated[
        int,
        typer.Option(
            min=LEAST_SEEDS,
            help="Splits of the labels into pool and test. More make the advice steadier, but only more labels make it "
            "much surer.",
        ),
    ] = 20,
    subpool: Annotated[
        int | None, typer.Option(min=1, help="Strategies choose among that many texts, drawn at random.")
    ] = None,
    balance: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Strategies rank that many times a batch; those of the classes with the fewest labels are taken.",
        ),
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Worker processes.")] = 1,
    text_column: Annotated[str, typer.Option(help="Column with the text.")] = "text",
    label_column: Annotated[str, typer.Option(help="Column with the label.")] = "label",
    control: Annotated[str | None, typer.Option(help="The control with the label, where there are several.")] = None,
    out: Annotated[Path | None, typer.Option(help="Also write the advice as CSV there.")] = None,
) -> None:
    """Replay strategies and embeddings on the labels so far, and recommend, with how sure that is.

    Give --project (with LABEL_STUDIO_URL and LABEL_STUDIO_API_KEY) or --data. Labels that a strategy chose are not a
    random sample of all texts: the advice is about the kind of texts that were labelled.
    """
    try:
        chosen = strategies.names() if strategy_names == "all" else names(strategy_names)
        chosen = list(dict.fromkeys([BASELINE, *chosen]))
        check_known_methods(chosen, names(initial_names))
        check_names(names(embeddings))
        labelled = _labels_so_far(project, data, Columns(text=text_column, label=label_column, control=control))
        progress = TerminalProgress(errors)
        results = replay(
            labelled,
            names(embeddings),
            chosen,
            names(initial_names),
            seeds,
            jobs,
            lambda items, total: progress.follow("replays", items, total),
            StrategyOptions(subpool, balance),
        )
        advice = weigh(results, labelled.test_to_train())
        show(console, labelled, advice)
        if out is not None:
            write_csv(out, advice)
    except BrokenProcessPool:
        fail("a worker process died, most likely because the memory ran out: give fewer --jobs or --embeddings")
    except (ValueError, CannotSave, LabelStudioError) as problem:
        fail(str(problem))


def _labels_so_far(project: int | None, data: Path | None, columns: Columns) -> Labelled:
    if (project is None) == (data is None):
        raise ValueError("give either --project, a number, or --data, a file")
    if data is not None:
        return of_file(data, columns)

    settings = load_settings()
    client = LabelStudio(settings.label_studio_url, settings.label_studio_api_key)
    try:
        return of_project(client, int(project or 0), columns.control)
    finally:
        client.close()
