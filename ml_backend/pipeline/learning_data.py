"""The labels and the pool that a run learns from, after tasks are read and texts embedded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml_backend.annotation import Annotation
from ml_backend.labelstudio.labels import Labels
from ml_backend.pipeline.context import RunContext
from ml_backend.pipeline.kept_prior import KeptPrior
from ml_backend.pipeline.label_arrays import Chosen, LabelArrays
from ml_backend.pipeline.project_pool import ProjectPool
from ml_backend.pipeline.queue_size import RECENT_RUNS, Pace, low_watermark, measured_pace
from ml_backend.pipeline.requested import are_new, are_withdrawn
from ml_backend.pipeline.retrain_policy import Situation, settings_changed
from ml_backend.project_settings import ProjectSettings
from ml_backend.store.learning_records import BatchRecord


@dataclass(frozen=True)
class LearningData:
    """The project's pool and labels, which belong to the worker's memory: the next run of the project changes them.

    model: name of the embedding model; changed: labels that were added or changed since the last fit, and None for
    removed ones, of tasks whose text is embedded (other labels count as new once their text is embedded); first: task
    id → its first annotation, of tasks that nobody had submitted or skipped at the last fit or before;
    annotators: number of people who submitted or skipped a task; newest_annotation: when the last one was made (Unix
    time by Label Studio's clock), 0 without any; pace: how fast people annotate, and how long runs take; kept_prior:
    the class prior of the last fit, while the vectors stay the same; annotations: task id → all its annotations.
    """

    model: str
    pool: ProjectPool
    label_arrays: LabelArrays
    changed: dict[int, Chosen | None]
    first: dict[int, Annotation]
    annotators: int
    newest_annotation: float
    pace: Pace
    kept_prior: KeptPrior
    annotations: Mapping[int, Sequence[Annotation]]

    @property
    def labels(self) -> Labels:
        """What the project's annotations say."""
        return self.label_arrays.labels

    def low_watermark(self, settings: ProjectSettings, batch: BatchRecord | None) -> int:
        """A batch is followed by the next when fewer of its tasks are left than this; 0 without a batch."""
        return 0 if batch is None else low_watermark(settings, self.pace, len(batch.task_ids))

    @property
    def labelled_first(self) -> dict[int, Chosen]:
        """The labels of tasks that nobody had submitted or skipped at the last fit."""
        return {task_id: self.labels.by_task[task_id] for task_id in self.first if task_id in self.labels.by_task}

    @property
    def is_empty(self) -> bool:
        """Whether there is no label, no change of a label, and no task that may be published."""
        return not (self.pool.fresh.any() or self.pool.copies.any() or self.pool.labeled or self.changed)


def learning_data(run: RunContext, model: str) -> LearningData:
    """Bring the project's arrays and labels up to date."""
    tasks, pool = run.services.arrays.pool(run.id, model, run.config)
    label_arrays = tasks.labels(run.config)
    first = {task_id: tasks.annotations[task_id] for task_id in label_arrays.annotated_first()}
    annotators, runs = len(tasks.annotators), run.store.runs(run.id, limit=RECENT_RUNS)
    moments = tasks.annotators.moments
    return LearningData(
        model=model,
        pool=pool,
        label_arrays=label_arrays,
        changed=label_arrays.changes(tasks.embedded),
        first={task_id: min(of_task, key=lambda a: a.created_at or 0.0) for task_id, of_task in first.items()},
        annotators=annotators,
        newest_annotation=moments[-1][0] if moments else 0.0,
        pace=measured_pace(moments, annotators, run.project.members, runs),
        kept_prior=tasks.kept_prior,
        annotations=tasks.annotations,
    )


def situation(
    run: RunContext,
    data: LearningData,
    serving: BatchRecord | None,
    work_left: bool,
    train_requested: bool,
    class_texts_changed: bool,
    requested: NDArray[np.int64],
) -> Situation:
    """The facts that decide whether to learn.

    serving: the batch that Label Studio serves; work_left: tasks are left to read or texts to embed;
    class_texts_changed: since the last fit; requested: (n,) int64, open rows of the pool that people asked for.
    """
    return Situation(
        settings=run.settings,
        serving=serving is not None,
        changed=len(data.changed),
        remaining=data.pool.count_open(serving),
        low=data.low_watermark(run.settings, serving),
        unpublished=data.pool.count_unpublished(serving),
        work_left=work_left,
        settings_changed=settings_changed(run.project.settings_used, run.settings),
        classes_changed=run.project.fingerprint != run.config.fingerprint,
        class_texts_changed=class_texts_changed,
        new_tasks=run.project.newest_task < data.pool.newest_embedded,
        train_requested=train_requested,
        tasks_requested=are_new(requested, data.pool, serving),
        tasks_withdrawn=are_withdrawn(requested, data.pool, serving),
    )
