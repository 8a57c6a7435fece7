"""Write a project's model into a folder."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from ml_backend.commands.failure import CommandFailed, connected_project, errors_as_command_failed
from ml_backend.pipeline.export.errors import ExportFailed
from ml_backend.pipeline.export.write import export_model as write_model
from ml_backend.settings import Settings
from ml_backend.store import Store


def export_model(settings: Settings, project_id: int, folder: Path, force: bool = False) -> str:
    """Write the newest head of a project and a program that classifies texts with it; returns a sentence about them.

    folder: it must not exist, or be empty; with `force` an earlier export is replaced. Raises NotConnected, and
    CommandFailed for a folder, settings or an embedding with which this is not possible.
    """
    try:
        with errors_as_command_failed(), closing(Store(settings.database_url)) as store:
            store.create()
            project = connected_project(store, project_id)
            return write_model(store, project, folder, settings.embedding_trust_remote_code, force)
    except ExportFailed as problem:
        raise CommandFailed(str(problem)) from problem
