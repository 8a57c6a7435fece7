"""Evaluates heads without held-out labels: how often they showed the right class, and how much they still change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

import numpy as np
from numpy.typing import NDArray

from ml_backend.annotation import Annotation
from ml_backend.labelstudio.label_config import LabelConfig
from ml_backend.learning import Head
from ml_backend.learning.evaluation.kappa import LABELS_BETWEEN, WINDOW, kappa, stabilized, stop_set
from ml_backend.learning.head.files import from_bytes
from ml_backend.pipeline.label_arrays import Chosen
from ml_backend.pipeline.likely_classes import MULTI_LABEL_THRESHOLD
from ml_backend.pipeline.project_pool import ProjectPool
from ml_backend.store.learning_records import Agreement, BatchRecord, HeadRecord, StoppingAdvice

NO_HEAD = StoppingAdvice(False, None, "there is no head yet")
NO_LABELS = StoppingAdvice(False, None, "there are no labels yet")


def stored_predictions(
    pool: ProjectPool, rows: NDArray[np.int64], shown: list[list[tuple[str, float]]] | None
) -> list[list[str] | None] | None:
    """The classes that annotators are shown for these rows, None for a row without a vector, and without a head."""
    if shown is None:
        return None
    return [
        [name for name, _ in likely] if embedded else None
        for likely, embedded in zip(shown, pool.embedded[rows], strict=True)
    ]


def agreement(
    labels: Mapping[int, Chosen],
    first: Mapping[int, Annotation],
    batches: Sequence[BatchRecord],
    classes: Sequence[str],
) -> Agreement:
    """How many labels are those that the annotators were shown as predictions.

    labels: task id → its classes, of tasks that are labelled for the first time; first: task id → its first annotation;
    batches: those that were served, newest first; classes: of the label config. A task counts as drawn at random if the
    batch that it was served from drew it, since otherwise a strategy chose it. A strategy chooses hard tasks, so the
    share of right predictions is usually below the accuracy on all tasks; on the random tasks it is unbiased. Labels
    without a prediction of these classes are left out.
    """
    members = [frozenset(batch.task_ids) for batch in batches]
    scores: list[tuple[bool, bool]] = []
    for task_id, chosen in labels.items():
        served = _served_from(
            first[task_id], [b for b, tasks in zip(batches, members, strict=True) if task_id in tasks]
        )
        if served is None or served.predicted is None:
            continue
        shown = served.predicted[served.task_ids.index(task_id)]
        if shown is not None and set(shown) <= set(classes):
            scores.append((set(shown) == set(chosen), task_id in served.random_task_ids))
    return Agreement(
        right=sum(is_right for is_right, _ in scores),
        asked=len(scores),
        random_right=sum(is_right and at_random for is_right, at_random in scores),
        random_asked=sum(at_random for _, at_random in scores),
    )


def _served_from(annotation: Annotation, batches: Sequence[BatchRecord]) -> BatchRecord | None:
    """The batch whose prediction the annotator saw, among those that contain the task, newest first.

    The editor names the prediction that an annotation began with: a task may be opened before a new batch is published
    and be submitted after that. Other programs name none; then it is the newest batch published before the annotation.
    """
    if annotation.shown_version is not None:
        return next((batch for batch in batches if batch.version == annotation.shown_version), None)
    created = annotation.created_at
    if created is None:
        return None
    return next((b for b in batches if b.published_at is not None and b.published_at <= created), None)


@dataclass(frozen=True)
class Comparison:
    """A head compared with an earlier one; the fields are those of `HeadRecord` and `RunRecord`."""

    changes: int = 0
    kappa: float | None = None
    kappas: list[float] = field(default_factory=list)


def compare(
    reference: HeadRecord | None,
    previous: HeadRecord | None,
    head: Head,
    changed: int,
    pool: ProjectPool,
    config: LabelConfig,
    model: str,
    seed: int,
) -> Comparison:
    """Compare the head with the reference, if at least LABELS_BETWEEN labels changed between the two.

    reference: the last head that was compared, or the first; previous: the last head; changed: labels added, changed or
    removed since that; seed: of the sample of open texts. A head of other classes or of another model starts anew, and
    so does the first one with labels, since the one before has nothing but the class names.
    """
    if reference is None or previous is None or not _comparable(reference, config, model):
        return Comparison()
    if not reference.n_labels:
        return Comparison()
    changes = previous.changes + changed
    value = _kappa_of(reference, head, pool, seed) if changes >= LABELS_BETWEEN else None
    if value is None:
        return Comparison(changes, None, previous.kappas)
    return Comparison(0, value, [*previous.kappas, value][-WINDOW:])


def stopping_advice(kappas: Sequence[float], labels: int) -> StoppingAdvice:
    """Advice to stop labelling when heads hardly differ any more.

    kappas: of a head, see `HeadRecord`; labels: number of labels of that head.
    """
    if not labels:
        return NO_LABELS
    return StoppingAdvice(**asdict(stabilized(kappas)))


def _kappa_of(reference: HeadRecord, head: Head, pool: ProjectPool, seed: int) -> float | None:
    """Kappa between the predictions of two heads on a random sample of the open texts, None without open texts."""
    rows = np.flatnonzero(pool.open & pool.embedded)
    if not len(rows):
        return None
    X = pool.embeddings[stop_set(rows, np.random.default_rng(seed))]
    return kappa(_predictions(from_bytes(reference.blob), X), _predictions(head, X))


def _comparable(reference: HeadRecord, config: LabelConfig, model: str) -> bool:
    same_classes = (tuple(reference.classes), reference.multi_label) == (config.classes, config.multi_label)
    return same_classes and reference.embedding_model == model


def _predictions(head: Head, X: NDArray[np.float32]) -> NDArray[np.int64]:
    """X (n, D) float32. Returns (n,) class numbers, or (n, n_classes) of 0 and 1 for a multi-label head."""
    p = head.predict_proba(X)
    return (p >= MULTI_LABEL_THRESHOLD).astype(np.int64) if head.multi_label else p.argmax(axis=1)
