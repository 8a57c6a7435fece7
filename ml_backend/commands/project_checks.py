"""The checks of `doctor` for one project: label config, connection, webhook, served batch and last run."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from ml_backend.commands.checks import Check
from ml_backend.labelstudio import connection
from ml_backend.labelstudio.client import UNCERTAINTY_SAMPLING, LabelStudio, LabelStudioError, ProjectInfo
from ml_backend.labelstudio.connect_refusal import LOCAL_REMEDY, setup_problem
from ml_backend.labelstudio.described_classes import notes_of
from ml_backend.labelstudio.events import SECRET_HEADER
from ml_backend.labelstudio.label_config import UnsupportedLabelConfig, parse
from ml_backend.pipeline.next_step import next_step_of, remedy
from ml_backend.pipeline.webhook_state import webhook_sentence
from ml_backend.project_settings import ProjectSettings
from ml_backend.settings import Settings
from ml_backend.store import Store
from ml_backend.store.records import ProjectRecord
from ml_backend.store.states import WebhookProblem

LOCAL_HINT = f"if Label Studio refuses an address of its own machine, {LOCAL_REMEDY}"
OTHERS_REMEDY = "remove one of them in Label Studio (Settings, Model), and its webhook (Settings, Webhooks)"


def check_project(settings: Settings, client: LabelStudio, store: Store, project_id: int) -> Iterator[Check]:
    """Check a project in Label Studio and in the database; yields each result."""
    name = f"project {project_id}"
    try:
        info = client.project(project_id)
        backends = connection.probe_backends(client, project_id)
        webhooks = connection.webhooks(client, project_id)
    except LabelStudioError as problem:
        yield Check(name, False, str(problem), "check the number, and that the user of this key may open the project")
        return
    yield _check_label_config(name, info, store)
    record = store.project(project_id)
    entry = connection.own_entry(backends, record.backend_url if record else settings.backend_url)
    if entry is None and backends:
        urls = ", ".join(b.url for b in backends)
        remedy = f"set BACKEND_URL to the one of these addresses at which Label Studio reaches this backend: {urls}"
        yield Check(f"{name}: backend", False, "there are several backends, and none is known to be this one", remedy)
        return
    if entry is None:
        yield Check(
            f"{name}: backend", False, "not connected", f"python -m ml_backend connect {project_id}; {LOCAL_HINT}"
        )
        return
    yield Check(
        f"{name}: backend",
        not entry.error and entry.state not in {"Disconnected", "Error"},
        setup_problem(entry.error, entry.url) if entry.error else f"{entry.url} {entry.state}",
        f"start the backend if it is not running; Label Studio must reach it at this address. {LOCAL_HINT}",
    )
    others = connection.other_installations(backends, webhooks, entry.url)
    if others:
        yield Check(f"{name}: other backends", False, others_sentence(others), OTHERS_REMEDY)
    yield _check_webhook(
        f"{name}: webhook", project_id, webhooks, entry.url, _webhook_secret(settings, store, project_id), record
    )
    yield from _check_serving(name, info, record, store)


def others_sentence(others: list[str]) -> str:
    """What it means that the project has active learning backends at these other addresses."""
    are = "is an active learning backend" if len(others) == 1 else "are active learning backends"
    return f"{', '.join(others)} {are} too: each replaces the batch of the other"


def _webhook_secret(settings: Settings, store: Store, project_id: int) -> str:
    return store.project_webhook_secret(project_id, store.webhook_secret(settings.webhook_secret))


def _check_serving(name: str, info: ProjectInfo, record: ProjectRecord | None, store: Store) -> Iterator[Check]:
    """Check what Label Studio serves; before the first batch, say what that waits for."""
    batch = store.current_batch(info.id)
    if batch is not None:
        is_uncertainty = info.sampling == UNCERTAINTY_SAMPLING
        yield Check(f"{name}: sampling", is_uncertainty, info.sampling, "the worker sets it with the next batch")
        is_served = batch.version == info.model_version
        yield Check(
            f"{name}: served batch",
            is_served,
            f"{batch.version}, {len(batch.task_ids)} tasks"
            if is_served
            else f"Label Studio serves {info.model_version!r}, the newest batch is {batch.version!r}: the order is "
            "random",
            "the worker publishes a new batch within a minute",
        )
    elif record is not None:
        yield Check(f"{name}: served batch", True, f"none yet. {next_step_of(store, record)}")
    if record is None:
        yield Check(
            f"{name}: last run",
            False,
            "this backend has never heard of the project",
            f"python -m ml_backend connect {info.id}",
        )
        return
    phase = f"{record.state}: {record.phase}" + (f": {record.error}" if record.error else "")
    yield Check(f"{name}: last run", record.error is None, phase, remedy(record) or "")


def _check_label_config(name: str, info: ProjectInfo, store: Store) -> Check:
    record = store.project(info.id)
    chosen = ProjectSettings.usable(record.settings) if record else ProjectSettings()
    try:
        config = parse(info.label_config, chosen.control, chosen.text_fields)
    except UnsupportedLabelConfig as problem:
        return Check(
            f"{name}: label config",
            False,
            str(problem),
            "change the label config, or set `control` and `text_fields` of the project",
        )
    classes = f"{info.title!r}: {len(config.classes)} classes of {config.control!r}"
    return Check(f"{name}: label config", True, "; ".join([classes, *notes_of(config, chosen)]))


def _check_webhook(
    what: str,
    project_id: int,
    hooks: list[connection.WebhookEntry],
    url: str,
    secret: str,
    record: ProjectRecord | None,
) -> Check:
    our_webhooks = [w for w in hooks if connection.same_address(w.url, url.rstrip("/") + "/webhook")]
    remedy = f"python -m ml_backend connect {project_id} --backend-url {url}"
    if not our_webhooks:
        return Check(what, False, "it is missing, so labels are found only by the comparison every minute", remedy)
    if our_webhooks[0].switched_off_after_failures:
        detail = f"Label Studio switched it off after {our_webhooks[0].failures} failed deliveries in a row"
        return Check(what, False, detail, "a worker switches it on within a minute; see why deliveries failed")
    if not our_webhooks[0].active:
        return Check(what, False, "it is switched off, so labels are found only by the comparison every minute", remedy)
    if our_webhooks[0].headers.get(SECRET_HEADER) != secret:
        return Check(what, False, "it does not carry the secret of this backend's database", remedy)
    failures = our_webhooks[0].failures
    failing = f"; the last {failures} deliveries failed" if failures else ""
    return Check(what, True, f"exists, with its secret{failing}{_was_off(record)}")


def _was_off(record: ProjectRecord | None) -> str:
    """When Label Studio switched the webhook off, for as long as that is kept."""
    if record is None or record.webhook_problem is not WebhookProblem.OFF_AFTER_FAILURES:
        return ""
    found = datetime.fromtimestamp(record.webhook_problem_at or 0, UTC)
    return f". {webhook_sentence(record)} Found {found:%Y-%m-%d %H:%M} UTC"
