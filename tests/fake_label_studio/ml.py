"""Routes about ML backends. Listing them by `/api/ml` calls each one and writes its row back as it was read."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, request

from fake_label_studio.outgoing import BackendFailed, project_json, project_uid
from fake_label_studio.outgoing import task_json as task_body
from fake_label_studio.predictions import add_prediction
from fake_label_studio.problems import Refused, invalid
from fake_label_studio.records import Backend, Task, Webhook
from fake_label_studio.studio import Studio, body_object, user

WRONG_CREDENTIALS = (
    "Able to connect to ML Server, but authentication parameters were either not provided or are incorrect."
)
NOT_ALLOWED = (
    "The provided URL was not allowed. URLs must use http:// or https://, and must not resolve to local or private "
    "network addresses when SSRF protection applies."
)
EDITABLE = (
    "url",
    "title",
    "extra_params",
    "auth_method",
    "basic_auth_user",
    "basic_auth_pass",
    "is_interactive",
)


def routes(studio: Studio) -> Blueprint:
    """`/api/ml`."""
    blueprint = Blueprint("ml", __name__)
    tables = studio.tables

    @blueprint.get("/api/ml")
    def backends() -> list[dict[str, Any]]:
        with tables.lock:
            project = tables.project(int(request.args["project"]), user())
            rows = [replace(b) for b in tables.backends_of(project.id)]
        for row in rows:
            studio.outgoing.update_state(row)
            tables.backends[row.id] = row  # as it was read, so that a change or removal in between is undone
        return [backend_json(row) for row in rows]

    @blueprint.post("/api/ml")
    def connect() -> tuple[dict[str, Any], int]:
        fields = body_object()
        _check_address(studio, str(fields.get("url")))
        if fields.get("project") not in tables.projects:
            raise invalid(project=f'Invalid pk "{fields.get("project")}" - object does not exist.')
        project = tables.project(fields["project"], user())
        backend = Backend(id=tables.new_id(), project=project.id, url="")
        _take(backend, fields)
        _check(studio, backend, fields)
        with tables.lock:
            tables.backends[backend.id] = backend
            _make_webhook(studio, backend)
        studio.outgoing.update_state(backend)
        with tables.lock:
            # This is why no prediction carries the version that a new project serves at first.
            if project.show_collab_predictions and not project.model_version:
                project.model_version = backend.title
        return backend_json(backend), 201

    @blueprint.patch("/api/ml/<int:backend_id>")
    def change(backend_id: int) -> dict[str, Any]:
        fields = body_object()
        backend = _backend(studio, backend_id)
        if "url" not in fields:
            raise Refused(500, "'url'")
        _check_address(studio, str(fields["url"]))
        title = backend.title
        changed = replace(backend)
        _take(changed, fields)
        _check(studio, changed, fields)
        with tables.lock:
            tables.backends[backend_id] = changed
            project = tables.projects[changed.project]
            if project.model_version == title:
                project.model_version = changed.title
        studio.outgoing.update_state(changed)
        return backend_json(changed)

    @blueprint.delete("/api/ml/<int:backend_id>")
    def remove(backend_id: int) -> tuple[str, int]:
        backend = _backend(studio, backend_id)
        with tables.lock:
            project = tables.projects[backend.project]
            if project.model_version == backend.title:
                project.model_version = ""
            tables.backends.pop(backend_id, None)
        return "", 204  # its webhook stays

    @blueprint.post("/api/ml/<int:backend_id>/train")
    def train(backend_id: int) -> dict[str, Any]:
        backend = _backend(studio, backend_id)
        project = tables.projects[backend.project]
        try:
            studio.outgoing.call(backend, "webhook", {"action": "START_TRAINING", "project": project_json(project)})
            backend.state = "Training"
        except BackendFailed as problem:
            backend.state, backend.error_message = "Error", str(problem)
        return {}

    return blueprint


def backend_json(backend: Backend) -> dict[str, Any]:
    """An ML backend as Label Studio shows it, without the password."""
    shown = asdict(backend)
    shown.pop("basic_auth_pass")
    return shown | {"readable_state": shown.pop("state"), "basic_auth_pass_is_set": bool(backend.basic_auth_pass)}


def predict(studio: Studio, backend: Backend, tasks: list[Task]) -> None:
    """'Retrieve predictions': request and store predictions for the tasks that have none of the backend's version."""
    studio.outgoing.update_state(backend)
    tables = studio.tables
    with tables.lock:
        version = backend.model_version
        left = [t for t in tasks if all(p.model_version != version for p in tables.predictions_of(t.id))]
        project = tables.projects[backend.project]
    body = {
        "tasks": [task_body(task) for task in left],
        "project": project_uid(project),
        "label_config": project.label_config,
        "params": {"login": None, "password": None, "context": None},
    }
    try:
        results = studio.outgoing.call(backend, "predict", body)["results"]
    except BackendFailed:
        return
    with tables.lock:
        for task, made in zip(left, results, strict=True):
            if task.id in tables.tasks:
                add_prediction(tables, {"task": task.id, "model_version": version, **made})
                tables.touch(task.id)


def _backend(studio: Studio, backend_id: int) -> Backend:
    backend = studio.tables.backends.get(backend_id)
    if backend is None:
        raise Refused(404, "No MLBackend matches the given query.")
    studio.tables.project(backend.project, user())
    return backend


def _take(backend: Backend, fields: dict[str, Any]) -> None:
    for name in EDITABLE:
        if name in fields:
            setattr(backend, name, fields[name])


def _check(studio: Studio, backend: Backend, fields: dict[str, Any]) -> None:
    """Call the backend before anything is stored. Raises Refused with Label Studio's own sentences."""
    if fields.get("auth_method") == "BASIC_AUTH" and not {"basic_auth_user", "basic_auth_pass"} <= set(fields):
        raise invalid(non_field_errors="Authentication username and password is required for Basic Authentication.")
    try:
        studio.outgoing.call(backend, "health")
    except BackendFailed as problem:
        if problem.status == 401:
            raise invalid(non_field_errors=WRONG_CREDENTIALS) from None
        raise invalid(
            non_field_errors=f"Can't connect to ML backend {backend.url}, health check failed. Make sure it is up and "
            'your firewall is properly configured. <a href="https://labelstud.io/guide/ml.html">Learn more</a> about '
            f"how to set up an ML backend. Additional info: {problem}"
        ) from None
    try:
        studio.outgoing.setup(backend)
    except BackendFailed as problem:
        raise invalid(
            non_field_errors=f"Successfully connected to {backend.url} but it doesn't look like a valid ML backend. "
            f"Reason: {problem}.\nCheck the ML backend server console logs to check the status.There might be "
            "something wrong with your model or it might be incompatible with the current labeling configuration."
        ) from None


def _check_address(studio: Studio, url: str) -> None:
    """Validate an address before anything else, as Label Studio does."""
    host = urlsplit(url).hostname or ""
    if urlsplit(url).scheme not in {"http", "https"}:
        raise Refused(403, NOT_ALLOWED)
    if host.endswith(".invalid"):
        raise Refused(500, f"Can't resolve hostname {host}")
    if studio.faults.local_blocked and host in {"localhost", "127.0.0.1"}:
        raise Refused(403, "URL resolves to a reserved network address (block: 127.0.0.0/8)")


def _make_webhook(studio: Studio, backend: Backend) -> None:
    """Add the webhook that Label Studio makes itself: for all actions, without headers."""
    url = backend.url.rstrip("/") + "/webhook"
    if any((w.project, w.url) == (backend.project, url) for w in studio.tables.webhooks.values()):
        return
    hook = Webhook(studio.tables.new_id(), backend.project, url)
    studio.tables.webhooks[hook.id] = hook
