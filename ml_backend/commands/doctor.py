"""Check everything that the live loop needs, and say what is wrong and how to repair it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
from rich.console import Console
from rich.markup import escape
from sqlalchemy.exc import SQLAlchemyError

from ml_backend.labelstudio import connection
from ml_backend.labelstudio.address_check import label_studio_version
from ml_backend.labelstudio.client import (
    UNCERTAINTY_SAMPLING,
    LabelStudio,
    LabelStudioError,
    LabelStudioUnavailable,
    ProjectInfo,
)
from ml_backend.labelstudio.connect_refusal import LOCAL_REMEDY, MODEL_CLASS, START_REMEDY, setup_problem
from ml_backend.labelstudio.events import SECRET_HEADER
from ml_backend.labelstudio.label_config import UnsupportedLabelConfig, parse
from ml_backend.labelstudio.session import is_personal_access_token
from ml_backend.labelstudio.transport_errors import redirect_problem, unreachable, unreadable_certificates
from ml_backend.project_settings import ProjectSettings
from ml_backend.settings import Settings, SettingsError
from ml_backend.store import Store

LOCAL_HINT = f"if Label Studio refuses an address of its own machine, {LOCAL_REMEDY}"


@dataclass(frozen=True)
class Check:
    """The result of one check; what: its subject; detail: what was observed; remedy: what to do if it failed."""

    what: str
    passed: bool
    detail: str
    remedy: str = ""


def run_checks(settings: Settings, project_id: int | None, backend_url: str | None) -> Iterator[Check]:
    """Check the services, then every connected project or the one with this id; yields each result.

    backend_url: where Label Studio reaches the backend, None for the address in the settings.
    """
    client = LabelStudio.of(settings)
    url = backend_url or settings.address
    label_studio = _check_label_studio(settings)
    yield label_studio
    if label_studio.passed:
        key = _check_key(client, settings)
        yield key
        if key.passed:
            yield _check_address(client, url)
    database, store = _check_database(settings)
    yield database
    yield _check_queue(settings)
    yield _check_model(settings)
    yield _check_backend(url)
    if store is None or not label_studio.passed or not key.passed:
        return
    projects = [project_id] if project_id is not None else [p.id for p in store.projects()]
    if not projects:
        yield Check(
            "projects", False, "none is connected", "python -m ml_backend connect <project number>; " + LOCAL_HINT
        )
    for number in projects:
        yield from _check_project(settings, client, store, number)


def print_checks(console: Console, checks: Iterator[Check]) -> int:
    """Print each check; returns the exit status, 1 if any failed."""
    failed_checks = []
    for check in checks:
        mark = "[green]✓[/green]" if check.passed else "[red]✗[/red]"
        console.print(f"{mark} [bold]{escape(check.what)}[/bold]: {escape(check.detail)}", highlight=False)
        if not check.passed:
            failed_checks.append(check.what)
            if check.remedy:
                console.print(f"  [yellow]▸ {escape(check.remedy)}[/yellow]", highlight=False)
    console.print(
        f"[red]failed: {escape(', '.join(failed_checks))}[/red]" if failed_checks else "[green]everything works[/green]"
    )
    return 1 if failed_checks else 0


def _check_label_studio(settings: Settings) -> Check:
    url = settings.label_studio_url
    try:
        version = label_studio_version(url, settings.label_studio_proxy_authorization)
        return Check("Label Studio", True, f"version {version} at {url}")
    except LabelStudioUnavailable as problem:
        return Check("Label Studio", False, str(problem))


def _check_key(client: LabelStudio, settings: Settings) -> Check:
    key = settings.label_studio_api_key or ""
    kind = "personal access token" if is_personal_access_token(key) else "legacy token"
    try:
        return Check("API key", True, f"{kind} of {client.whoami().get('email')}")
    except LabelStudioUnavailable as problem:
        return Check("API key", False, str(problem), "see Label Studio's log")
    except LabelStudioError as problem:
        return Check(
            "API key",
            False,
            f"{problem} (the one given looks like a {kind})" if key else str(problem),
            "set LABEL_STUDIO_API_KEY and restart the backend; both kinds of token work, each while the organization "
            "allows it (Organization ▸ API Tokens Settings)",
        )


def _check_address(client: LabelStudio, backend_url: str) -> Check:
    problem_text = connection.address_refused(client, backend_url)
    if problem_text is None:
        return Check("address", True, f"Label Studio may call {backend_url}")
    return Check("address", False, problem_text)


def _check_database(settings: Settings) -> tuple[Check, Store | None]:
    kind = settings.database_url.split(":")[0]
    try:
        store = Store(settings.database_url)
        store.create()
        store.ping()
    except (SettingsError, SQLAlchemyError, OSError) as problem:
        problem_text = " ".join(str(problem).split())[:300]
        return Check("database", False, f"{kind}: {problem_text}", "check DATABASE_URL, and that its server runs"), None
    return Check("database", True, kind), store


def _check_queue(settings: Settings) -> Check:
    if not settings.redis_url:
        folder = settings.model_dir.expanduser().resolve()
        writable = os.access(folder if folder.exists() else folder.parent, os.W_OK)
        return Check("queue", writable, f"SQLite in {folder}", "" if writable else "make MODEL_DIR writable")
    import redis

    try:
        redis.Redis.from_url(settings.redis_url, socket_timeout=3).ping()
    except redis.exceptions.RedisError as problem:
        return Check("queue", False, f"Redis: {problem}", "start Redis, or check REDIS_URL")
    return Check("queue", True, "Redis")


def _check_model(settings: Settings) -> Check:
    from ml_backend.learning.embedding.embedder import ModelNotAvailable, load

    try:
        embedder = load(settings.embedding_model, trust_remote_code=settings.embedding_trust_remote_code)
    except ModelNotAvailable as problem:
        return Check(
            "embedding model", False, str(problem), "set EMBEDDING_MODEL=minilm, which is installed with this package"
        )
    return Check("embedding model", True, f"{embedder.name}, {embedder.dimensions} dimensions")


def _check_backend(url: str) -> Check:
    remedy = f"{START_REMEDY}, or give its address as --backend-url"
    try:
        response = httpx.get(f"{url}/health", timeout=5)
        if response.has_redirect_location:
            problem_text = redirect_problem(url, "BACKEND_URL", response.request.url, response.headers["Location"])
            return Check("backend", False, problem_text)
        response.raise_for_status()
        if response.json().get("model_class") != MODEL_CLASS:
            return Check("backend", False, f"the server at {url} is another ML backend", remedy)
    except (httpx.HTTPError, httpx.InvalidURL) as problem:
        return Check("backend", False, unreachable("the backend", url, "BACKEND_URL", problem, START_REMEDY))
    except OSError as problem:
        return Check("backend", False, unreadable_certificates(problem))
    except (ValueError, AttributeError):
        return Check("backend", False, f"the server at {url} is not this backend (no JSON at /health)", remedy)
    return Check("backend", True, f"{url} responds in {response.elapsed.total_seconds() * 1000:.0f} ms")


def _check_project(settings: Settings, client: LabelStudio, store: Store, project_id: int) -> Iterator[Check]:
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
    yield _check_webhook(
        f"{name}: webhook", project_id, webhooks, entry.url, store.webhook_secret(settings.webhook_secret)
    )
    yield Check(
        f"{name}: sampling",
        info.sampling == UNCERTAINTY_SAMPLING,
        info.sampling,
        ""
        if info.sampling == UNCERTAINTY_SAMPLING
        else "the worker sets it with the next batch: start one if none is running",
    )
    yield _check_served_batch(f"{name}: served batch", info, store)
    if record is not None:
        phase = f"{record.state}: {record.phase}" + (f": {record.error}" if record.error else "")
        yield Check(f"{name}: last run", record.error is None, phase, "" if record.error is None else "see the message")


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
    classes = f"{config.control}: {len(config.classes)} classes of {info.title!r}"
    return Check(f"{name}: label config", True, "; ".join([classes, *config.notes]))


def _check_webhook(what: str, project_id: int, hooks: list[connection.WebhookEntry], url: str, secret: str) -> Check:
    our_webhooks = [w for w in hooks if connection.same_address(w.url, url.rstrip("/") + "/webhook")]
    remedy = f"python -m ml_backend connect {project_id} --backend-url {url}"
    if not our_webhooks:
        return Check(what, False, "it is missing, so labels are found only by the comparison every minute", remedy)
    if not our_webhooks[0].active:
        return Check(what, False, "it is switched off", remedy)
    if our_webhooks[0].headers.get(SECRET_HEADER) != secret:
        return Check(what, False, "it does not carry the secret of this backend's database", remedy)
    return Check(what, True, "exists, with its secret")


def _check_served_batch(what: str, info: ProjectInfo, store: Store) -> Check:
    batch = store.current_batch(info.id)
    if batch is None:
        return Check(what, False, "none yet", "start a worker if none is running; its log says what it waits for")
    if batch.version != info.model_version:
        return Check(
            what,
            False,
            f"Label Studio serves {info.model_version!r}, the newest batch is {batch.version!r}: the order is random",
            "the worker publishes a new batch within a minute: start one if none is running",
        )
    return Check(what, True, f"{batch.version}, {len(batch.task_ids)} tasks")
