"""The command `live`."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from ml_backend.labelstudio.client import LabelStudio, LabelStudioError
from ml_backend.settings import load_settings
from simulator.cli.console import console, errors, fail, print_line
from simulator.data.atomic_files import CannotSave
from simulator.data.datasets import load
from simulator.data.sources import Columns
from simulator.experiment.results import Results
from simulator.live.annotators import AnnotatorBehaviour
from simulator.live.replay import LiveFailed, Session, find_backend, run_live


def live(
    project: Annotated[int, typer.Option(help="The project, connected to the backend, with gold labels in its tasks.")],
    out: Annotated[Path, typer.Option(help="Folder of the results, in the form that `run` writes.")],
    data: Annotated[Path, typer.Option(help="A file whose test split each round is measured on.")],
    gold: Annotated[str, typer.Option(help="Field of a task's data that holds the gold label.")] = "gold",
    labels: Annotated[int, typer.Option(min=1, help="How many labels to give.")] = 100,
    key: Annotated[
        list[str] | None, typer.Option(help="Key of a user; once per annotator. \\[default: LABEL_STUDIO_API_KEY]")
    ] = None,
    noise: Annotated[float, typer.Option(min=0, max=1, help="Share of wrong answers.")] = 0.0,
    skip: Annotated[float, typer.Option(min=0, max=0.9, help="Share of tasks skipped.")] = 0.0,
    pause: Annotated[float, typer.Option(min=0, help="Mean seconds before an answer.")] = 0.0,
    seed: Annotated[int, typer.Option(min=0, help="Draws noise, skips and pauses.")] = 0,
    wait: Annotated[
        bool, typer.Option(help="Wait for the next batch after `retrain_every` labels, as a measurement has to.")
    ] = True,
    text_column: Annotated[str, typer.Option(help="Column of --data with the text.")] = "text",
    label_column: Annotated[str, typer.Option(help="Column of --data with the label.")] = "label",
) -> None:
    """Simulate annotators in a running Label Studio, through the endpoints of the browser, and measure what they teach.

    Label Studio and its key come from LABEL_STUDIO_URL and LABEL_STUDIO_API_KEY, basic auth of the backend from
    BASIC_AUTH_USER and BASIC_AUTH_PASS.
    """
    behaviour = AnnotatorBehaviour(noise, skip, pause)
    try:
        settings = load_settings()
        measured_on = load(data.stem, data, Columns(text=text_column, label=label_column))
        keys = key or [settings.label_studio_api_key or ""]
        auth = (settings.basic_auth_user, settings.basic_auth_pass or "") if settings.basic_auth_user else None
        with closing(LabelStudio(settings.label_studio_url, keys[0])) as client:
            session = Session(
                client=client,
                keys=keys,
                backend=find_backend(client, project, auth),
                gold_field=gold,
                behaviour=behaviour,
                labels=labels,
                seed=seed,
                wait=wait,
                test=measured_on.test,
                classes=measured_on.classes,
            )
            cell, run = run_live(session, lambda line: print_line(errors, line))
        Results(out).save(cell, run)
        Results(out).merge()
    except (ValueError, CannotSave, LabelStudioError, LiveFailed) as problem:
        fail(str(problem))
    print_line(console, f"{cell}: {len(run.cycles)} rounds; results in {out}")
