"""Predicts all open texts of a project, chunk by chunk, so that a restart goes on where it stopped.

The command `predict` calls the same functions as the jobs.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ml_backend.learning import Head
from ml_backend.learning.head.files import from_bytes
from ml_backend.pipeline.jobs.job import Job
from ml_backend.pipeline.open_predictions import OpenPredictions, open_predictions, threshold_table
from ml_backend.pipeline.prediction_choice import THRESHOLDS, Destination, PredictionChoice
from ml_backend.pipeline.prediction_targets import LabelStudioPredictions, StoredFile, Target, own_version
from ml_backend.store.job_records import JobRecord, file_of_job
from ml_backend.store.learning_records import HeadRecord


def run(job: Job) -> dict[str, Any]:
    """Predict all open texts into a file or into Label Studio; see `predict_open`."""
    given = job.parameters
    choice = PredictionChoice(Destination(given["to"]), given["above"], given["with_texts"])
    record = job.record
    if choice.to == Destination.CSV:
        about = {"name": f"predictions of project {job.project_id}.csv", "type": "text/csv; charset=utf-8"}
        name = file_of_job(record.id)
        target: Target = StoredFile(
            job.store, job.project_id, name, about, job.config.multi_label, with_texts=choice.with_texts
        )
        return predict_open(job, choice, target)
    version = version_of_job(record)
    return predict_open(job, choice, label_studio_target(job, version)) | {"version": version}


def version_of_job(record: JobRecord) -> str:
    """The model version under which a job writes its predictions."""
    return own_version(record.requested_at, f"job {record.id}")


def label_studio_target(job: Job, version: str) -> LabelStudioPredictions:
    """Predictions in Label Studio, under this version, that wait for it while it does not respond."""
    return LabelStudioPredictions(job.services.client, job.project_id, version, job.config, job.wait)


def predict_open(job: Job, choice: PredictionChoice, target: Target) -> dict[str, Any]:
    """Write the predictions that the person chose; returns them counted, as JSON, see `counted`.

    It goes on from the job's checkpoint {"head", "last", "number", "written"}: the version of the head, the last task
    and chunk that were written, and the number of predictions. If that head is kept no longer, it begins anew. Raises
    JobFailed, JobStopped, LabelStudioError, and OSError of a file.
    """
    checkpoint = job.record.checkpoint
    record, head, is_same = _head(job, checkpoint)
    if checkpoint is None or not is_same:
        job.report(0, 0, "reading the texts")
        checkpoint = {"head": record.version, "last": None, "number": 0, "written": 0}
        target.begin()
        again = False
    else:
        again = True  # a chunk may have been written after the checkpoint
    predictions = _predictions(job, record, head)
    total = predictions.count(choice.above)
    number, written, done = checkpoint["number"], checkpoint["written"], _done(predictions, choice, checkpoint["last"])
    for chunk in predictions.chunks(choice.above, checkpoint["last"]):
        number += 1
        written += target.write(number, chunk, again)
        done += len(chunk)
        again = False
        checkpoint = {"head": record.version, "last": chunk[-1].task_id, "number": number, "written": written}
        job.report(done, total, "writing predictions", checkpoint)
    return counted(predictions, record) | {
        "above": choice.above,
        "written": written,
        "wrong": predictions.wrong(choice.above),
    }


def count_open(job: Job) -> dict[str, Any]:
    """How many predictions reach which confidence, see `counted`. Raises JobFailed."""
    job.report(0, 0, "reading the texts")
    record, head = job.head()
    return counted(_predictions(job, record, head), record)


def counted(predictions: OpenPredictions, record: HeadRecord) -> dict[str, Any]:
    """{"head", "labels", "open", "without_vector", "table"}, as JSON.

    open: number of open texts that are predicted; without_vector: of those that are not embedded yet; table: see
    `threshold_table`.
    """
    pool = predictions.pool
    return {
        "head": record.version,
        "labels": record.n_labels,
        "open": len(predictions.rows),
        "without_vector": int(np.count_nonzero(pool.open & ~pool.embedded)),
        "table": threshold_table(predictions, THRESHOLDS),
    }


def _head(job: Job, checkpoint: dict[str, Any] | None) -> tuple[HeadRecord, Head, bool]:
    """The head to predict with, and whether it is the one of the checkpoint."""
    newest = job.head()
    if checkpoint is None or checkpoint["head"] == newest[0].version:
        return *newest, True
    for record in job.store.heads(job.project_id):
        if (record.version, record.classes, record.embedding_model) == (
            checkpoint["head"],
            newest[0].classes,
            job.model,
        ):
            return record, from_bytes(record.blob), True
    return *newest, False


def _predictions(job: Job, record: HeadRecord, head: Head) -> OpenPredictions:
    evaluation = job.store.newest_evaluation(job.project_id)
    body = evaluation.body if evaluation is not None and evaluation.head_version == record.version else None
    return open_predictions(job.pool(), head, record.classes, body)


def _done(predictions: OpenPredictions, choice: PredictionChoice, last: int | None) -> int:
    """Number of predictions before a task, which earlier workers wrote."""
    if last is None:
        return 0
    before = predictions.pool.task_ids[predictions.rows] <= last
    return int((before & (predictions.confidence >= choice.above)).sum())
