"""Whether the tasks of a project have the fields that its setting `text_fields` names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ml_backend.labelstudio.client import LabelStudio
from ml_backend.labelstudio.shown_texts import listed
from ml_backend.labelstudio.value_templates import MISSING, lookup

MOST_CHARACTERS_OF_NAMES = 100


@dataclass(frozen=True)
class MissingFields:
    """Fields of the setting that none of the first tasks has.

    sentence: for people, with the fields that those tasks have; in_no_task: whether these tasks are all that the
    project has; otherwise later ones may have the fields.
    """

    sentence: str
    in_no_task: bool


def missing_fields(client: LabelStudio, project_id: int, text_fields: Sequence[str]) -> MissingFields | None:
    """The fields that none of the first page of tasks has; None if each is in one of them, or if there are no tasks.

    A field that only some tasks have is no mistake. Raises LabelStudioError.
    """
    page = next(client.task_pages(project_id))
    data = [task.data for task in page.tasks if task.problem is None]
    names = [field.strip().removeprefix("$") for field in text_fields]
    missing = [name for name in names if all(lookup(of_task, name) is MISSING for of_task in data)]
    present = dict.fromkeys(name for of_task in data for name in of_task)
    if not missing or not present:
        return None
    tasks = "no task" if page.is_last else f"none of the first {len(page.tasks):,} tasks"
    sentence = f"text_fields names {_quoted(missing)}, which {tasks} of project {project_id} has; "
    return MissingFields(f"{sentence}the fields of its tasks are {_quoted(present)}", page.is_last)


def _quoted(names: Iterable[str]) -> str:
    return listed(repr(name[:MOST_CHARACTERS_OF_NAMES]) for name in names)
