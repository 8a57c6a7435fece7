"""Routes about webhooks. Any user of the organization reads their headers."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flask import Blueprint, request

from fake_label_studio.problems import Refused
from fake_label_studio.records import Webhook
from fake_label_studio.studio import Studio, body_object, user

EDITABLE = ("url", "send_payload", "send_for_all_actions", "headers", "is_active", "actions")


def routes(studio: Studio) -> Blueprint:
    """`/api/webhooks`."""
    blueprint = Blueprint("webhooks", __name__)
    tables = studio.tables

    def stored(hook_id: int) -> Webhook:
        hook = tables.webhooks.get(hook_id)
        if hook is None:
            raise Refused(404, "No Webhook matches the given query.")
        tables.project(hook.project, user())
        return hook

    def changed(hook: Webhook) -> dict[str, Any]:
        for name in EDITABLE:
            setattr(hook, name, body_object().get(name, getattr(hook, name)))
        return shown(hook)

    def shown(hook: Webhook) -> dict[str, Any]:
        fields = asdict(hook)
        if not studio.faults.failures_counted:
            del fields["consecutive_failures"]
        return fields

    @blueprint.get("/api/webhooks")
    def webhooks() -> list[dict[str, Any]]:
        with tables.lock:
            project = tables.project(int(request.args["project"]), user())
            return [shown(hook) for hook in tables.webhooks.values() if hook.project == project.id]

    @blueprint.post("/api/webhooks")
    def create() -> tuple[dict[str, Any], int]:
        with tables.lock:
            project = tables.project(body_object()["project"], user())
            hook = Webhook(tables.new_id(), project.id, "")
            tables.webhooks[hook.id] = hook
            return changed(hook), 201

    @blueprint.patch("/api/webhooks/<int:hook_id>")
    def change(hook_id: int) -> dict[str, Any]:
        with tables.lock:
            return changed(stored(hook_id))

    @blueprint.delete("/api/webhooks/<int:hook_id>")
    def delete(hook_id: int) -> tuple[str, int]:
        with tables.lock:
            tables.webhooks.pop(stored(hook_id).id)
        return "", 204

    return blueprint
