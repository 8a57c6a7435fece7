"""How many people can label in a project, known before they do, so that the first batch lasts for all of them."""

from __future__ import annotations

import logging
from dataclasses import replace

from ml_backend.labelstudio.client import ProjectGone, RequestRefused, Unauthorized
from ml_backend.pipeline.attachment import ENTRY_REASONS
from ml_backend.pipeline.context import RunContext

logger = logging.getLogger(__name__)


def refresh_members(run: RunContext) -> None:
    """Store the number of members that Label Studio lists, in runs that read the project's ML backends too.

    Raises LabelStudioUnavailable.
    """
    if not ENTRY_REASONS & set(run.reasons):
        return
    try:
        members = run.client.member_count()
    except (RequestRefused, ProjectGone, Unauthorized) as problem:
        # A user may be allowed to label without seeing who else is.
        logger.debug("project %s: the members cannot be counted: %s", run.id, problem)
        return
    if members != run.project.members:
        run.store.update_project(run.id, members=members)
        run.project = replace(run.project, members=members)
