"""Connect a project to the backend, and report each step."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from typing import Any

import httpx

from ml_backend.commands.argument_checks import parse_backend_url, parse_settings
from ml_backend.commands.failure import CommandFailed, errors_as_command_failed
from ml_backend.commands.project_checks import OTHERS_REMEDY, others_sentence
from ml_backend.commands.wait_for_backend import Waiting, wait_for_backend
from ml_backend.labelstudio.client import UNCERTAINTY_SAMPLING, LabelStudio
from ml_backend.labelstudio.connect_refusal import MODEL_CLASS, setup_problem
from ml_backend.labelstudio.connection import (
    connect_backend,
    ensure_webhook,
    other_installations,
    same_address,
    stored_backends,
    webhooks,
)
from ml_backend.labelstudio.described_classes import check_descriptions
from ml_backend.labelstudio.label_config import parse
from ml_backend.labelstudio.named_fields import missing_fields
from ml_backend.pipeline.extra_params import (
    canonical_extra_params,
    non_default_settings,
    parse_extra_params,
    settings_from_extra_params,
)
from ml_backend.project_settings import ProjectSettings
from ml_backend.settings import Settings, SettingsError
from ml_backend.store import Store
from ml_backend.store.records import ProjectChanges, ProjectRecord
from ml_backend.store.states import RunReason
from ml_backend.worker.queue import TaskQueue

MEASURED_SHARE, MEASURED_COST = 0.1, 0.3
"""A share of random tasks, and the points of mean accuracy that it costs; see docs/labelling.md."""
CONNECT = "connect --set"
"""Who changed settings, in the history."""


def connect_project(
    settings: Settings,
    project_id: int,
    backend_url: str,
    chosen: list[str],
    new_secret: bool = False,
    patience: float = 0.0,
    waiting: Waiting = nullcontext,
) -> Iterator[str]:
    """Connect a project; yields a sentence for each step as it is done.

    backend_url: where Label Studio reaches this backend; chosen: settings of the project as `name=value`;
    new_secret: whether to change the secret of its webhook, after which the one before is refused; patience, waiting:
    how many seconds to wait for a backend that starts, see `wait_for_backend`. A repeated call changes only what is not
    right yet. Raises CommandFailed.
    """
    with (
        errors_as_command_failed(),
        closing(LabelStudio.of(settings)) as client,
        closing(Store(settings.database_url)) as store,
    ):
        store.create()
        changes = parse_settings(chosen)
        address = parse_backend_url(backend_url)
        wait = partial(wait_for_backend, address, patience, waiting)
        yield from _connect(client, store, settings, project_id, address, changes, new_secret, wait)


def _connect(
    client: LabelStudio,
    store: Store,
    settings: Settings,
    project_id: int,
    backend_url: str,
    changes: dict[str, Any],
    new_secret: bool,
    wait: Callable[[], None],
) -> Iterator[str]:
    info = client.project(project_id)
    listed = stored_backends(client, project_id)
    entries = [entry for entry in listed if same_address(entry.url, backend_url)]
    params = _changed_params(entries[0].extra_params if entries else None, changes)
    before = replace(store.project(project_id) or ProjectRecord(id=project_id), label_config=info.label_config)
    new_settings = _settings_after(before, params, changes)
    config = parse(info.label_config, new_settings.control, new_settings.text_fields)
    check_descriptions(config, new_settings, ProjectSettings.usable(before.settings))
    yield f"project {project_id} {info.title!r}: {len(config.classes)} classes of {config.control!r}"
    yield from config.notes
    if changes.get("text_fields") and new_settings.text_fields:
        yield from _missing_fields(client, project_id, new_settings.text_fields)
    wait()
    had_batch = bool(store.batches(project_id, limit=1))
    # An object, which Label Studio's form cannot show, is replaced by its JSON.
    is_written = bool(changes) or (bool(entries) and isinstance(entries[0].extra_params, dict))
    with _taken_on(store, project_id, _stored(new_settings, params) if is_written else {}):
        entry = connect_backend(client, project_id, backend_url, settings.basic_auth, params if is_written else None)
        if entry.error:
            raise CommandFailed(setup_problem(entry.error, backend_url))
        project = store.project(project_id)
        # Label Studio has called /setup at that address, so the server there has stored it.
        if project is None or project.backend_url is None:
            raise CommandFailed(_unknown_here(backend_url))
    yield f"backend {entry.url}: {entry.state}"
    yield f"settings: {_apply(store, settings, before if is_written else project, entry.extra_params, changes)}"
    if 0 < new_settings.random_share < 1:
        yield random_share_sentence(new_settings.random_share)
    if new_secret:
        store.change_webhook_secret(project_id)
    secret = store.project_webhook_secret(project_id, store.webhook_secret(settings.webhook_secret))
    ensure_webhook(client, project_id, backend_url, secret)
    store.keep_own_webhook_secret(project_id)
    if new_secret:
        # This run finds what a webhook reported between the two changes, which was refused.
        TaskQueue(settings).request(store, project_id, RunReason.START)
    yield f"webhook {backend_url.rstrip('/')}/webhook carries its {'new ' if new_secret else ''}secret"
    others = other_installations(listed, webhooks(client, project_id), backend_url)
    if others:
        yield f"{others_sentence(others)}; {OTHERS_REMEDY}"
    if info.sampling != UNCERTAINTY_SAMPLING:
        client.set_sampling(project_id)
        yield f"sampling changed from {info.sampling!r} to {UNCERTAINTY_SAMPLING!r}"
    needs = "texts are embedded" if info.task_number else "tasks are imported and their texts embedded"
    first = "" if had_batch else f"the first batch comes as soon as {needs}; "
    yield f"{first}watch {backend_url}/projects/{project_id}"


def random_share_sentence(share: float) -> str:
    """What drawing tasks at random is for, and what it costs."""
    if share != MEASURED_SHARE:
        cost = "which costs some accuracy"
        tasks = f"{share:.0%} of the tasks are"
    else:
        cost = f"which, as measured, costs about {MEASURED_COST} points of accuracy"
        tasks = "1 in 10 tasks is"
    return (
        f"{tasks} drawn at random, so that the accuracy on the page can be trusted, {cost}; "
        "`--set random_share=0` turns it off"
    )


def _missing_fields(client: LabelStudio, project_id: int, text_fields: list[str]) -> Iterator[str]:
    """Yields a sentence about fields that the first tasks do not have. Raises SettingsError if no task has them."""
    missing = missing_fields(client, project_id, text_fields)
    if missing is not None and missing.in_no_task:
        raise SettingsError(missing.sentence)
    if missing is not None:
        yield missing.sentence


@contextmanager
def _taken_on(store: Store, project_id: int, changes: ProjectChanges) -> Iterator[None]:
    """Add the project, which our key can open, without waiting until a worker confirms it.

    changes: what Label Studio is going to report at /setup, stored before it does: otherwise a worker takes it for the
    change of a person in Label Studio. If the body raises, the project's settings here are as they were.
    """
    before = store.project(project_id)
    store.ensure_project(project_id, **changes)
    store.drop_candidate(project_id)
    try:
        yield
    except BaseException:
        if before is None:
            store.forget_project(project_id)
        elif changes:
            store.update_project(project_id, settings=before.settings, extra_params=before.extra_params)
        raise


def _unknown_here(backend_url: str) -> str:
    """Why a backend that answered /setup did not store the project in this database."""
    try:
        is_another = httpx.get(f"{backend_url}/health", timeout=5).json().get("model_class") != MODEL_CLASS
    except (httpx.HTTPError, ValueError, AttributeError, OSError):
        is_another = False
    if is_another:
        return f"the server at {backend_url} is another ML backend: give this one's address as --backend-url"
    return (
        f"the backend at {backend_url} uses another database than the one configured here: set DATABASE_URL, or "
        "without it MODEL_DIR, to the same value as for the backend, and connect again"
    )


def _changed_params(typed: Any, changes: dict[str, Any]) -> dict[str, Any]:
    """The entry's extra params after the changes; None removes a name."""
    merged = {**parse_extra_params(typed or {}), **changes}
    return {name: value for name, value in merged.items() if value is not None}


def _settings_after(project: ProjectRecord, typed: Any, changes: dict[str, Any]) -> ProjectSettings:
    """The project's settings after applying the extra params, then the changes."""
    with_extra_params = settings_from_extra_params(project, typed).get("settings", project.settings)
    return ProjectSettings.usable(with_extra_params).merged(changes)


def _stored(settings: ProjectSettings, typed: Any) -> ProjectChanges:
    """The settings and the extra params as the database has them; typed: None if the entry has no extra params."""
    extra_params = None if typed is None else canonical_extra_params(typed)
    return {"settings": non_default_settings(settings), "extra_params": extra_params}


def _apply(store: Store, settings: Settings, project: ProjectRecord, typed: Any, changes: dict[str, Any]) -> str:
    """Store the project's settings and request a run; returns the settings that are not defaults, as text.

    project: as it was before this command changed it.
    """
    fields = _stored(_settings_after(project, typed, changes), project.extra_params if typed is None else typed)
    values = fields["settings"]
    if values != project.settings or fields["extra_params"] != project.extra_params:
        store.update_project(project.id, **fields)
        before, after = (ProjectSettings.usable(stored) for stored in (project.settings, values))
        store.add_setting_change(project.id, CONNECT, before.changes_to(after))
        TaskQueue(settings).request(store, project.id, RunReason.SETTINGS)
    return ", ".join(f"{name} {json.dumps(value)}" for name, value in values.items()) or "all default"
