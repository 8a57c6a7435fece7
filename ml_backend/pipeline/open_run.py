"""Whether a run can begin: the project is there, has its backend in Label Studio, and a label config to learn."""

from __future__ import annotations

import logging
import time

from ml_backend.labelstudio.client import ProjectGone
from ml_backend.labelstudio.label_config import UnsupportedLabelConfig, parse
from ml_backend.pipeline.attachment import update_attachment
from ml_backend.pipeline.context import RunContext, Services
from ml_backend.project_settings import ProjectSettings
from ml_backend.store.records import ProjectRecord
from ml_backend.store.states import ProjectState, RunReason

logger = logging.getLogger(__name__)


def open_run(services: Services, project_id: int, reasons: list[RunReason]) -> RunContext | None:
    """What the run works with; None where nothing can be done, with the project's state saying why.

    Raises LabelStudioUnavailable and Unauthorized.
    """
    store = services.store
    started = time.monotonic()
    services.client.take_request_stats()
    project = store.project(project_id)
    if project is None:
        return None
    events = store.events(project_id)
    waited = time.time() - events[0].received_at if events else 0.0
    try:
        info = services.client.project(project_id)
    except ProjectGone:
        reported = any(event.action == "PROJECT_DELETED" for event in events)
        # A project's webhook does not report its deletion. Who could open it before and cannot now shows it as well.
        same_user = services.client.identity(again=True) == project.seen_by
        _project_is_gone(services, project, deleted=reported or same_user)
        return None
    if project.seen_by != services.client.identity():
        store.update_project(project_id, seen_by=services.client.identity())
    project = update_attachment(services, project, info, reasons)
    if project is None:
        return None
    settings = ProjectSettings.of_project(project.settings)
    try:
        config = parse(info.label_config, settings.control, settings.text_fields)
    except UnsupportedLabelConfig as problem:
        store.update_project(
            project_id, state=ProjectState.UNSUPPORTED, error=str(problem), phase="waiting for a label config"
        )
        logger.error("project %s: %s", project_id, problem)
        return None
    store.update_project(project_id, title=info.title, label_config=info.label_config)
    return RunContext(
        services=services,
        project=project,
        info=info,
        settings=settings,
        config=config,
        reasons=reasons,
        events=events,
        seconds={"wait": max(0.0, waited)},
        clock=started,
    )


def _project_is_gone(services: Services, project: ProjectRecord, deleted: bool) -> None:
    """Forget a project that was deleted; one that merely cannot be seen is kept, since the key may be wrong."""
    if deleted:
        logger.info("project %s was deleted in Label Studio; forgetting it", project.id)
        services.store.forget_project(project.id)
        services.arrays.forget(project.id)
        return
    problem = (
        f"Label Studio has no project {project.id} for this key. If it was deleted, nothing is to be done; "
        "if not, give LABEL_STUDIO_API_KEY of a user who can open it."
    )
    if project.error != problem:
        logger.error(problem)
    services.store.update_project(project.id, state=ProjectState.MISSING, error=problem, phase="project not found")
