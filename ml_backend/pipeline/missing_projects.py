"""Projects that Label Studio does not show to our key: asked for ever more rarely, and forgotten after a month.

Only what this service has computed is deleted. Labels are in Label Studio, and a project that is connected again is
read again.
"""

from __future__ import annotations

import logging
import time

from ml_backend.pipeline.context import Services
from ml_backend.store.records import ProjectRecord
from ml_backend.store.states import ProjectState

logger = logging.getLogger(__name__)

FIRST_PAUSE_SECONDS = 60.0
LONGEST_PAUSE_SECONDS = 24 * 3600.0
FORGOTTEN_AFTER_SECONDS = 30 * 24 * 3600.0


def handle_missing_project(services: Services, project: ProjectRecord, deleted: bool) -> None:
    """Forget a deleted project, or one that has been missing for 30 days; put off when another one is asked for.

    The key may be wrong: without another project that it shows, none is forgotten for being missing.
    """
    now = time.time()
    since = now if project.missing_since is None else min(project.missing_since, now)
    if deleted:
        logger.info("project %s was deleted in Label Studio; its data is deleted here", project.id)
        _forget(services, project.id)
        return
    if now - since > FORGOTTEN_AFTER_SECONDS and _shows_another(services, project.id):
        logger.warning(
            "project %s: Label Studio has not shown it for %.0f days; its data here is deleted, "
            "and nothing in Label Studio",
            project.id,
            FORGOTTEN_AFTER_SECONDS / 86400,
        )
        _forget(services, project.id)
        return
    problem = (
        f"Label Studio has no project {project.id} for this key. If it was deleted, nothing has to be done; "
        "if not, set LABEL_STUDIO_API_KEY to the token of a user who can open it."
    )
    if project.error != problem:
        logger.error(problem)
    # Each pause is as long as the time so far, so that the pauses double.
    pause = min(LONGEST_PAUSE_SECONDS, max(FIRST_PAUSE_SECONDS, now - since))
    services.store.update_project(
        project.id,
        state=ProjectState.MISSING,
        error=problem,
        phase="project not found",
        missing_since=since,
        check_after=now + pause,
    )


def is_put_off(project: ProjectRecord) -> bool:
    """Whether a missing project is not asked for yet; an event or a person has it asked for at once."""
    pause = 0.0 if project.check_after is None else project.check_after - time.time()
    # A longer pause was written before the clock was set back.
    return project.state == ProjectState.MISSING and 0.0 < pause <= LONGEST_PAUSE_SECONDS


def _forget(services: Services, project_id: int) -> None:
    services.store.forget_project(project_id)
    services.arrays.forget(project_id)


def _shows_another(services: Services, project_id: int) -> bool:
    """Whether the last run of another project opened it with this key."""
    user = services.client.identity()
    return any(
        project.id != project_id and project.seen_by == user and project.missing_since is None
        for project in services.store.projects()
    )
