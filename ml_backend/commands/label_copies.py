"""Give the label of a text to the other tasks with the very same text, when a person asks for it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

from ml_backend.labelstudio.client import LabelStudio
from ml_backend.labelstudio.label_config import LabelConfig, parse
from ml_backend.labelstudio.labels import labels
from ml_backend.labelstudio.predictions import to_answer
from ml_backend.project_settings import ProjectSettings
from ml_backend.settings import Settings
from ml_backend.store import Store

CHECKED_AT_ONCE = 100


class NotConnected(Exception):
    """The project is not known to this backend; the message lists those that are."""


@dataclass(frozen=True)
class Copies:
    """Tasks that nobody touched whose text has a label.

    chosen: task → classes of its text; disputed: tasks left out, since their text has different labels.
    """

    config: LabelConfig
    chosen: dict[int, tuple[str, ...]]
    disputed: list[int]


def find_copies(settings: Settings, project_id: int) -> Copies:
    """The open copies of labelled texts, by the backend's last look at the project.

    Raises NotConnected, UnsupportedLabelConfig and LabelStudioError.
    """
    with closing(Store(settings.database_url)) as store, closing(_client(settings)) as client:
        store.create()
        project = store.project(project_id)
        if project is None:
            known = ", ".join(str(p.id) for p in store.projects()) or "none"
            raise NotConnected(f"project {project_id} is not connected to this backend; connected: {known}")
        own = ProjectSettings.model_validate(project.settings)
        config = parse(client.project(project_id).label_config, own.control, own.text_fields)
        annotations = store.annotations(project_id)
        text_of = {task_id: text for task_id, text, _ in store.tasks(project_id) if text is not None}
    known_labels = labels(annotations, config).by_task
    touched = {annotation.task_id for annotation in annotations}
    by_text: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    for task_id, chosen in known_labels.items():
        if task_id in text_of:
            by_text[text_of[task_id]].add(chosen)
    copies = {task_id: by_text[text] for task_id, text in text_of.items() if text in by_text and task_id not in touched}
    return Copies(
        config,
        {task_id: next(iter(given)) for task_id, given in copies.items() if len(given) == 1},
        [task_id for task_id, given in copies.items() if len(given) > 1],
    )


def label_copies(settings: Settings, project_id: int, copies: Copies) -> Iterator[bool]:
    """Submit an annotation to each copy; answers for each whether it did, False where somebody was there first.

    Stopped half-way, what was submitted stays, and the rest is found again. Raises LabelStudioError.
    """
    with closing(_client(settings)) as client:
        task_ids = sorted(copies.chosen)
        for start in range(0, len(task_ids), CHECKED_AT_ONCE):
            some = task_ids[start : start + CHECKED_AT_ONCE]
            untouched = {task.id for task in client.tasks_by_id(project_id, some) if not task.annotations}
            for task_id in some:
                if task_id in untouched:
                    _submit(client, project_id, task_id, copies)
                yield task_id in untouched


def _submit(client: LabelStudio, project_id: int, task_id: int, copies: Copies) -> None:
    result = to_answer(copies.chosen[task_id], copies.config)
    body = {"result": result, "was_cancelled": False, "project": project_id}
    client.request("POST", f"api/tasks/{task_id}/annotations/", body=body)


def _client(settings: Settings) -> LabelStudio:
    return LabelStudio(settings.label_studio_url, settings.label_studio_api_key)
