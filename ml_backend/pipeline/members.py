"""Who can label in a project: how many people, so that the first batch lasts for all of them, and their names."""

from __future__ import annotations

import logging
import time
from dataclasses import replace

from ml_backend.labelstudio.client import ProjectGone, RequestRefused, Unauthorized
from ml_backend.pipeline.attachment import ENTRY_REASONS
from ml_backend.pipeline.context import RunContext

logger = logging.getLogger(__name__)

NAMES_KEPT_SECONDS = 3600.0
"""Names are read again when they are older than this, or when the number of members has changed."""


def refresh_members(run: RunContext) -> None:
    """Store the number and the names of members that Label Studio lists, in runs that read its ML backends too.

    Raises LabelStudioUnavailable.
    """
    if not ENTRY_REASONS & set(run.reasons):
        return
    try:
        members = run.client.member_count()
        has_changed = members != run.project.members
        if has_changed or time.time() - run.store.people_seen_at() > NAMES_KEPT_SECONDS:
            run.store.put_people(run.client.member_names())
    except (RequestRefused, ProjectGone, Unauthorized) as problem:
        # A user may be allowed to label without seeing who else is.
        logger.debug("project %s: the members cannot be listed: %s", run.id, problem)
        return
    if has_changed:
        run.store.update_project(run.id, members=members)
        run.project = replace(run.project, members=members)
