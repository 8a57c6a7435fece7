"""Commands for what a project has learned: predict, label-copies, export."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.progress import track

from ml_backend.cli.application import app, example
from ml_backend.cli.terminal import (
    WRONG_SETTINGS,
    ProjectId,
    console,
    errors,
    fail,
    failure_printed,
    read_settings,
    say_done,
    work_bar,
)


@app.command(epilog=example("predict 3 --all --csv predictions.csv --above 0.9"))
def predict(
    project: ProjectId,
    every: Annotated[bool, typer.Option("--all", help="Predict all open texts.")] = False,
    csv: Annotated[
        Path | None, typer.Option(help="Write them into this file: task, class, confidence, margin to the second.")
    ] = None,
    to_label_studio: Annotated[
        bool,
        typer.Option(
            "--to-label-studio", help="Write them into Label Studio, under a model version that serves no task."
        ),
    ] = False,
    above: Annotated[float, typer.Option(help="Only those with this confidence or more, from 0 to 1.")] = 0.0,
    texts: Annotated[bool, typer.Option("--texts", help="The file has the texts too.")] = False,
) -> None:
    """Predict all open texts of a project with its newest model, into a CSV file or into Label Studio.

    Without --csv and --to-label-studio: print how many predictions are how sure, and how many of them are expected to
    be wrong. The page Actions of the project does the same in the background.
    """
    if not every:
        fail(
            "say --all to predict all open texts; single texts are predicted by a POST to /predict, and without this "
            "service by an exported model (`python -m ml_backend export`)",
            WRONG_SETTINGS,
        )
    settings = read_settings()
    from ml_backend.commands.argument_checks import check_confidence, check_new_file

    done = []
    with failure_printed(), work_bar() as report:
        check_confidence(above)
        if csv is not None:
            check_new_file(csv)

        from ml_backend.commands import predict as predicting

        if csv is not None:
            done.append(predicting.predict_into_file(settings, project, csv, above, texts, report))
        if to_label_studio:
            done.append(predicting.predict_into_label_studio(settings, project, above, report))
        if not done:
            predicting.print_table(console, predicting.count_predictions(settings, project, report))
    for sentence in done:
        say_done(sentence)


@app.command("label-copies", epilog=example("label-copies 3"))
def label_copies(
    project: ProjectId,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Copy labels to tasks with exactly the same text, as annotations of the user of LABEL_STUDIO_API_KEY."""
    settings = read_settings()
    from ml_backend.commands.label_copies import annotate_copies, counted, find_copies

    with failure_printed():
        copies = find_copies(settings, project)
        for sentence in counted(copies):
            console.print(sentence, highlight=False)
        if not copies.chosen or not (yes or typer.confirm("Copy the labels in Label Studio?")):
            return
        progress = track(annotate_copies(settings, project, copies), "labelling", len(copies.chosen), console=errors)
        labelled = list(progress)
    skipped = f"; labelled or deleted by others meanwhile: {labelled.count(False):,}" if not all(labelled) else ""
    done = labelled.count(True)
    console.print(f"[green]✓[/green] {done:,} {'task' if done == 1 else 'tasks'} labelled{skipped}", highlight=False)


@app.command(epilog=example("export 3 model"))
def export(
    project: ProjectId,
    folder: Annotated[Path, typer.Argument(help="Folder to write; it must not exist yet.")],
    force: Annotated[bool, typer.Option("--force", help="Replace an earlier export.")] = False,
) -> None:
    """Write a folder with a project's newest model and a program that classifies texts, without this service."""
    settings = read_settings()
    from ml_backend.commands.argument_checks import check_export_folder

    with failure_printed():
        check_export_folder(folder, force)

        from ml_backend.commands.export import export_model

        console.print(
            f"[green]✓[/green] {export_model(settings, project, folder, force)}", highlight=False, soft_wrap=True
        )
