"""Changes of a project's settings by a person."""

from __future__ import annotations

import logging
from typing import Any

from ml_backend.labelstudio.described_classes import check_descriptions
from ml_backend.labelstudio.label_config import UnsupportedLabelConfig, parse
from ml_backend.project_settings import ProjectSettings, SettingsError
from ml_backend.store.states import RunReason
from ml_backend.web.access.people import Person
from ml_backend.web.bodies import BadRequest
from ml_backend.web.context import web
from ml_backend.web.stored_project import stored_project

logger = logging.getLogger(__name__)


def changed_settings(project_id: int, who: Person, changes: dict[str, Any]) -> ProjectSettings:
    """The settings after the changes, which are stored; the next batch is chosen with them.

    changes: name → value, None for the default. Raises BadRequest for an unknown project and for settings that are not
    valid.
    """
    project = stored_project(project_id)
    before = ProjectSettings.usable(project.settings)
    try:
        after = before.merged(changes)
        if project.label_config:
            config = parse(project.label_config, after.control, after.text_fields)
            check_descriptions(config, after, before)
    except (SettingsError, UnsupportedLabelConfig) as problem:
        raise BadRequest(f"The settings of project {project_id} are unchanged: {problem}") from None
    if after != before or before.model_dump(mode="json", exclude_defaults=True) != project.settings:
        context = web()
        context.store.update_project(project_id, settings=after.model_dump(mode="json", exclude_defaults=True))
        context.store.add_setting_change(project_id, who.name, before.changes_to(after))
        context.store.request_run(project_id, RunReason.SETTINGS)
        # Also when a run is requested already: a project that waits for its next try goes on with the new settings.
        context.queue.wake_worker(project_id)
        logger.info("project %s: %s changed settings: %s", project_id, who.name, before.changes_to(after))
    return after
