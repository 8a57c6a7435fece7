"""Copy the label of a text to other tasks with exactly the same text."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

from ml_backend.commands.failure import connected_project, errors_as_command_failed
from ml_backend.labelstudio.client import LabelStudio
from ml_backend.labelstudio.label_config import parse
from ml_backend.pipeline import label_copies
from ml_backend.pipeline.label_copies import Copies, counted
from ml_backend.project_settings import ProjectSettings
from ml_backend.settings import Settings
from ml_backend.store import Store

__all__ = ["annotate_copies", "counted", "find_copies"]


def find_copies(settings: Settings, project_id: int) -> Copies:
    """Find the open copies of labelled texts, by the label config that Label Studio has now.

    Raises NotConnected, and CommandFailed for errors of Label Studio or its label config.
    """
    with (
        errors_as_command_failed(),
        closing(Store(settings.database_url)) as store,
        closing(LabelStudio.of(settings)) as client,
    ):
        store.create()
        chosen = ProjectSettings.usable(connected_project(store, project_id).settings)
        label_config = client.project(project_id).label_config
        return label_copies.find_copies(store, project_id, parse(label_config, chosen.control, chosen.text_fields))


def annotate_copies(settings: Settings, project_id: int, copies: Copies) -> Iterator[bool]:
    """See `pipeline.label_copies.annotate_copies`. Raises CommandFailed."""
    with errors_as_command_failed(), closing(LabelStudio.of(settings)) as client:
        yield from label_copies.annotate_copies(client, project_id, copies)
