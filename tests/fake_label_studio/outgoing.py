"""The requests that Label Studio sends: to ML backends and to webhooks."""

from __future__ import annotations

import logging
from dataclasses import asdict
from typing import Any

import httpx

from fake_label_studio.faults import Faults, WebhookMode
from fake_label_studio.records import Annotation, Backend, Project, Task, Webhook
from fake_label_studio.tables import Tables

logger = logging.getLogger(__name__)

SECONDS = 20.0
"""Label Studio gives /health 1 s and /setup 3 s; that is too short for tests on a busy machine."""

FAILURES_UNTIL_OFF = 50

Call = tuple[Webhook, dict[str, Any]]


class BackendFailed(Exception):
    """A backend did not answer, or answered with an error."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class Outgoing:
    """Calls backends, and sends webhooks inside the request that caused them, once each."""

    def __init__(self, tables: Tables, faults: Faults) -> None:
        self.url = ""
        self._tables = tables
        self._faults = faults
        self._http = httpx.Client(timeout=SECONDS, trust_env=False)
        self._held: list[Call] = []
        self.sent: list[tuple[str, str]] = []
        """Action and address of every webhook that was sent."""

    def close(self) -> None:
        self._http.close()

    def call(self, backend: Backend, path: str, body: Any = None) -> Any:
        """The backend's answer at a path; a GET without a body, else a POST. Raises BackendFailed."""
        named = backend.auth_method == "BASIC_AUTH" and backend.basic_auth_user and backend.basic_auth_pass
        # `requests`, which Label Studio calls with, writes names and passwords in Latin-1 where it can.
        auth = _latin(backend.basic_auth_user), _latin(backend.basic_auth_pass)
        url = f"{backend.url.rstrip('/')}/{path}"
        status = 0
        try:
            answer = self._http.request("GET" if body is None else "POST", url, json=body, auth=auth if named else None)
            status = answer.status_code
            if status >= 400:
                side = "Client" if status < 500 else "Server"
                raise BackendFailed(f"{status} {side} Error: {answer.reason_phrase} for url: {url}", status)
            return answer.json()
        except httpx.ConnectError as problem:
            raise BackendFailed(
                f"HTTPConnectionPool({url!r}): Max retries exceeded with url: /{path} (Caused by "
                f'NewConnectionError("Failed to establish a new connection: {problem}"))',
                status,
            ) from None
        except (httpx.HTTPError, ValueError) as problem:
            raise BackendFailed(str(problem), status) from None

    def setup(self, backend: Backend) -> dict[str, Any]:
        """The backend's answer to POST /setup. Raises BackendFailed."""
        project = self._tables.projects[backend.project]
        body = {
            "project": project_uid(project),
            "schema": project.label_config,
            "hostname": self.url,
            "access_token": project.created_by.key,
            "extra_params": backend.extra_params,
        }
        return dict(self.call(backend, "setup", body))

    def update_state(self, backend: Backend) -> None:
        """Call the backend and store its state, as Label Studio does whenever it lists the backends."""
        try:
            self.call(backend, "health")
        except BackendFailed:
            backend.state = "Disconnected"  # the reason is not stored
            return
        try:
            backend.model_version = self.setup(backend).get("model_version")
            backend.state, backend.error_message = "Connected", None
        except BackendFailed as problem:
            backend.state, backend.error_message = "Error", str(problem)

    def emit(self, project: Project, action: str, **about: Any) -> None:
        """Send an event to the project's webhooks; their answers are ignored."""
        with self._tables.lock:
            hooks = [w for w in self._tables.webhooks.values() if w.project == project.id and w.is_active]
            body = {**about, "project": project_json(project)}
        for hook in hooks:
            if hook.send_for_all_actions or action in hook.actions:
                self._deliver((hook, {"action": action, **(body if hook.send_payload else {})}))

    def release(self, backwards: bool = False) -> int:
        """Send the webhooks that were held, last first with `backwards`; returns how many."""
        held, self._held = self._held, []
        for call in reversed(held) if backwards else held:
            self._send(call)
        return len(held)

    def _deliver(self, call: Call) -> None:
        mode = self._faults.webhooks
        if mode is WebhookMode.HOLD:
            self._held.append(call)
            return
        times = {WebhookMode.SEND: 1, WebhookMode.DOUBLE: 2, WebhookMode.DROP: 0}[mode]
        for _ in range(times):
            self._send(call)

    def _send(self, call: Call) -> None:
        hook, body = call
        self.sent.append((body["action"], hook.url))
        is_delivered = False
        try:
            is_delivered = self._http.post(hook.url, json=body, headers=hook.headers).is_success
        except httpx.HTTPError as problem:
            logger.info("webhook %s of %s is lost: %s", hook.url, body["action"], problem)
        if self._faults.failures_counted:
            hook.consecutive_failures = 0 if is_delivered else hook.consecutive_failures + 1
            hook.is_active = hook.is_active and hook.consecutive_failures < FAILURES_UNTIL_OFF


def project_uid(project: Project) -> str:
    """The project's id as backends get it."""
    return f"{project.id}.{int(project.created_at)}"


def project_json(project: Project) -> dict[str, Any]:
    """A project as webhooks carry it."""
    names = ("id", "title", "label_config", "sampling", "model_version", "maximum_annotations")
    return {name: getattr(project, name) for name in names}


def task_json(task: Task) -> dict[str, Any]:
    """A task as webhooks carry it."""
    return {"id": task.id, "data": task.data, "project": task.project, "updated_at": task.updated_at}


def annotation_json(annotation: Annotation) -> dict[str, Any]:
    """An annotation as webhooks and lists of tasks carry it."""
    return asdict(annotation)


def _latin(word: str) -> bytes:
    try:
        return word.encode("latin1")
    except UnicodeEncodeError:
        return word.encode()
