"""Connect a project to the backend: the ML backend entry, its webhook with the secret, and the sampling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ml_backend.labelstudio.client import LabelStudio, LabelStudioUnavailable, RequestRefused
from ml_backend.labelstudio.events import SECRET_HEADER

TITLE = "Active learning"


@dataclass(frozen=True)
class BackendEntry:
    """An ML backend as a project of Label Studio has it."""

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


def backends(client: LabelStudio, project_id: int) -> list[BackendEntry]:
    """ML backends that the project has, each with the state that Label Studio finds by calling it now."""
    return [_entry(found) for found in client.request("GET", "api/ml", params={"project": project_id})]


def kept_backends(client: LabelStudio, project_id: int) -> list[BackendEntry]:
    """ML backends that the project has, as they are kept; none is called, so their state may be old.

    `backends` calls each one and then writes back what it read before: a change or removal of that moment is undone.
    """
    params = {"extended": True, "include_live_models": True}
    answer = client.request("GET", f"api/projects/{project_id}/model-versions/", params=params)
    live = answer.get("live") if isinstance(answer, dict) else None
    # Versions of Label Studio that do not know the parameter answer without the list.
    return backends(client, project_id) if live is None else [_entry(found) for found in live]


def ours(entries: list[BackendEntry], address: str | None) -> BackendEntry | None:
    """The only entry; of several the one with the address that is known to be ours, or None."""
    if len(entries) == 1:
        return entries[0]
    return next((entry for entry in entries if address and same_address(entry.url, address)), None)


def webhooks(client: LabelStudio, project_id: int) -> list[WebhookEntry]:
    """Webhooks that the project has."""
    found = client.request("GET", "api/webhooks/", params={"project": project_id})
    return [
        WebhookEntry(
            id=entry["id"],
            url=entry.get("url") or "",
            active=bool(entry.get("is_active")),
            for_all_actions=bool(entry.get("send_for_all_actions")),
            headers=entry.get("headers") or {},
        )
        for entry in found
    ]


def connect_backend(
    client: LabelStudio,
    project_id: int,
    backend_url: str,
    basic_auth: tuple[str, str] | None,
    extra_params: dict[str, Any] | None,
) -> BackendEntry:
    """Add the backend to the project, or bring the entry with this address up to date.

    extra_params: all that the entry is to have; None leaves them as they are. Raises RequestRefused with Label
    Studio's own reason, and the remedy for its commonest one.
    """
    body: dict[str, Any] = {"project": project_id, "url": backend_url, "title": TITLE, "is_interactive": False}
    if extra_params is not None:
        body["extra_params"] = extra_params
    if basic_auth is not None:
        user, password = basic_auth
        body |= {"auth_method": "BASIC_AUTH", "basic_auth_user": user, "basic_auth_pass": password}
    there = [b for b in backends(client, project_id) if same_address(b.url, backend_url)]
    try:
        if there:
            client.request("PATCH", f"api/ml/{there[0].id}", body=body)
        else:
            client.request("POST", "api/ml", body=body)
    except RequestRefused as problem:
        if "reserved" in str(problem) or "local" in str(problem).lower():
            raise RequestRefused(
                f"{problem}. Start Label Studio with ML_BLOCK_LOCAL_IP=false and SSRF_PROTECTION_ENABLED=false so that "
                f"it may call {backend_url}."
            ) from None
        raise
    return next(b for b in backends(client, project_id) if same_address(b.url, backend_url))


def address_refused(client: LabelStudio, backend_url: str) -> str | None:
    """Why Label Studio would not call a backend at this address, in its words, or None.

    Asks to connect it to a project that there never is: addresses are looked at first, and nothing is changed.
    """
    try:
        client.request("POST", "api/ml", body={"project": 0, "url": backend_url})
    except (RequestRefused, LabelStudioUnavailable) as problem:
        said = str(problem)
        if any(word in said for word in ("reserved", "resolve")):
            return said
    return None


def ensure_webhook(client: LabelStudio, project_id: int, backend_url: str, secret: str, create: bool = True) -> bool:
    """Have one active webhook for all actions that carries our secret; True when something had to be changed.

    create: make it when there is none; without, only mend what is there.
    """
    url = backend_url.rstrip("/") + "/webhook"
    wanted = {SECRET_HEADER: secret}
    mine = [w for w in webhooks(client, project_id) if same_address(w.url, url)]
    if not mine and not create:
        return False
    if not mine:
        body = {"project": project_id, "url": url, "send_payload": True, "send_for_all_actions": True}
        client.request("POST", "api/webhooks/", body={**body, "headers": wanted, "is_active": True})
        return True
    first, *doubles = mine
    for double in doubles:
        client.request("DELETE", f"api/webhooks/{double.id}/")
    right = first.active and first.for_all_actions and first.headers.get(SECRET_HEADER) == secret
    if not right:
        changes = {"headers": {**first.headers, **wanted}, "is_active": True, "send_for_all_actions": True}
        client.request("PATCH", f"api/webhooks/{first.id}/", body={"url": url, "send_payload": True, **changes})
    return bool(doubles) or not right


def same_address(one: str, other: str) -> bool:
    """Whether two addresses are the same but for a closing slash."""
    return one.rstrip("/") == other.rstrip("/")


def _entry(found: dict[str, Any]) -> BackendEntry:
    return BackendEntry(
        id=found["id"],
        url=found.get("url") or "",
        title=found.get("title") or "",
        state=found.get("readable_state") or found.get("state") or "",
        error=found.get("error_message") or "",
        extra_params=found.get("extra_params"),
    )
