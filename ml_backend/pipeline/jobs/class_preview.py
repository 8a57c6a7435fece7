"""What a model makes of each class among the texts that nobody has labelled, also with descriptions not saved yet."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning import Head
from ml_backend.learning.cycle import Cycle
from ml_backend.learning.embedding.class_texts import encode_class_texts
from ml_backend.learning.head.class_prior import class_prior
from ml_backend.pipeline.class_names import texts_of_classes
from ml_backend.pipeline.job_kinds import CLASS_PREVIEW_FILE
from ml_backend.pipeline.jobs.job import Job, JobFailed
from ml_backend.pipeline.likely_classes import MULTI_LABEL_THRESHOLD
from ml_backend.pipeline.probability_blocks import probability_blocks
from ml_backend.pipeline.project_pool import ProjectPool

LIKELIEST_TEXTS = 3


def run(job: Job) -> dict[str, Any]:
    """Share of the open texts that are predicted as each class, and the open tasks that are likeliest of it.

    Returns {"head", "texts", "classes": {class: {"share", "likeliest": [[task id, probability], ...]}}}; head: version
    of the newest head, which the preview without other descriptions is of, and is kept for; texts: number of different
    open texts. Raises JobFailed.
    """
    pool = job.pool()
    descriptions = job.parameters["descriptions"]
    version = None
    if descriptions is None:
        record, head = job.head()
        version = record.version
    else:
        head = head_with(job, pool, descriptions)
    found = {"head": version, **preview(job, pool, head)}
    if version is not None:
        content = json.dumps(found).encode()
        job.store.put_file(job.project_id, CLASS_PREVIEW_FILE, content, {"head": version})
    return found


def head_with(job: Job, pool: ProjectPool, descriptions: dict[str, str]) -> Head:
    """The head that a run would fit to the present labels if the classes had these descriptions.

    Raises JobFailed if it would do without them, and ModelNotAvailable.
    """
    settings = job.settings.model_copy(update={"class_descriptions": descriptions})
    texts = texts_of_classes(settings, job.config)
    if not texts.texts:
        raise JobFailed(texts.why_off)
    vectors = encode_class_texts(job.embedder, texts.texts)
    if vectors.shape[1] != pool.embeddings.shape[1]:
        raise JobFailed("The model gives class names vectors of another length than the texts of this project have.")
    prior = class_prior(vectors, pool.embeddings, pool.first_of_each_text, settings.seed)
    labelled = np.flatnonzero(pool.has_label)
    cycle = Cycle(settings.strategy, settings.initial, settings.batch_size, settings.seed)
    return cycle.fit(pool.embeddings[labelled], pool.labels[labelled], len(job.config.classes), prior)


def preview(job: Job, pool: ProjectPool, head: Head) -> dict[str, Any]:
    """Shares and likeliest tasks by class; see `run`."""
    rows = np.flatnonzero(pool.fresh)
    if not len(rows):
        raise JobFailed("No text without a label is left, so there is nothing to predict.")
    classes = job.config.classes
    predicted = np.zeros(len(classes), dtype=np.int64)
    best = _Likeliest(len(classes))
    for block, probabilities in probability_blocks(head, pool, rows):
        if job.config.multi_label:
            predicted += (probabilities >= MULTI_LABEL_THRESHOLD).sum(axis=0)
        else:
            predicted += np.bincount(probabilities.argmax(axis=1), minlength=len(classes))
        best.add(rows[block], probabilities)
    return {
        "texts": len(rows),
        "classes": {
            name: {
                "share": round(float(predicted[c]) / len(rows), 5),
                "likeliest": [[int(pool.task_ids[row]), round(p, 4)] for row, p in best.of(c)],
            }
            for c, name in enumerate(classes)
        },
    }


class _Likeliest:
    """The rows with the highest probability of each class, of blocks of rows that come one after another."""

    def __init__(self, n_classes: int) -> None:
        self._rows: NDArray[np.int64] = np.empty((0, n_classes), dtype=np.int64)
        self._probabilities: NDArray[np.float32] = np.empty((0, n_classes), dtype=np.float32)

    def add(self, rows: NDArray[np.int64], probabilities: NDArray[np.float32]) -> None:
        """Consider rows (n,) with their probabilities (n, n_classes)."""
        candidates = np.argpartition(-probabilities, min(LIKELIEST_TEXTS, len(rows)) - 1, axis=0)[:LIKELIEST_TEXTS]
        self._rows = np.concatenate([self._rows, rows[candidates]])
        self._probabilities = np.concatenate(
            [self._probabilities, np.take_along_axis(probabilities, candidates, axis=0)]
        )
        order = np.argsort(-self._probabilities, axis=0, kind="stable")[:LIKELIEST_TEXTS]
        self._rows = np.take_along_axis(self._rows, order, axis=0)
        self._probabilities = np.take_along_axis(self._probabilities, order, axis=0)

    def of(self, number: int) -> list[tuple[int, float]]:
        """(row, probability) of the likeliest rows of a class, the likeliest first."""
        return list(zip(self._rows[:, number].tolist(), self._probabilities[:, number].tolist(), strict=True))
