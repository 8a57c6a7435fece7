"""Legacy tokens and personal access tokens: who a request comes from."""

from __future__ import annotations

import base64
import json
import time
import uuid
from typing import Any

from fake_label_studio.problems import Refused
from fake_label_studio.records import User
from fake_label_studio.tables import Tables

ACCESS_SECONDS = 300
REFRESH_SECONDS = 10**8


class Tokens:
    """Keys of users; legacy_allowed: whether the organization accepts legacy tokens, which a new one does not."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._refresh: dict[str, User] = {}
        self._access: dict[str, User] = {}
        self.legacy_allowed = True

    def user(self, authorization: str) -> User:
        """The user whose key this is. Raises Refused with 401."""
        scheme, _, key = authorization.partition(" ")
        if scheme == "Token" and self.legacy_allowed:
            for person in self._tables.users.values():
                if person.key == key:
                    return person
        if scheme == "Bearer" and key in self._access:
            return self._access[key]
        is_wrong = scheme == "Token" and key
        raise Refused(401, "Invalid token." if is_wrong else "Authentication credentials were not provided.")

    def new_refresh(self, person: User) -> str:
        """A new personal access token."""
        token = _jwt("refresh", REFRESH_SECONDS)
        self._refresh[token] = person
        return token

    def refresh_tokens(self, person: User) -> list[str]:
        """The personal access tokens of a user."""
        return [token for token, owner in self._refresh.items() if owner is person]

    def drop_refresh(self, token: str) -> None:
        """Revoke a personal access token."""
        self._refresh.pop(token, None)

    def expire_access(self) -> None:
        """Let all access tokens expire, before the time that is written in them."""
        self._access.clear()

    def access(self, refresh: str) -> str:
        """A short-lived token for a personal access token. Raises Refused with 401."""
        if refresh not in self._refresh:
            raise Refused(401, "Token is invalid")
        token = _jwt("access", ACCESS_SECONDS)
        self._access[token] = self._refresh[refresh]
        return token


def _jwt(kind: str, seconds: int) -> str:
    claims = {"token_type": kind, "exp": int(time.time()) + seconds, "jti": uuid.uuid4().hex}
    parts = [_encoded({"alg": "HS256", "typ": "JWT"}), _encoded(claims), "c2lnbmF0dXJl"]
    return ".".join(parts)


def _encoded(part: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")
