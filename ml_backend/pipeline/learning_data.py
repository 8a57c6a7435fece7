"""The labels and the pool that a run learns from, after tasks are read and texts embedded."""

from __future__ import annotations

from dataclasses import dataclass

from ml_backend.annotation import Annotation
from ml_backend.labelstudio.labels import Labels, labels
from ml_backend.pipeline.context import RunContext
from ml_backend.pipeline.label_changes import Chosen, label_changes
from ml_backend.pipeline.project_pool import ProjectPool, project_pool
from ml_backend.pipeline.queue_size import RECENT_RUNS, Pace, low_watermark, measured_pace
from ml_backend.pipeline.retrain_policy import Situation, settings_changed
from ml_backend.pipeline.select import count_unpublished
from ml_backend.project_settings import ProjectSettings
from ml_backend.store.records import BatchRecord


@dataclass(frozen=True)
class LearningData:
    """The project's pool and labels.

    model: name of the embedding model; usable: task id → classes, of tasks whose text is embedded (other labels count
    as new once their text is embedded); changed: usable labels that were added or changed since the last fit, and None
    for removed ones; first: task id → its first annotation, of tasks that nobody had submitted or skipped at the
    last fit; annotated: ids of all tasks that anybody ever submitted or skipped;
    annotators: number of people who submitted or skipped a task; pace: how fast they do, and how long runs take.
    """

    model: str
    pool: ProjectPool
    labels: Labels
    usable: dict[int, Chosen]
    changed: dict[int, Chosen | None]
    first: dict[int, Annotation]
    annotated: set[int]
    annotators: int
    pace: Pace

    def low_watermark(self, settings: ProjectSettings, batch: BatchRecord | None) -> int:
        """A batch is followed by the next when fewer of its tasks are left than this; 0 without a batch."""
        return 0 if batch is None else low_watermark(settings, self.pace, len(batch.task_ids))

    @property
    def labelled_first(self) -> dict[int, Chosen]:
        """The labels of tasks that nobody had submitted or skipped at the last fit."""
        return {task_id: chosen for task_id, chosen in self.labels.by_task.items() if task_id in self.first}

    @property
    def is_empty(self) -> bool:
        """Whether there is no label, no change of a label, and no task that may be published."""
        return not (self.pool.fresh.any() or self.pool.copies.any() or self.usable or self.changed)


def learning_data(run: RunContext, model: str) -> LearningData:
    """Read the project's arrays and labels."""
    arrays = run.services.arrays.arrays(run.id, model)
    annotations = [annotation for of_task in arrays.annotations.values() for annotation in of_task]
    project_labels = labels(annotations, run.config)
    pool = project_pool(arrays, project_labels, run.config)
    rows = pool.rows(project_labels.by_task)
    usable = {task_id: project_labels.by_task[task_id] for task_id in pool.task_ids[rows[pool.embedded[rows]]].tolist()}
    annotated_before = run.store.annotated_before(run.id)
    new = {task_id: of_task for task_id, of_task in arrays.annotations.items() if task_id not in annotated_before}
    annotators = len({a.annotator for a in annotations if a.annotator is not None})
    runs = run.store.runs(run.id, limit=RECENT_RUNS)
    return LearningData(
        model=model,
        pool=pool,
        labels=project_labels,
        usable=usable,
        changed=label_changes(run.store.label_snapshot(run.id), usable),
        first={task_id: min(of_task, key=lambda a: a.created_at or 0.0) for task_id, of_task in new.items()},
        annotated=annotated_before | new.keys(),
        annotators=annotators,
        pace=measured_pace(annotations, annotators, run.project.members, runs),
    )


def situation(
    run: RunContext, data: LearningData, serving: BatchRecord | None, missing: int, train_requested: bool
) -> Situation:
    """The facts that decide whether to learn.

    serving: the batch that Label Studio serves; missing: number of texts without a vector.
    """
    return Situation(
        settings=run.settings,
        serving=serving is not None,
        changed=len(data.changed),
        remaining=data.pool.count_open(serving),
        low=data.low_watermark(run.settings, serving),
        unpublished=count_unpublished(data.pool, serving),
        missing_vectors=missing,
        settings_changed=settings_changed(run.project.settings_used, run.settings),
        classes_changed=run.project.fingerprint != run.config.fingerprint,
        new_tasks=run.project.newest_task < data.pool.newest_embedded,
        train_requested=train_requested,
    )
