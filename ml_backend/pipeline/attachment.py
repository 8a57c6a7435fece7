"""Whether a project has its backend in Label Studio, and what follows from the entry there: settings and webhook."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from typing import Any

from ml_backend.labelstudio.client import UNCERTAINTY_SAMPLING, ProjectGone, ProjectInfo, RequestRefused
from ml_backend.labelstudio.connection import BackendEntry, ensure_webhook, kept_backends, ours
from ml_backend.pipeline.context import Services
from ml_backend.pipeline.extra_params import taken_over, written
from ml_backend.project_settings import SettingsError
from ml_backend.store.records import ProjectRecord

logger = logging.getLogger(__name__)

ASKED_FOR = {"setup", "extra params", "start", "every minute"}
"""Reasons of a run that ask for a look; what only tells of labels and tasks does not have to wait for one."""
COMING_SECONDS = 3.0
"""Label Studio calls /setup before it keeps the entry: for so long after that call a missing one may still come."""
PAUSE_SECONDS = 0.3


def attached(services: Services, project: ProjectRecord, info: ProjectInfo, reasons: list[str]) -> ProjectRecord | None:
    """The project with the settings of its entry taken over and its webhook mended; None while it has no entry.

    Raises LabelStudioUnavailable and Unauthorized: where nobody could be asked, nothing says that the entry is gone.
    """
    there = project.meta.get("attached")
    if ASKED_FOR & set(reasons) or there is None or (there and _changed_by_others(services, info)):
        try:
            entries = _entries(services, project.id, COMING_SECONDS if "setup" in reasons else 0.0)
        except (RequestRefused, ProjectGone) as problem:
            logger.warning("project %s: its ML backends cannot be listed, all stays as it is: %s", project.id, problem)
        else:
            there = bool(entries)
            project = _tended(services, project, entries, reasons)
    if there is False:
        _rest(services, project)
        return None
    return project


def _changed_by_others(services: Services, info: ProjectInfo) -> bool:
    """Whether a run would undo what a person changed: the model may have been removed a moment before."""
    batch = services.store.current_batch(info.id)
    return info.sampling != UNCERTAINTY_SAMPLING or (batch is not None and batch.version != info.model_version)


def _entries(services: Services, project_id: int, patience: float) -> list[BackendEntry]:
    deadline = time.monotonic() + patience
    while not (entries := kept_backends(services.client, project_id)) and time.monotonic() < deadline:
        time.sleep(PAUSE_SECONDS)
    return entries


def _tended(
    services: Services, project: ProjectRecord, entries: list[BackendEntry], reasons: list[str]
) -> ProjectRecord:
    if not entries:
        _note(services, project, attached=False)
        return project
    if project.state == "disconnected":
        services.store.update_project(project.id, state="new", error=None)
    entry = ours(entries, project.backend_url)
    project = _taken_over(services, project, entries, entry)
    if entry is not None:
        _mend_webhook(services, project, entry.url, anew="setup" in reasons or project.meta.get("attached") is False)
    _note(services, project, attached=True, address=entry.url if entry else None)
    return project


def _rest(services: Services, project: ProjectRecord) -> None:
    """Do nothing but say so."""
    store = services.store
    # What they tell of is found by the comparison that a connection begins with.
    events = store.events(project.id)
    if events:
        store.drop_events(project.id, events[-1].id)
    if project.state != "disconnected":
        problem = (
            f"Project {project.id} has no ML backend in Label Studio (Settings, Model): nothing is published or "
            "changed until it is connected; labels given meanwhile count then."
        )
        logger.warning(problem)
        store.update_project(project.id, state="disconnected", error=problem, phase="waiting for a connection")


def _taken_over(
    services: Services, project: ProjectRecord, entries: list[BackendEntry], entry: BackendEntry | None
) -> ProjectRecord:
    """The project as it is now, with the extra params of its entry where a person changed them."""
    project = services.store.project(project.id) or project
    seen = [some.extra_params for some in entries if some.extra_params is not None]
    try:
        _note(services, project, extra_params_seen=[written(typed) for typed in seen])
        changes = taken_over(project, entry.extra_params) if entry else {}
    except SettingsError as problem:
        logger.error("project %s: its extra params were refused, its settings stay: %s", project.id, problem)
        return project
    if not changes:
        return project
    services.store.update_project(project.id, **changes)
    logger.info("project %s: settings are now %s, from its extra params", project.id, changes["settings"])
    return replace(project, **changes)


def _mend_webhook(services: Services, project: ProjectRecord, url: str, anew: bool) -> None:
    """Give the webhook its secret: the one that Label Studio makes itself on connecting carries none.

    A missing one is made only at a connection or a new address: somebody may have removed it on purpose later.
    """
    create = anew or project.meta.get("address", url) != url
    if ensure_webhook(services.client, project.id, url, services.webhook_secret, create=create):
        logger.info("project %s: the webhook to %s now carries its secret", project.id, url)


def _note(services: Services, project: ProjectRecord, **keys: Any) -> None:
    unlike = object()
    changed = {name: value for name, value in keys.items() if project.meta.get(name, unlike) != value}
    if not changed:
        return
    if changed.get("address", "") is None:
        logger.warning(
            "project %s has several ML backends, and none is known to be this one: its webhook and its extra params "
            "are left alone. Set BACKEND_URL to the address under which Label Studio reaches this backend.",
            project.id,
        )
    services.store.merge_meta(project.id, **changed)
