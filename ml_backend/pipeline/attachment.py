"""Checks that a project has an ML backend entry in Label Studio; applies its settings and repairs its webhook."""

from __future__ import annotations

import logging
import time
from dataclasses import replace

from ml_backend.labelstudio.client import UNCERTAINTY_SAMPLING, ProjectGone, ProjectInfo, RequestRefused
from ml_backend.labelstudio.connection import (
    BackendEntry,
    ensure_webhook,
    own_entry,
    stored_backends,
)
from ml_backend.labelstudio.webhook_states import WebhookState
from ml_backend.pipeline.context import Services
from ml_backend.pipeline.extra_params import canonical_extra_params, settings_from_extra_params
from ml_backend.pipeline.webhook_state import store_webhook_state
from ml_backend.project_settings import ProjectSettings, SettingsError
from ml_backend.store.records import ProjectRecord
from ml_backend.store.states import ProjectState, RunReason

logger = logging.getLogger(__name__)

ENTRY_REASONS = {RunReason.SETUP, RunReason.EXTRA_PARAMS, RunReason.START, RunReason.EVERY_MINUTE}
"""Run reasons for which the entries are read from Label Studio; runs for new labels or tasks skip that request."""
ENTRY_WAIT_SECONDS = 3.0
"""How long to wait for a missing entry after /setup, since Label Studio calls /setup before it stores the entry."""
EXTRA_PARAMS = "extra params in Label Studio"
"""Who changed settings, in the history: Label Studio does not say which person it was."""
POLL_SECONDS = 0.3


def update_attachment(
    services: Services, project: ProjectRecord, info: ProjectInfo, reasons: list[RunReason]
) -> ProjectRecord | None:
    """Apply the settings of the entry and repair its webhook, if the reasons require it or something seems changed.

    Returns the updated project, or None while it has no entry in Label Studio. Raises LabelStudioUnavailable and
    Unauthorized, since a failed request does not mean that the entry is gone.
    """
    is_attached = project.attached
    if ENTRY_REASONS & set(reasons) or is_attached is None or (is_attached and _seems_changed(services, info)):
        try:
            entries = _wait_for_entries(services, project.id, ENTRY_WAIT_SECONDS if RunReason.SETUP in reasons else 0.0)
        except (RequestRefused, ProjectGone) as problem:
            logger.warning(
                "project %s: its ML backends cannot be listed, so nothing is changed: %s", project.id, problem
            )
        else:
            is_attached = bool(entries)
            project = _apply_entries(services, project, info, entries, reasons)
    if is_attached is False:
        _pause_project(services, project)
        return None
    return project


def _seems_changed(services: Services, info: ProjectInfo) -> bool:
    """Whether sampling or model version were changed by others; the backend may have been removed at the same time."""
    batch = services.store.current_batch(info.id)
    return info.sampling != UNCERTAINTY_SAMPLING or (batch is not None and batch.version != info.model_version)


def _wait_for_entries(services: Services, project_id: int, wait_seconds: float) -> list[BackendEntry]:
    deadline = time.monotonic() + wait_seconds
    while not (entries := stored_backends(services.client, project_id)) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    return entries


def _apply_entries(
    services: Services,
    project: ProjectRecord,
    info: ProjectInfo,
    entries: list[BackendEntry],
    reasons: list[RunReason],
) -> ProjectRecord:
    if not entries:
        if project.attached is not False:
            services.store.update_project(project.id, attached=False)
        return project
    if project.state == ProjectState.DISCONNECTED:
        services.store.update_project(project.id, state=ProjectState.NEW, error=None, phase="connected again")
    entry = own_entry(entries, project.backend_url)
    project = _apply_extra_params(services, project, info.label_config, entries, entry)
    if entry is not None:
        _repair_webhook(
            services, project, entry.url, newly_connected=RunReason.SETUP in reasons or project.attached is False
        )
    _store_entry(services, project, entry.url if entry else None)
    return project


def _pause_project(services: Services, project: ProjectRecord) -> None:
    """Mark the project as disconnected, so that nothing is published until it is connected again."""
    store = services.store
    # These events can be dropped: the first run after a connection compares everything.
    events = store.events(project.id)
    if events:
        store.drop_events(project.id, events[-1].id)
    if project.state != ProjectState.DISCONNECTED:
        problem = (
            f"Project {project.id} has no ML backend in Label Studio (Settings, Model): nothing is published or "
            "changed until it is connected; labels given in the meantime are used then."
        )
        logger.warning(problem)
        store.update_project(
            project.id, state=ProjectState.DISCONNECTED, error=problem, phase="waiting for a connection"
        )


def _apply_extra_params(
    services: Services,
    project: ProjectRecord,
    label_config: str,
    entries: list[BackendEntry],
    entry: BackendEntry | None,
) -> ProjectRecord:
    """Returns the stored project, updated with the extra params of its entry if a person changed them."""
    project = services.store.project(project.id) or project
    settings_problem = None
    try:
        listed_params = [canonical_extra_params(e.extra_params) for e in entries if e.extra_params is not None]
        if listed_params != project.extra_params_seen:
            services.store.update_project(project.id, extra_params_seen=listed_params)
        # The config that Label Studio has now: a class may have been added and described at the same time.
        now = replace(project, label_config=label_config)
        changes = settings_from_extra_params(now, entry.extra_params) if entry else {}
    except SettingsError as problem:
        settings_problem, changes = str(problem), {}
    if settings_problem != project.settings_problem:
        services.store.update_project(project.id, settings_problem=settings_problem)
        if settings_problem is not None:
            logger.error(
                "project %s: its extra params were refused, its settings are unchanged: %s",
                project.id,
                settings_problem,
            )
    if not changes:
        return project
    services.store.update_project(project.id, **changes)
    before, after = (ProjectSettings.usable(settings) for settings in (project.settings, changes["settings"]))
    services.store.add_setting_change(project.id, EXTRA_PARAMS, before.changes_to(after))
    logger.info("project %s: settings are now %s, from its extra params", project.id, changes["settings"])
    return replace(project, **changes)


def _repair_webhook(services: Services, project: ProjectRecord, url: str, newly_connected: bool) -> None:
    """Set the secret on the webhook, since Label Studio creates it without one when a backend is connected.

    A missing webhook is created, and one that a person switched off is switched on, only after a connection or a change
    of address: otherwise that may be on purpose. One that Label Studio switched off is always switched on.
    """
    moved = bool(project.attached) and project.entry_url != url
    create = newly_connected or moved
    secret = services.store.project_webhook_secret(project.id, services.webhook_secret)
    state = ensure_webhook(services.client, project.id, url, secret, create=create)
    services.store.keep_own_webhook_secret(project.id)
    store_webhook_state(services.store, project, state)
    if state is WebhookState.REPAIRED:
        logger.info("project %s: the webhook to %s now carries its secret", project.id, url)


def _store_entry(services: Services, project: ProjectRecord, url: str | None) -> None:
    """Store that the project has entries, and the address of our entry; None if several exist and none is ours."""
    if project.attached and project.entry_url == url:
        return
    if url is None:
        logger.warning(
            "project %s has several ML backends, and none is known to be this one: its webhook and its extra params "
            "are left alone. Set BACKEND_URL to the address under which Label Studio reaches this backend.",
            project.id,
        )
    services.store.update_project(project.id, attached=True, entry_url=url)
