"""What is exported of a project: its newest head, and what is known about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ml_backend.labelstudio.label_config import LabelConfig, UnsupportedLabelConfig, parse
from ml_backend.pipeline.export.errors import ExportFailed, NothingToExport
from ml_backend.project_settings import ProjectSettings
from ml_backend.store import Store
from ml_backend.store.learning_records import HeadRecord, RunRecord
from ml_backend.store.records import ProjectRecord


@dataclass(frozen=True)
class ExportedProject:
    """A project with its newest head.

    settings and config: those the head was fitted with; runs: oldest first; tasks: number of tasks; evaluation: of this
    head, as it is stored, None before it is evaluated.
    """

    project: ProjectRecord
    config: LabelConfig
    settings: ProjectSettings
    head: HeadRecord
    runs: Sequence[RunRecord]
    tasks: int
    evaluation: dict[str, Any] | None

    @property
    def title(self) -> str:
        """The project's title, or its number if it has none."""
        return self.project.title.strip() or f"Project {self.project.id}"

    @property
    def fields(self) -> tuple[str, ...]:
        """The columns of which a text is made, in the order of the texts that the annotator sees."""
        return tuple(dict.fromkeys(column(name) for name in self.config.fields))

    @property
    def class_texts(self) -> list[str]:
        """A description or the name of each class that the head was made from; empty if from labels only."""
        known = self.project.class_names
        return [] if self.head.class_prior is None or known is None else list(known.texts)

    @property
    def shows_markup(self) -> bool:
        """Whether one of the texts is HTML."""
        return any(text.tag == "hypertext" for text in self.config.texts)


def column(field: str) -> str:
    """The name of a field as a column: a dot after a variable, as in "by $author.", is read as part of its name."""
    return field.rstrip(".")


def read_project(store: Store, project: ProjectRecord) -> ExportedProject:
    """What the database has about the project and its newest head.

    Raises NothingToExport, and ExportFailed for a label config that cannot be used.
    """
    head, runs = store.current_head(project.id), store.runs(project.id)
    if head is None:
        raise NothingToExport(
            f"project {project.id} has no head yet: label tasks of at least two classes, or "
            "describe the classes with the setting `class_descriptions`"
        )
    chosen = ProjectSettings.usable(project.settings_used or project.settings)
    try:
        config = parse(project.label_config, chosen.control, chosen.text_fields)
    except UnsupportedLabelConfig as problem:
        raise ExportFailed(str(problem)) from None
    tasks, evaluation = store.task_count(project.id), store.newest_evaluation(project.id)
    of_head = evaluation.body if evaluation is not None and evaluation.head_version == head.version else None
    return ExportedProject(project, config, chosen, head, runs, tasks, of_head)
