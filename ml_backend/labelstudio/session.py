"""Authenticated requests to Label Studio's API, as JSON.

The SDK's request client supports both kinds of token, and repeats requests after errors of Label Studio. Its typed
methods are not used: they build a model of every object, which for a list of tasks takes longer than the request,
and they lack some of the parameters and routes that we need.
"""

from __future__ import annotations

import threading
import time
from typing import Any

import httpx
from label_studio_sdk.core.api_error import ApiError
from label_studio_sdk.core.client_wrapper import SyncClientWrapper

from ml_backend.labelstudio.errors import LabelStudioError, LabelStudioUnavailable, Unauthorized, error_of_response

TIMEOUT_SECONDS = 300.0


class Session:
    """Requests to one Label Studio with one key; safe to share between threads."""

    def __init__(self, url: str, api_key: str | None) -> None:
        self.url = url
        self._api_key = api_key
        self._lock = threading.Lock()
        self._http: httpx.Client | None = None
        self._sdk: SyncClientWrapper | None = None
        self._stats = threading.local()

    def close(self) -> None:
        """Close the connections; the next request opens new ones."""
        with self._lock:
            if self._http is not None:
                self._http.close()
            self._http = self._sdk = None

    def request(self, method: str, path: str, params: dict[str, Any] | None = None, body: Any = None) -> Any:
        """Send one request and return the JSON of the response, or None if it has no content.

        path: without a leading slash. Raises LabelStudioUnavailable, Unauthorized, ProjectGone and RequestRefused.
        """
        started = time.monotonic()
        try:
            return self._send(method, path, params, body)
        finally:
            requests, seconds = getattr(self._stats, "value", (0, 0.0))
            self._stats.value = (requests + 1, seconds + time.monotonic() - started)

    def take_request_stats(self) -> tuple[int, float]:
        """Number of this thread's requests since the last call of this method, and the seconds that they took."""
        stats = getattr(self._stats, "value", (0, 0.0))
        self._stats.value = (0, 0.0)
        return stats

    def _send(self, method: str, path: str, params: dict[str, Any] | None, body: Any) -> Any:
        try:
            response = self._client().httpx_client.request(path, method=method, params=params, json=body)
        except ApiError as problem:
            raise self._error(path, problem.status_code or 401, str(problem.body)) from None
        except httpx.HTTPError as problem:
            raise LabelStudioUnavailable(
                f"Label Studio does not respond at {self.url} ({type(problem).__name__}: {problem}). "
                "Start it, or set LABEL_STUDIO_URL to its address."
            ) from None
        if response.status_code >= 400:
            raise self._error(path, response.status_code, response.text)
        if not response.content:
            return None
        try:
            return response.json()
        except ValueError:
            raise LabelStudioUnavailable(
                f"the server at {self.url} is not Label Studio (no JSON at /{path}); check LABEL_STUDIO_URL"
            ) from None

    def _error(self, path: str, status: int, text: str) -> LabelStudioError:
        return error_of_response(self.url, path, status, text)

    def _client(self) -> SyncClientWrapper:
        if not self._api_key:
            raise Unauthorized(
                "no key for Label Studio: set LABEL_STUDIO_API_KEY to the token under Account & Settings ▸ Legacy "
                "Token or Personal Access Token"
            )
        with self._lock:
            if self._sdk is None:
                self._http = self._http or httpx.Client(timeout=TIMEOUT_SECONDS, follow_redirects=True)
                self._sdk = SyncClientWrapper(
                    base_url=self.url, api_key=self._api_key, timeout=TIMEOUT_SECONDS, httpx_client=self._http
                )
            return self._sdk
