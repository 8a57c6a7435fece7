"""A gate in front of the backend that loses, doubles and reorders webhooks."""

from __future__ import annotations

import threading
from enum import StrEnum

import httpx
from gate import DROPPED, Gate

BROKEN = httpx.Response(502)


class WebhookMode(StrEnum):
    """What happens to a webhook."""

    SEND = "send"
    DROP = "drop"
    DOUBLE = "double"
    REORDER = "reorder"


class WebhookGate(Gate):
    """Passes requests to the backend's server; webhooks as `mode` says. Answers with 502 while the server is down."""

    def __init__(self, target: str) -> None:
        super().__init__(target)
        self.mode = WebhookMode.SEND
        self._held: list[tuple[str, dict[str, str], bytes]] = []
        self._lock = threading.Lock()

    def passed(self, method: str, path: str, headers: dict[str, str], body: bytes) -> httpx.Response:
        """The server's answer, or one of its own to a webhook that is lost or kept for later."""
        if "/webhook" not in path or self.mode is WebhookMode.SEND:
            return self._sent(method, path, headers, body)
        if self.mode is WebhookMode.REORDER:
            with self._lock:
                self._held.append((path, headers, body))
        if self.mode is WebhookMode.DOUBLE:
            self._sent(method, path, headers, body)
            return self._sent(method, path, headers, body)
        return httpx.Response(200, json={})

    def mend(self) -> None:
        """Send further webhooks as they come, after those that were kept, the last one first."""
        self.mode = WebhookMode.SEND
        with self._lock:
            held, self._held = self._held[::-1], []
        for path, headers, body in held:
            self._sent("POST", path, headers, body)

    def _sent(self, method: str, path: str, headers: dict[str, str], body: bytes) -> httpx.Response:
        forwarded = {name: value for name, value in headers.items() if name.lower() not in DROPPED}
        try:
            return self._client.request(method, path, headers=forwarded, content=body)
        except httpx.HTTPError:
            return BROKEN
