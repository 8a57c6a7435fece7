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

from ml_backend.environment_values import label_studio_key
from ml_backend.labelstudio.errors import (
    LabelStudioError,
    LabelStudioUnavailable,
    Unauthorized,
    error_of_response,
    not_label_studio,
)
from ml_backend.labelstudio.transport_errors import NEVER_SENT, redirect_problem, unreachable, unreadable_certificates

TIMEOUT_SECONDS = 300.0
REPEATS = 2
REFRESH_PATH = "api/token/refresh/"
VARIABLE = "LABEL_STUDIO_URL"


class Session:
    """Requests to one Label Studio with one key; safe to share between threads.

    proxy_authorization: value of the header Authorization if a proxy in front of Label Studio needs it for itself; the
    key is then sent as X-API-Key. Redirects are not followed: with most of them a client turns POST, PATCH and DELETE
    into a GET without a body. repeats: how often a request is repeated after an error of Label Studio; never for POST,
    whose effect could be doubled.
    """

    def __init__(
        self,
        url: str,
        api_key: str | None,
        proxy_authorization: str | None = None,
        timeout_seconds: float = TIMEOUT_SECONDS,
        repeats: int = REPEATS,
    ) -> None:
        self.url = url.rstrip("/")
        self._timeout_seconds = timeout_seconds
        self._repeats = repeats
        self._api_key = api_key
        self._proxy_headers = proxy_headers(proxy_authorization)
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
            return self._json(self._send(method, path, params, body), path)
        finally:
            requests, seconds = getattr(self._stats, "value", (0, 0.0))
            self._stats.value = (requests + 1, seconds + time.monotonic() - started)

    def request_object(self, method: str, path: str, params: dict[str, Any] | None = None) -> dict[str, Any]:
        """`request` for a JSON object. Raises LabelStudioUnavailable also for any other response."""
        answer = self.request(method, path, params)
        if not isinstance(answer, dict):
            raise LabelStudioUnavailable(not_label_studio(self.url, f"no JSON object at /{path}"))
        return answer

    def request_objects(self, method: str, path: str, params: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        """`request` for a list of JSON objects. Raises LabelStudioUnavailable also for any other response."""
        answer = self.request(method, path, params)
        if not isinstance(answer, list) or not all(isinstance(item, dict) for item in answer):
            raise LabelStudioUnavailable(not_label_studio(self.url, f"no list of JSON objects at /{path}"))
        return answer

    def take_request_stats(self) -> tuple[int, float]:
        """Number of this thread's requests since the last call of this method, and the seconds that they took."""
        stats = getattr(self._stats, "value", (0, 0.0))
        self._stats.value = (0, 0.0)
        return stats

    def _send(self, method: str, path: str, params: dict[str, Any] | None, body: Any) -> httpx.Response:
        """The response, of status below 400.

        The access token of a personal access token can expire on the way, or too early for a clock that is behind, so a
        request that is not accepted is sent once more with a new one.
        """
        sdk = self._client()
        try:
            return self._send_once(sdk, method, path, params, body)
        except Unauthorized:
            if not is_personal_access_token(self._api_key):
                raise
        return self._send_once(self._client(instead_of=sdk), method, path, params, body)

    def _send_once(
        self, sdk: SyncClientWrapper, method: str, path: str, params: dict[str, Any] | None, body: Any
    ) -> httpx.Response:
        try:
            response = sdk.httpx_client.request(
                path,
                method=method,
                params=params,
                json=body,
                request_options={"max_retries": 0 if method == "POST" else self._repeats},
            )
        except ApiError as problem:
            raise self._error(path, problem.status_code or 401, str(problem.body)) from None
        except (httpx.HTTPError, httpx.InvalidURL) as problem:
            sentence = self._without_key(unreachable("Label Studio", self.url, VARIABLE, problem))
            raise LabelStudioUnavailable(sentence, may_have_taken_effect=not isinstance(problem, NEVER_SENT)) from None
        if response.status_code >= 400:
            raise self._error(path, response.status_code, response.text)
        return response

    def _json(self, response: httpx.Response, path: str) -> Any:
        if not response.content:
            return None
        try:
            return response.json()
        except ValueError:
            raise LabelStudioUnavailable(not_label_studio(self.url, f"no JSON at /{path}")) from None

    def _error(self, path: str, status: int, text: str) -> LabelStudioError:
        error = error_of_response(self.url, path, status, self._without_key(text))
        if isinstance(error, Unauthorized) and self._proxy_headers and is_personal_access_token(self._api_key):
            return Unauthorized(
                f"{error} With LABEL_STUDIO_PROXY_AUTHORIZATION set, it may accept a legacy token only."
            )
        return error

    def _without_key(self, text: str) -> str:
        for secret in (self._api_key, self._proxy_headers.get("Authorization")):
            text = text.replace(secret, "[key]") if secret else text
        return text

    def _client(self, instead_of: SyncClientWrapper | None = None) -> SyncClientWrapper:
        """The SDK's client with its access token; a new one, which requests a new token, for `instead_of`."""
        key = self._usable_key()
        with self._lock:
            if self._sdk is None or self._sdk is instead_of:
                self._http = self._http or self._new_http_client()
                headers = {**self._proxy_headers, "X-API-Key": key} if self._proxy_headers else None
                try:
                    self._sdk = SyncClientWrapper(
                        # Without the slash the SDK requests access tokens beside the last part of the address's path.
                        base_url=f"{self.url}/",
                        api_key=key,
                        headers=headers,
                        timeout=self._timeout_seconds,
                        httpx_client=self._http,
                    )
                except ApiError as problem:
                    raise self._error(REFRESH_PATH, problem.status_code or 401, str(problem.body)) from None
            return self._sdk

    def _usable_key(self) -> str:
        if not self._api_key:
            raise Unauthorized(
                "no key for Label Studio: set LABEL_STUDIO_API_KEY to the token under Account & Settings ▸ Legacy "
                "Token or Personal Access Token"
            )
        try:
            return label_studio_key(self._api_key)
        except ValueError as problem:
            raise Unauthorized(f"LABEL_STUDIO_API_KEY {problem}") from None

    def _new_http_client(self) -> httpx.Client:
        hooks = {"response": [self._check_response]}
        try:
            return httpx.Client(
                headers=self._proxy_headers, timeout=self._timeout_seconds, follow_redirects=False, event_hooks=hooks
            )
        except OSError as problem:
            raise LabelStudioUnavailable(unreadable_certificates(problem)) from None

    def _check_response(self, response: httpx.Response) -> None:
        """Raise for a redirect, and for an answer to the request for an access token that the SDK cannot read."""
        if response.has_redirect_location:
            location = response.headers["Location"]
            raise LabelStudioUnavailable(redirect_problem(self.url, VARIABLE, response.request.url, location))
        if not response.request.url.path.endswith(f"/{REFRESH_PATH}"):
            return
        response.read()
        if response.status_code >= 400:
            raise self._error(REFRESH_PATH, response.status_code, response.text)
        answer = self._json(response, REFRESH_PATH)
        if not isinstance(answer, dict) or not isinstance(answer.get("access"), str):
            raise LabelStudioUnavailable(not_label_studio(self.url, f"no access token at /{REFRESH_PATH}"))


def proxy_headers(proxy_authorization: str | None) -> dict[str, str]:
    """The headers that a proxy in front of Label Studio needs; none without one."""
    return {"Authorization": proxy_authorization} if proxy_authorization else {}


def is_personal_access_token(key: str | None) -> bool:
    """Whether a key is a personal access token, a JWT of three parts; a legacy token has no dots."""
    return key is not None and key.count(".") == 2
