"""Routes about the installation, users and their tokens."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, request

from fake_label_studio.problems import Refused
from fake_label_studio.studio import Studio, body_object, user


def routes(studio: Studio) -> Blueprint:
    """`/health`, `/api/version`, `/api/current-user`, `/api/organizations`, `/api/token`, `/api/jwt/settings`."""
    blueprint = Blueprint("people", __name__)
    tokens, tables = studio.tokens, studio.tables

    @blueprint.get("/health")
    def health() -> dict[str, Any]:
        return {"status": "UP"}

    @blueprint.get("/api/version")
    @blueprint.get("/<path:_page>/api/version")
    def version(_page: str = "") -> dict[str, Any]:
        return {"release": "1.23.2", "label-studio-os-package": {"version": "1.23.2"}}

    @blueprint.get("/api/current-user/whoami")
    def whoami() -> dict[str, Any]:
        person = user()
        return {"id": person.id, "email": person.email, "active_organization": person.organization}

    @blueprint.get("/api/organizations/<int:organization>/memberships")
    def memberships(organization: int) -> dict[str, Any]:
        if organization != user().organization:
            raise Refused(404, "No Organization matches the given query.")
        with tables.lock:
            listed = [person for person in tables.users.values() if person.organization == organization]
        size = int(request.args.get("page_size", 20))
        first = (int(request.args.get("page", 1)) - 1) * size
        shown = [
            {
                "organization": organization,
                "user": {name: getattr(p, name) for name in ("id", "email", "first_name", "last_name")},
            }
            for p in listed[first : first + size]
        ]
        more = "next page" if first + size < len(listed) else None
        return {"count": len(listed), "next": more, "previous": None, "results": shown}

    @blueprint.get("/api/current-user/token")
    def legacy_token() -> dict[str, Any]:
        return {"token": user().key}

    @blueprint.post("/api/jwt/settings")
    def token_settings() -> dict[str, Any]:
        changes = body_object()
        tokens.legacy_allowed = bool(changes.get("legacy_api_tokens_enabled", tokens.legacy_allowed))
        return changes

    @blueprint.get("/api/token/")
    def personal_tokens() -> list[dict[str, Any]]:
        return [{"token": token} for token in tokens.refresh_tokens(user())]

    @blueprint.post("/api/token/")
    def new_token() -> tuple[dict[str, Any], int]:
        return {"token": tokens.new_refresh(user())}, 201

    @blueprint.post("/api/token/blacklist/")
    def blacklist() -> tuple[str, int]:
        tokens.drop_refresh(str(body_object().get("refresh")))
        return "", 204

    @blueprint.post("/api/token/refresh/")
    def refresh() -> dict[str, Any]:
        return {"access": tokens.access(str(body_object().get("refresh")))}

    return blueprint
