"""The route that says whether this server can do its work."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, request

from ml_backend.web.access.rights import has_credentials
from ml_backend.web.context import web
from ml_backend.web.monitoring.readiness import is_ready

blueprint = Blueprint("ready", __name__)


@blueprint.get("/ready")
def ready() -> tuple[dict[str, Any], int]:
    """Status 200 if every check passed, else 503; needs no credentials, and tells details only with them.

    ?exclude=worker, which may be repeated: leave a check out of the result.
    """
    findings = web().readiness.findings()
    is_so = is_ready(findings, request.args.getlist("exclude"))
    body: dict[str, Any] = {"ready": is_so, "checks": {name: finding.passed for name, finding in findings.items()}}
    if has_credentials():
        body["details"] = {name: finding.detail for name, finding in findings.items()}
    return body, 200 if is_so else 503
