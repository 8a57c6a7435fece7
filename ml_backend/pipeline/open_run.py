"""Starts a run if the project exists, has its backend in Label Studio, and has a supported label config."""

from __future__ import annotations

import logging
import time

from ml_backend.labelstudio.client import ProjectGone
from ml_backend.labelstudio.label_config import UnsupportedLabelConfig, parse
from ml_backend.pipeline.attachment import update_attachment
from ml_backend.pipeline.context import RunContext, Services
from ml_backend.pipeline.missing_projects import handle_missing_project
from ml_backend.project_settings import ProjectSettings
from ml_backend.store.states import ProjectState, RunReason

logger = logging.getLogger(__name__)


def open_run(services: Services, project_id: int, reasons: list[RunReason]) -> RunContext | None:
    """Returns the context of the run, or None if it cannot start; the project's state then tells why.

    reasons: why the run was requested. Raises LabelStudioUnavailable and Unauthorized.
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
        deletion_reported = any(event.action == "PROJECT_DELETED" for event in events)
        # A project's own webhook does not report its deletion. A user who could open the project before and cannot open
        # it now shows that it was deleted.
        same_user = services.client.identity(again=True) == project.seen_by
        handle_missing_project(services, project, deleted=deletion_reported or same_user)
        return None
    if project.seen_by != services.client.identity():
        store.update_project(project_id, seen_by=services.client.identity())
    if project.missing_since is not None:
        store.update_project(project_id, missing_since=None, check_after=None)
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
    if info.label_config != project.label_config:
        for note in config.notes:
            logger.info("project %s: %s", project_id, note)
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
