"""Connect a project to the backend: the ML backend entry, its webhook with the secret, and the sampling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ml_backend.labelstudio.client import LabelStudio
from ml_backend.labelstudio.errors import LabelStudioUnavailable, RequestRefused
from ml_backend.labelstudio.events import SECRET_HEADER

TITLE = "Active learning"
"""Name of the backend in Label Studio."""


@dataclass(frozen=True)
class BackendEntry:
    """An ML backend as a project of Label Studio has it.

    extra_params: what a person typed into the connect form, an object or a string of JSON, None when nothing.
    """

    id: int
    url: str
    title: str
    state: str
    error: str
    extra_params: Any


@dataclass(frozen=True)
class WebhookEntry:
    """A webhook of a project."""

    id: int
    url: str
    active: bool
    for_all_actions: bool
    headers: dict[str, str]


def probe_backends(client: LabelStudio, project_id: int) -> list[BackendEntry]:
    """ML backends of the project, each with the state that Label Studio finds by calling it now."""
    return [_backend_entry(entry) for entry in client.request("GET", "api/ml", params={"project": project_id})]


def stored_backends(client: LabelStudio, project_id: int) -> list[BackendEntry]:
    """ML backends of the project as Label Studio stores them; none is called, so their state may be old.

    With `probe_backends` Label Studio calls each one and then writes back what it read before: a change or removal of
    that moment is undone.
    """
    params = {"extended": True, "include_live_models": True}
    versions = client.request("GET", f"api/projects/{project_id}/model-versions/", params=params)
    entries = versions.get("live") if isinstance(versions, dict) else None
    if entries is None:
        # Versions of Label Studio that do not know the parameter leave the list out.
        return probe_backends(client, project_id)
    return [_backend_entry(entry) for entry in entries]


def own_entry(entries: list[BackendEntry], address: str | None) -> BackendEntry | None:
    """The entry of this backend: the only one, or of several the one with this address; None without one.

    address: where Label Studio reaches this backend, as far as it is known.
    """
    if len(entries) == 1:
        return entries[0]
    return next((entry for entry in entries if address and same_address(entry.url, address)), None)


def webhooks(client: LabelStudio, project_id: int) -> list[WebhookEntry]:
    """Webhooks of the project."""
    entries = client.request("GET", "api/webhooks/", params={"project": project_id})
    return [
        WebhookEntry(
            id=entry["id"],
            url=entry.get("url") or "",
            active=bool(entry.get("is_active")),
            for_all_actions=bool(entry.get("send_for_all_actions")),
            headers=entry.get("headers") or {},
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
    """Add the backend to the project, or bring the entry with this address up to date; returns the entry.

    basic_auth: user and password that the backend asks for. extra_params: all that the entry is to have; None leaves
    them as they are. Raises RequestRefused with Label Studio's own reason, and the remedy for its commonest one.
    """
    body: dict[str, Any] = {"project": project_id, "url": backend_url, "title": TITLE, "is_interactive": False}
    if extra_params is not None:
        body["extra_params"] = extra_params
    if basic_auth is not None:
        user, password = basic_auth
        body |= {"auth_method": "BASIC_AUTH", "basic_auth_user": user, "basic_auth_pass": password}
    same = [entry for entry in probe_backends(client, project_id) if same_address(entry.url, backend_url)]
    try:
        if same:
            client.request("PATCH", f"api/ml/{same[0].id}", body=body)
        else:
            client.request("POST", "api/ml", body=body)
    except RequestRefused as problem:
        if "reserved" in str(problem) or "local" in str(problem).lower():
            raise RequestRefused(
                f"{problem}. Start Label Studio with ML_BLOCK_LOCAL_IP=false and SSRF_PROTECTION_ENABLED=false so that "
                f"it may call {backend_url}."
            ) from None
        raise
    return next(entry for entry in probe_backends(client, project_id) if same_address(entry.url, backend_url))


def address_refused(client: LabelStudio, backend_url: str) -> str | None:
    """Why Label Studio would not call a backend at this address, in its words, or None where it would.

    Asks to connect the backend to project 0, which never exists: Label Studio validates the address first, and nothing
    is changed.
    """
    try:
        client.request("POST", "api/ml", body={"project": 0, "url": backend_url})
    except (RequestRefused, LabelStudioUnavailable) as problem:
        reason = str(problem)
        if any(word in reason for word in ("reserved", "resolve")):
            return reason
    return None


def ensure_webhook(client: LabelStudio, project_id: int, backend_url: str, secret: str, create: bool = True) -> bool:
    """Make sure that one active webhook for all actions carries our secret; returns whether anything was changed.

    create: whether to make a webhook when the project has none; otherwise only an existing one is repaired.
    """
    url = backend_url.rstrip("/") + "/webhook"
    secret_header = {SECRET_HEADER: secret}
    own = [webhook for webhook in webhooks(client, project_id) if same_address(webhook.url, url)]
    if not own and not create:
        return False
    if not own:
        body = {"project": project_id, "url": url, "send_payload": True, "send_for_all_actions": True}
        client.request("POST", "api/webhooks/", body={**body, "headers": secret_header, "is_active": True})
        return True
    first, *duplicates = own
    for duplicate in duplicates:
        client.request("DELETE", f"api/webhooks/{duplicate.id}/")
    intact = first.active and first.for_all_actions and first.headers.get(SECRET_HEADER) == secret
    if not intact:
        changes = {"headers": {**first.headers, **secret_header}, "is_active": True, "send_for_all_actions": True}
        client.request("PATCH", f"api/webhooks/{first.id}/", body={"url": url, "send_payload": True, **changes})
    return bool(duplicates) or not intact


def same_address(url: str, other_url: str) -> bool:
    """Whether two addresses are the same but for a closing slash."""
    return url.rstrip("/") == other_url.rstrip("/")


def _backend_entry(entry: dict[str, Any]) -> BackendEntry:
    return BackendEntry(
        id=entry["id"],
        url=entry.get("url") or "",
        title=entry.get("title") or "",
        state=entry.get("readable_state") or entry.get("state") or "",
        error=entry.get("error_message") or "",
        extra_params=entry.get("extra_params"),
    )
