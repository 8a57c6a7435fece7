"""Whether a project has its backend in Label Studio, and what follows from the entry there: settings and webhook."""

from __future__ import annotations

import logging
import time
from dataclasses import replace

from ml_backend.labelstudio.client import UNCERTAINTY_SAMPLING, ProjectGone, ProjectInfo, RequestRefused
from ml_backend.labelstudio.connection import BackendEntry, ensure_webhook, own_entry, stored_backends
from ml_backend.pipeline.context import Services
from ml_backend.pipeline.extra_params import canonical_extra_params, settings_from_extra_params
from ml_backend.project_settings import SettingsError
from ml_backend.store.records import ProjectRecord
from ml_backend.store.states import ProjectState, RunReason

logger = logging.getLogger(__name__)

ASK_LABEL_STUDIO = {RunReason.SETUP, RunReason.EXTRA_PARAMS, RunReason.START, RunReason.EVERY_MINUTE}
"""Reasons for which the entries are read; a run for new labels or tasks does not have to wait for that."""
ENTRY_PATIENCE_SECONDS = 3.0
"""Label Studio calls /setup before it stores the entry: how long after that call a missing entry is waited for."""
POLL_SECONDS = 0.3


def update_attachment(
    services: Services, project: ProjectRecord, info: ProjectInfo, reasons: list[RunReason]
) -> ProjectRecord | None:
    """Apply the entry's settings and repair its webhook, where the reasons ask for it or something looks changed.

    Returns the project as it is then, or None while it has no entry in Label Studio. Raises LabelStudioUnavailable and
    Unauthorized: a failed request does not say that the entry is gone.
    """
    is_attached = project.attached
    if ASK_LABEL_STUDIO & set(reasons) or is_attached is None or (is_attached and _changed_by_others(services, info)):
        try:
            entries = _wait_for_entries(
                services, project.id, ENTRY_PATIENCE_SECONDS if RunReason.SETUP in reasons else 0.0
            )
        except (RequestRefused, ProjectGone) as problem:
            logger.warning("project %s: its ML backends cannot be listed, all stays as it is: %s", project.id, problem)
        else:
            is_attached = bool(entries)
            project = _apply_entries(services, project, entries, reasons)
    if is_attached is False:
        _pause_project(services, project)
        return None
    return project


def _changed_by_others(services: Services, info: ProjectInfo) -> bool:
    """Whether a person changed what a run would change back: the backend may have been removed a moment before."""
    batch = services.store.current_batch(info.id)
    return info.sampling != UNCERTAINTY_SAMPLING or (batch is not None and batch.version != info.model_version)


def _wait_for_entries(services: Services, project_id: int, patience: float) -> list[BackendEntry]:
    deadline = time.monotonic() + patience
    while not (entries := stored_backends(services.client, project_id)) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    return entries


def _apply_entries(
    services: Services, project: ProjectRecord, entries: list[BackendEntry], reasons: list[RunReason]
) -> ProjectRecord:
    if not entries:
        if project.attached is not False:
            services.store.update_project(project.id, attached=False)
        return project
    if project.state == ProjectState.DISCONNECTED:
        services.store.update_project(project.id, state=ProjectState.NEW, error=None)
    entry = own_entry(entries, project.backend_url)
    project = _apply_extra_params(services, project, entries, entry)
    if entry is not None:
        _repair_webhook(services, project, entry.url, anew=RunReason.SETUP in reasons or project.attached is False)
    _keep_entry(services, project, entry.url if entry else None)
    return project


def _pause_project(services: Services, project: ProjectRecord) -> None:
    """Leave the project alone, and say so."""
    store = services.store
    # What these events report is found by the comparison that a connection begins with.
    events = store.events(project.id)
    if events:
        store.drop_events(project.id, events[-1].id)
    if project.state != ProjectState.DISCONNECTED:
        problem = (
            f"Project {project.id} has no ML backend in Label Studio (Settings, Model): nothing is published or "
            "changed until it is connected; labels given meanwhile count then."
        )
        logger.warning(problem)
        store.update_project(
            project.id, state=ProjectState.DISCONNECTED, error=problem, phase="waiting for a connection"
        )


def _apply_extra_params(
    services: Services, project: ProjectRecord, entries: list[BackendEntry], entry: BackendEntry | None
) -> ProjectRecord:
    """The project as it is now, with the extra params of its entry where a person changed them."""
    project = services.store.project(project.id) or project
    try:
        seen = [canonical_extra_params(listed.extra_params) for listed in entries if listed.extra_params is not None]
        if seen != project.extra_params_seen:
            services.store.update_project(project.id, extra_params_seen=seen)
        changes = settings_from_extra_params(project, entry.extra_params) if entry else {}
    except SettingsError as problem:
        logger.error("project %s: its extra params were refused, its settings stay: %s", project.id, problem)
        return project
    if not changes:
        return project
    services.store.update_project(project.id, **changes)
    logger.info("project %s: settings are now %s, from its extra params", project.id, changes["settings"])
    return replace(project, **changes)


def _repair_webhook(services: Services, project: ProjectRecord, url: str, anew: bool) -> None:
    """Give the webhook its secret: the one that Label Studio makes itself on connecting carries none.

    A missing one is made only at a connection or a new address: somebody may have removed it on purpose later.
    """
    moved = bool(project.attached) and project.entry_url != url
    if ensure_webhook(services.client, project.id, url, services.webhook_secret, create=anew or moved):
        logger.info("project %s: the webhook to %s now carries its secret", project.id, url)


def _keep_entry(services: Services, project: ProjectRecord, url: str | None) -> None:
    """Keep that the project has entries, and the address of ours; None where none is known to be ours."""
    if project.attached and project.entry_url == url:
        return
    if url is None:
        logger.warning(
            "project %s has several ML backends, and none is known to be this one: its webhook and its extra params "
            "are left alone. Set BACKEND_URL to the address under which Label Studio reaches this backend.",
            project.id,
        )
    services.store.update_project(project.id, attached=True, entry_url=url)
