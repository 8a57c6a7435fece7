"""Copy the label of a text to other tasks with exactly the same text."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from ml_backend.labelstudio.client import LabelStudio
from ml_backend.labelstudio.label_config import LabelConfig
from ml_backend.labelstudio.labels import labels
from ml_backend.labelstudio.predictions import annotation_result
from ml_backend.store import Store

CHECKED_AT_ONCE = 100


@dataclass(frozen=True)
class Copies:
    """Tasks without an annotation whose text is labelled in another task.

    chosen: task id → classes of its text; disputed: ids of tasks whose text has different labels, which are left out.
    """

    config: LabelConfig
    chosen: dict[int, tuple[str, ...]]
    disputed: list[int]


def counted(copies: Copies) -> Iterator[str]:
    """How many tasks would be labelled and how many are left out, as sentences."""
    n = len(copies.chosen)
    yield f"{n:,} open {'task has' if n == 1 else 'tasks have'} the same text as a labelled one"
    n = len(copies.disputed)
    if n:
        yield f"{n:,} more {'is left out: its' if n == 1 else 'are left out: their'} text has different labels"


def find_copies(store: Store, project_id: int, config: LabelConfig) -> Copies:
    """Find the open copies of labelled texts, among the tasks in the database."""
    annotations = store.annotations(project_id)
    text_of = {task_id: text for task_id, text, _ in store.tasks(project_id) if text is not None}
    annotated = {annotation.task_id for annotation in annotations}
    by_text: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    for task_id, classes in labels(annotations, config).by_task.items():
        if task_id in text_of:
            by_text[text_of[task_id]].add(classes)
    copies = {task: by_text[text] for task, text in text_of.items() if text in by_text and task not in annotated}
    return Copies(
        config,
        {task_id: next(iter(different)) for task_id, different in copies.items() if len(different) == 1},
        [task_id for task_id, different in copies.items() if len(different) > 1],
    )


def annotate_copies(client: LabelStudio, project_id: int, copies: Copies) -> Iterator[bool]:
    """Submit an annotation for each copy; yields True for each, or False if somebody annotated the task first.

    If it is interrupted, submitted annotations stay, and the next call finds the other copies. Raises LabelStudioError.
    """
    task_ids = sorted(copies.chosen)
    for start in range(0, len(task_ids), CHECKED_AT_ONCE):
        chunk = task_ids[start : start + CHECKED_AT_ONCE]
        still_open = {task.id for task in client.tasks_by_id(project_id, chunk) if not task.annotations}
        for task_id in chunk:
            if task_id in still_open:
                client.annotate(project_id, task_id, annotation_result(copies.chosen[task_id], copies.config))
            yield task_id in still_open
