"""The project that a request is about, and its label config."""

from __future__ import annotations

from ml_backend.labelstudio.label_config import LabelConfig, UnsupportedLabelConfig, parse
from ml_backend.project_settings import ProjectSettings
from ml_backend.store.records import ProjectRecord
from ml_backend.web.bodies import BadRequest
from ml_backend.web.context import web


def stored_project(project_id: int) -> ProjectRecord:
    """The record of a project that Label Studio has confirmed. Raises BadRequest with status 404 for any other."""
    project = web().store.project(project_id)
    if project is None:
        raise unknown_project(project_id)
    return project


def require_project(project_id: int) -> None:
    """Raise BadRequest with status 404 for a project that Label Studio has not confirmed."""
    if not web().store.project_exists(project_id):
        raise unknown_project(project_id)


def label_config_of(project: ProjectRecord) -> LabelConfig | None:
    """The label config of a project as its settings read it; None for one that is not supported."""
    settings = ProjectSettings.usable(project.settings)
    try:
        return parse(project.label_config, settings.control, settings.text_fields)
    except UnsupportedLabelConfig:
        return None


def unknown_project(project_id: int) -> BadRequest:
    """What a request about a project is refused with that Label Studio has not confirmed."""
    if web().store.candidate(project_id) is not None:
        return BadRequest(
            f"Project {project_id} is not confirmed yet: a worker asks Label Studio whether it has this backend. "
            "Look again in a moment; the worker's log says what is wrong.",
            404,
        )
    return BadRequest(f"Project {project_id} was never connected to this backend.", 404)
