"""Who may report an event of which project: with basic auth on, whoever carries it or the secret of that project."""

from __future__ import annotations

from dataclasses import dataclass

from flask import request

from ml_backend.labelstudio.events import SECRET_HEADER
from ml_backend.labelstudio.json_values import parsed_id
from ml_backend.web.access.people import equal, has_basic_auth
from ml_backend.web.access.rights import CHALLENGE
from ml_backend.web.bodies import BadRequest
from ml_backend.web.context import web


@dataclass(frozen=True)
class WebhookSender:
    """The sender of a webhook, as its credentials show it.

    project_id: the only project that it may report, None for all; is_common: it carries the secret that all webhooks of
    versions up to 0.2.0 carry.
    """

    project_id: int | None = None
    is_common: bool = False


def require_webhook_sender() -> WebhookSender:
    """Require the secret of a project or basic auth, if basic auth is configured; the body is not read for it.

    Raises BadRequest with 401.
    """
    context = web()
    if not context.settings.basic_auth_on or has_basic_auth():
        return WebhookSender()
    secret = request.headers.get(SECRET_HEADER, "")
    project_id = parsed_id(secret.partition(".")[0])
    if project_id is not None and equal(
        secret, context.store.project_webhook_secret(project_id, context.webhook_secret)
    ):
        return WebhookSender(project_id)
    if equal(secret, context.webhook_secret):
        return WebhookSender(is_common=True)
    raise _refusal("This webhook carries neither basic auth nor a valid secret")


def require_own_project(sender: WebhookSender, project_id: int) -> None:
    """Require that the sender may report events of this project. Raises BadRequest with 401."""
    if sender.is_common:
        if not web().store.accepts_common_webhook_secret(project_id):
            raise _refusal(f"This webhook has the secret of an earlier version, which project {project_id} replaced")
    elif sender.project_id not in (None, project_id):
        raise _refusal(f"This webhook carries the secret of another project than {project_id}, which it names")


def _refusal(sentence: str) -> BadRequest:
    return BadRequest(
        f"{sentence} in the header {SECRET_HEADER}. Label Studio sends its own webhooks without credentials; "
        "`python -m ml_backend connect PROJECT` adds the secret to the webhook.",
        401,
        CHALLENGE,
    )
