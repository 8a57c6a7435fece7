"""Gives the open tasks of a group one label through Label Studio's API, and takes it back.

The checkpoint of a job says which annotations it made, and of which task it may have made one when it was interrupted,
so that all of them, and no others, can be taken back.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from ml_backend.annotation import Annotation
from ml_backend.labelstudio.client import RequestRefused
from ml_backend.labelstudio.json_values import parsed_id
from ml_backend.labelstudio.label_config import UnsupportedLabelConfig, parse
from ml_backend.labelstudio.predictions import annotation_result
from ml_backend.pipeline.jobs.job import Job, JobFailed

CHECKED_AT_ONCE = 5
"""Tasks that are looked at together, right before they get their label: somebody may have answered one meanwhile."""


def run(job: Job) -> dict[str, Any]:
    """{"labelled", "left_out"}: numbers of tasks; those that somebody answered meanwhile, or deleted, are left out.

    Parameters: see `parse_label_group`. Raises JobFailed, JobStopped and LabelStudioError.
    """
    tasks, name = job.parameters["tasks"], job.parameters["class"]
    result = _result(job, name)
    made = _made(job, job.record.checkpoint, result)
    for start in range(0, len(tasks), CHECKED_AT_ONCE):
        chunk = tasks[start : start + CHECKED_AT_ONCE]
        found = job.services.client.tasks_by_id(job.project_id, chunk)
        still_open = {task.id for task in found if not task.annotations}
        for place, task in enumerate(chunk, start=start):
            begun = task if task in still_open else None
            checkpoint = {"made": list(made.items()), "next": begun, "result": result}
            job.report(place, len(tasks), f"giving {len(tasks):,} tasks the label {name!r}", checkpoint)
            if task in still_open:
                annotation = job.services.client.annotate(job.project_id, task, result)
                if annotation is not None:
                    made[task] = annotation
    job.report(len(tasks), len(tasks), "done", {"made": list(made.items()), "next": None, "result": result})
    return {"labelled": len(made), "left_out": len(tasks) - len(made)}


def undo(job: Job) -> dict[str, Any]:
    """{"deleted", "changed", "gone"}: numbers of annotations; changed ones stay, gone ones somebody had deleted.

    Parameters: see `parse_undo`. Raises JobFailed, JobStopped and LabelStudioError.
    """
    labelling = job.store.job(job.project_id, job.parameters["job"])
    if labelling is None or labelling.kind != "label_group":
        raise JobFailed("What is to be undone is not known any more: only the last jobs are kept.")
    if not labelling.has_ended:
        raise JobFailed("The labels are being given at the moment: stop that first.")
    result = (labelling.checkpoint or {}).get("result", [])
    made = _made(job, labelling.checkpoint, result)
    counts, tasks = {"deleted": 0, "changed": 0, "gone": 0}, sorted(made)
    for start in range(0, len(tasks), CHECKED_AT_ONCE):
        chunk = tasks[start : start + CHECKED_AT_ONCE]
        present = _annotations(job, chunk)
        for place, task in enumerate(chunk, start=start):
            job.report(place, len(tasks), f"deleting {len(tasks):,} annotations")
            annotation = present.get(made[task])
            if annotation is None:
                counts["gone"] += 1
            elif _is_unchanged(annotation, result):
                counts["deleted" if _delete(job, annotation) else "gone"] += 1
            else:
                counts["changed"] += 1
    job.report(len(tasks), len(tasks), "done")
    return counts


def _result(job: Job, name: str) -> list[dict[str, Any]]:
    """The result of an annotation with this class, by the label config that Label Studio has now."""
    label_config = job.services.client.project(job.project_id).label_config
    try:
        config = parse(label_config, job.settings.control, job.settings.text_fields)
    except UnsupportedLabelConfig as problem:
        raise JobFailed(str(problem)) from None
    if name not in config.classes:
        raise JobFailed(f"The label config has no class {name[:100]!r} any more; choose another.")
    return annotation_result([name], config)


def _annotations(job: Job, task_ids: Collection[int]) -> dict[int, Annotation]:
    """Annotation id → annotation, of these tasks as they are in Label Studio."""
    tasks = job.services.client.tasks_by_id(job.project_id, list(task_ids))
    return {annotation.annotation_id: annotation for task in tasks for annotation in task.annotations}


def _made(job: Job, checkpoint: dict[str, Any] | None, result: list[dict[str, Any]]) -> dict[int, int]:
    """Task id → id of the annotation that a job made, also the one at which it was interrupted."""
    noted = checkpoint or {}
    made = {int(task): int(annotation) for task, annotation in noted.get("made", [])}
    task = noted.get("next")
    if task is None or task in made:
        return made
    own = parsed_id(job.services.client.whoami().get("id"))
    ours = [a for a in _annotations(job, [task]).values() if a.annotator == own and _is_unchanged(a, result)]
    return made | ({task: ours[0].annotation_id} if ours else {})


def _is_unchanged(annotation: Annotation, result: list[dict[str, Any]]) -> bool:
    return annotation.result == result and not annotation.cancelled


def _delete(job: Job, annotation: Annotation) -> bool:
    """Delete an annotation; returns False if it was gone already."""
    try:
        job.services.client.delete_annotation(annotation.annotation_id)
    except RequestRefused:
        if annotation.annotation_id in _annotations(job, [annotation.task_id]):
            raise
        return False
    return True
