"""Check everything that the live loop needs, and say what is wrong and how to repair it."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator

import httpx
from sqlalchemy.exc import SQLAlchemyError

from ml_backend.commands.checks import Check
from ml_backend.commands.project_checks import LOCAL_HINT, check_project
from ml_backend.labelstudio import connection
from ml_backend.labelstudio.address_check import label_studio_version
from ml_backend.labelstudio.client import (
    LabelStudio,
    LabelStudioError,
    LabelStudioUnavailable,
)
from ml_backend.labelstudio.connect_refusal import MODEL_CLASS, START_REMEDY
from ml_backend.labelstudio.session import is_personal_access_token
from ml_backend.labelstudio.transport_errors import redirect_problem, unreachable, unreadable_certificates
from ml_backend.settings import Settings, SettingsError
from ml_backend.store import Store
from ml_backend.worker.heartbeat import TOO_OLD_SECONDS

MEGABYTE = 2**20


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
    yield _check_disk(settings, store)
    yield _check_model(settings)
    yield _check_backend(url)
    if store is not None:
        yield _check_worker(store)
    if store is None or not label_studio.passed or not key.passed:
        return
    projects = [project_id] if project_id is not None else [p.id for p in store.projects()]
    if not projects:
        yield Check(
            "projects", False, "none is connected", "python -m ml_backend connect <project number>; " + LOCAL_HINT
        )
    for number in projects:
        yield from check_project(settings, client, store, number)


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
            f"{problem} The key that is set looks like a {kind}." if key else str(problem),
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
        store.probe_write()
    except (SettingsError, SQLAlchemyError, OSError) as problem:
        problem_text = " ".join(str(problem).split())[:300]
        remedy = "check DATABASE_URL, that its server runs, and that its disk is not full"
        return Check("database", False, f"{kind}: {problem_text}", remedy), None
    return Check("database", True, f"{kind}, written to"), store


def _check_worker(store: Store) -> Check:
    seen_at = store.worker_seen_at()
    age = None if seen_at is None else time.time() - seen_at
    remedy = "start one: python -m ml_backend worker, or the server without --no-worker"
    if age is None:
        return Check("worker", False, "none has run with this database", remedy)
    return Check("worker", age < TOO_OLD_SECONDS, f"seen {max(age, 0):.0f} s ago", remedy)


def _check_queue(settings: Settings) -> Check:
    if not settings.redis_url:
        folder = settings.model_dir.expanduser().resolve()
        writable = os.access(folder if folder.exists() else folder.parent, os.W_OK)
        return Check("queue", writable, f"SQLite in {folder}", "" if writable else "make MODEL_DIR writable")
    import redis

    try:
        redis.Redis.from_url(settings.redis_url, socket_timeout=3).ping()
    except (redis.exceptions.RedisError, ValueError) as problem:
        return Check("queue", False, f"Redis: {problem}", "start Redis, or check REDIS_URL")
    return Check("queue", True, "Redis")


def _check_disk(settings: Settings, store: Store | None) -> Check:
    from ml_backend.worker.queue import folders_written_to

    folders = folders_written_to(settings, None if store is None else store.file)
    free = {folder: shutil.disk_usage(folder).free // MEGABYTE for folder in folders if folder.exists()}
    detail = "; ".join(f"{megabytes:,} MB free in {folder}" for folder, megabytes in free.items())
    is_enough = all(megabytes >= settings.min_free_disk_mb for megabytes in free.values())
    remedy = f"free disk space: MIN_FREE_DISK_MB is {settings.min_free_disk_mb:,}"
    return Check("disk", is_enough, detail or "database and queue are on other servers", remedy)


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
