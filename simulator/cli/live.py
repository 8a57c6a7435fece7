"""The command `live`."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from simulator.cli.console import console, errors, fail, print_line
from simulator.data.columns import DEFAULT_LABEL, DEFAULT_TEXT, Columns
from simulator.data.data_error import DataError
from simulator.data.dataset_names import check_dataset


def live(
    project: Annotated[
        int, typer.Option(help="Id of a project that is connected to the backend and has gold labels in its tasks.")
    ],
    out: Annotated[Path, typer.Option(help="Folder for the results, in the format of `run`.")],
    data: Annotated[
        Path, typer.Option(help="File with the test split on which the model is measured after each round.")
    ],
    gold: Annotated[str, typer.Option(help="Field of the task data that holds the gold label.")] = "gold",
    labels: Annotated[int, typer.Option(min=1, help="Number of labels to give.")] = 100,
    key: Annotated[
        list[str] | None,
        typer.Option(help="API key of a user; repeat it for more annotators. \\[default: LABEL_STUDIO_API_KEY]"),
    ] = None,
    noise: Annotated[float, typer.Option(min=0, max=1, help="Share of wrong labels.")] = 0.0,
    skip: Annotated[float, typer.Option(min=0, max=0.9, help="Share of tasks that are skipped.")] = 0.0,
    pause: Annotated[float, typer.Option(min=0, help="Mean time before an annotation, in seconds.")] = 0.0,
    seed: Annotated[int, typer.Option(min=0, help="Seed of wrong labels, skips and pauses.")] = 0,
    wait: Annotated[
        bool,
        typer.Option(
            help="Wait for the next batch after every `retrain_every` labels; needed for a comparison with `run`."
        ),
    ] = True,
    text_column: Annotated[str, typer.Option(help="Name of the column of --data with the text.")] = DEFAULT_TEXT,
    label_column: Annotated[str, typer.Option(help="Name of the column of --data with the label.")] = DEFAULT_LABEL,
) -> None:
    """Label in a running Label Studio with simulated annotators, and measure the model after each round.

    Annotators use the endpoints that the browser uses. LABEL_STUDIO_URL and LABEL_STUDIO_API_KEY name Label Studio and
    its key; BASIC_AUTH_USER and BASIC_AUTH_PASS are sent to a backend that asks for them.
    """
    columns = Columns(text=text_column, label=label_column)
    try:
        check_dataset(data.stem, data)
        columns.check()
    except DataError as problem:
        fail(str(problem))

    # Imported after the checks, since the libraries of arrays and models take seconds to load.
    from ml_backend.labelstudio.client import LabelStudio, LabelStudioError
    from ml_backend.settings import load_settings
    from simulator.data.atomic_files import CannotSave
    from simulator.data.datasets import load
    from simulator.experiment.results import Results
    from simulator.live.annotators import AnnotatorBehaviour
    from simulator.live.replay import LiveFailed, Session, find_backend, run_live

    try:
        settings = load_settings()
        measured_on = load(data.stem, data, columns)
        for note in measured_on.notes:
            print_line(errors, f"{data}: {note}")
        keys = key or [settings.label_studio_api_key or ""]
        auth = (settings.basic_auth_user, settings.basic_auth_pass or "") if settings.basic_auth_user else None
        with closing(LabelStudio(settings.label_studio_url, keys[0])) as client:
            session = Session(
                client=client,
                keys=keys,
                backend=find_backend(client, project, auth),
                gold_field=gold,
                behaviour=AnnotatorBehaviour(noise, skip, pause),
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
