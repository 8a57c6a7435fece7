"""Predict all open texts of a project, in this process, as the jobs of the page do."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from ml_backend.commands.argument_checks import check_confidence, check_new_file
from ml_backend.commands.failure import CommandFailed, connected_project, errors_as_command_failed
from ml_backend.learning.embedding.names import ModelNotAvailable
from ml_backend.pipeline.jobs.job import Job, JobFailed
from ml_backend.pipeline.jobs.predict_all import count_open, label_studio_target, predict_open
from ml_backend.pipeline.prediction_choice import Destination, PredictionChoice
from ml_backend.pipeline.prediction_targets import LocalFile, Target, own_version
from ml_backend.pipeline.prediction_words import above_words, kept_sentence, wrong_words
from ml_backend.settings import Settings
from ml_backend.store.job_records import JobRecord
from ml_backend.store.states import JobState
from ml_backend.worker.process import services_of

Report = Callable[[int, int, str], None]
"""Called with how much is done, of how much, and what is being done."""


def count_predictions(settings: Settings, project_id: int, report: Report) -> dict[str, Any]:
    """How many predictions reach which confidence, see `count_open`. Raises CommandFailed."""
    with _job(settings, project_id, report) as job:
        return count_open(job)


def predict_into_file(
    settings: Settings, project_id: int, path: Path, above: float, with_texts: bool, report: Report
) -> str:
    """Write the predictions into a CSV file that does not exist; returns a sentence about them. Raises CommandFailed.

    above: the least confidence, in 0..1.
    """
    check_new_file(path)
    with _job(settings, project_id, report) as job:
        choice = PredictionChoice(Destination.CSV, check_confidence(above), with_texts)
        target = LocalFile(job.store, project_id, path, job.config.multi_label, with_texts=with_texts)
        return f"{path}: {_predicted(job, choice, target)}"


def predict_into_label_studio(settings: Settings, project_id: int, above: float, report: Report) -> str:
    """Write the predictions into Label Studio; returns a sentence about them. above: see `predict_into_file`.

    What was written stays if it is interrupted; the page removes it. Raises CommandFailed.
    """
    with _job(settings, project_id, report) as job:
        choice = PredictionChoice(Destination.LABEL_STUDIO, check_confidence(above))
        version = own_version(job.record.requested_at, f"command {time.time_ns() % 10**6}")
        return f'model version "{version}": {_predicted(job, choice, label_studio_target(job, version))}'


def print_table(console: Console, counted: dict[str, Any]) -> None:
    """Print how many predictions reach which confidence, and how many of them are expected to be wrong."""
    table = Table()
    table.add_column("confidence")
    for name in ("predictions", "expected to be wrong"):
        table.add_column(name, justify="right")
    for row in counted["table"]:
        if row["kept"]:
            table.add_row(above_words(row["above"]), f"{row['kept']:,}", wrong_words(row["wrong"]))
    console.print(table)


def _predicted(job: Job, choice: PredictionChoice, target: Target) -> str:
    return kept_sentence(predict_open(job, choice, target))


@contextmanager
def _job(settings: Settings, project_id: int, report: Report) -> Iterator[Job]:
    """A job that this process does itself, whose errors are raised as CommandFailed."""
    with errors_as_command_failed():
        services = services_of(settings)
        try:
            connected_project(services.store, project_id)
            record = JobRecord(0, project_id, "predict_all", {}, "the command line", JobState.RUNNING, time.time())

            def keep(done: int, total: int, phase: str, _checkpoint: dict[str, Any] | None) -> bool:
                report(done, total, phase)
                return True

            yield Job(record, services, keep)
        except (JobFailed, ModelNotAvailable) as problem:
            raise CommandFailed(str(problem)) from None
        except OSError as problem:
            raise CommandFailed(f"{problem.filename} cannot be written: {problem.strerror}") from None
        finally:
            services.client.close()
            services.store.close()
