"""Connect a project to the backend: the ML backend entry, and its webhook with the secret."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from ml_backend.labelstudio.client import LabelStudio
from ml_backend.labelstudio.connect_refusal import address_problem, refusal
from ml_backend.labelstudio.errors import LabelStudioUnavailable, RequestRefused
from ml_backend.labelstudio.events import SECRET_HEADER
from ml_backend.labelstudio.webhook_states import FAILURES_UNTIL_OFF, WebhookState

TITLE = "Active learning"
"""Name of the backend in Label Studio."""


@dataclass(frozen=True)
class BackendEntry:
    """An ML backend as a project of Label Studio has it.

    extra_params: as typed into the connect form, an object or a string of JSON, None if empty; model_version: what the
    backend answered last at /setup, "" if nothing.
    """

    id: int
    url: str
    title: str
    state: str
    error: str
    extra_params: Any
    model_version: str = ""


@dataclass(frozen=True)
class WebhookEntry:
    """A webhook of a project.

    failures: failed deliveries in a row, 0 in versions of Label Studio that do not count them.
    """

    id: int
    url: str
    active: bool
    for_all_actions: bool
    headers: dict[str, str]
    failures: int = 0

    @property
    def switched_off_after_failures(self) -> bool:
        """Whether Label Studio itself switched the webhook off; versions that do not count failures never do."""
        return not self.active and self.failures >= FAILURES_UNTIL_OFF


def probe_backends(client: LabelStudio, project_id: int) -> list[BackendEntry]:
    """ML backends of the project; Label Studio calls each one to find its state. Raises LabelStudioError."""
    return [_backend_entry(entry) for entry in client.request_objects("GET", "api/ml", {"project": project_id})]


def stored_backends(client: LabelStudio, project_id: int) -> list[BackendEntry]:
    """ML backends of the project as Label Studio stores them; none is called, so their state may be outdated.

    Prefer this to `probe_backends`, where Label Studio calls each backend and then saves the row that it read before,
    which undoes a change or removal made in between. Raises LabelStudioError.
    """
    params = {"extended": True, "include_live_models": True}
    versions = client.request("GET", f"api/projects/{project_id}/model-versions/", params=params)
    entries = versions.get("live") if isinstance(versions, dict) else None
    if entries is None:
        # Versions of Label Studio without this parameter do not return the list.
        return probe_backends(client, project_id)
    return [_backend_entry(entry) for entry in entries]


def own_entry(entries: list[BackendEntry], address: str | None) -> BackendEntry | None:
    """The entry of this backend: the only one, or the one with this address if there are several; None if none fits.

    address: where Label Studio reaches this backend, None if unknown.
    """
    if len(entries) == 1:
        return entries[0]
    return next((entry for entry in entries if address and same_address(entry.url, address)), None)


def other_installations(entries: list[BackendEntry], hooks: list[WebhookEntry], own_url: str) -> list[str]:
    """Addresses of further active learning backends of the project: they have an entry and a webhook like ours.

    Label Studio serves the batch of one of them only. Other programs' ML backends do not count.
    """
    ours_by_webhook = [hook.url for hook in hooks if SECRET_HEADER in hook.headers]
    return [
        entry.url
        for entry in entries
        if not same_address(entry.url, own_url)
        and any(same_address(url, _webhook_address(entry.url)) for url in ours_by_webhook)
    ]


def webhooks(client: LabelStudio, project_id: int) -> list[WebhookEntry]:
    """Webhooks of the project. Raises LabelStudioError."""
    entries = client.request_objects("GET", "api/webhooks/", {"project": project_id})
    return [
        WebhookEntry(
            id=entry["id"],
            url=entry.get("url") or "",
            active=bool(entry.get("is_active")),
            for_all_actions=bool(entry.get("send_for_all_actions")),
            headers=entry.get("headers") or {},
            failures=entry.get("consecutive_failures") or 0,
        )
        for entry in entries
    ]


def connect_backend(
    client: LabelStudio,
    project_id: int,
    backend_url: str,
    basic_auth: tuple[str, str] | None,
    extra_params: dict[str, Any] | None,
) -> BackendEntry:
    """Add the backend to the project, or update the entry with this address; returns the entry.

    basic_auth: user and password that the backend requires; extra_params: new extra params of the entry, None to keep
    the present ones. Raises RequestRefused with the cause and its remedy, and other LabelStudioErrors.
    """
    body: dict[str, Any] = {"project": project_id, "url": backend_url, "title": TITLE, "is_interactive": False}
    if extra_params is not None:
        # Label Studio's form shows an object as "[object Object]", and then cannot be saved.
        body["extra_params"] = json.dumps(extra_params)
    if basic_auth is not None:
        user, password = basic_auth
        body |= {"auth_method": "BASIC_AUTH", "basic_auth_user": user, "basic_auth_pass": password}
    entries_with_address = [
        entry for entry in probe_backends(client, project_id) if same_address(entry.url, backend_url)
    ]
    try:
        if entries_with_address:
            client.request("PATCH", f"api/ml/{entries_with_address[0].id}", body=body)
        else:
            client.request("POST", "api/ml", body=body)
    except RequestRefused as problem:
        raise RequestRefused(refusal(str(problem), backend_url)) from None
    except LabelStudioUnavailable as problem:
        reason = address_problem(str(problem), backend_url)
        if reason is None:
            raise
        raise RequestRefused(reason) from None
    return next(entry for entry in probe_backends(client, project_id) if same_address(entry.url, backend_url))


def address_refused(client: LabelStudio, backend_url: str) -> str | None:
    """Why Label Studio does not call a backend at this address, with the remedy; None if it would call it.

    Sends a request to connect the backend to project 0, which never exists: Label Studio validates the address first,
    and nothing is changed. Raises Unauthorized and ProjectGone.
    """
    try:
        client.request("POST", "api/ml", body={"project": 0, "url": backend_url})
    except (RequestRefused, LabelStudioUnavailable) as problem:
        return address_problem(str(problem), backend_url)
    return None


def ensure_webhook(
    client: LabelStudio, project_id: int, backend_url: str, secret: str, create: bool = True
) -> WebhookState:
    """Make sure that one active webhook for all actions carries our secret.

    create: whether to create a missing webhook, and to switch on one that a person switched off; otherwise both are
    left, since they may be on purpose. Raises LabelStudioError.
    """
    url = _webhook_address(backend_url)
    secret_header = {SECRET_HEADER: secret}
    our_webhooks = [webhook for webhook in webhooks(client, project_id) if same_address(webhook.url, url)]
    if not our_webhooks and not create:
        return WebhookState.MISSING
    if not our_webhooks:
        body = {"project": project_id, "url": url, "send_payload": True, "send_for_all_actions": True}
        client.request("POST", "api/webhooks/", body={**body, "headers": secret_header, "is_active": True})
        return WebhookState.REPAIRED
    first, *duplicates = our_webhooks
    for duplicate in duplicates:
        client.request("DELETE", f"api/webhooks/{duplicate.id}/")
    stays_off = not (first.active or create or first.switched_off_after_failures)
    is_intact = first.for_all_actions and first.headers.get(SECRET_HEADER) == secret
    if not is_intact or (not first.active and not stays_off):
        changes = {"headers": {**first.headers, **secret_header}, "send_for_all_actions": True}
        body = {"url": url, "send_payload": True, "is_active": not stays_off, **changes}
        client.request("PATCH", f"api/webhooks/{first.id}/", body=body)
    if stays_off:
        return WebhookState.OFF
    if first.switched_off_after_failures:
        return WebhookState.SWITCHED_ON
    return WebhookState.REPAIRED if duplicates or not is_intact or not first.active else WebhookState.INTACT


def same_address(url: str, other_url: str) -> bool:
    """Whether two addresses are equal, apart from a trailing slash."""
    return url.rstrip("/") == other_url.rstrip("/")


def _webhook_address(backend_url: str) -> str:
    return backend_url.rstrip("/") + "/webhook"


def _backend_entry(entry: dict[str, Any]) -> BackendEntry:
    return BackendEntry(
        id=entry["id"],
        url=entry.get("url") or "",
        title=entry.get("title") or "",
        state=entry.get("readable_state") or entry.get("state") or "",
        error=entry.get("error_message") or "",
        extra_params=entry.get("extra_params"),
        model_version=entry.get("model_version") or "",
    )
