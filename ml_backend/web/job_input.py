"""What a job is started with, from a form, from JSON or by a page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import request

from ml_backend.pipeline.job_kinds import KINDS, Parameters, WrongParameters
from ml_backend.web.access.cross_site import FORM
from ml_backend.web.bodies import BadRequest, json_object


def parsed(kind: str, given: Mapping[str, Any]) -> Parameters:
    """The parameters of a job of this kind. Raises BadRequest for those that the kind refuses."""
    try:
        return KINDS[kind].parse(given)
    except WrongParameters as problem:
        raise BadRequest(str(problem)) from None


def sent(kind: str) -> Parameters:
    """The parameters that the request has, as a form or as JSON. Raises BadRequest."""
    return parsed(kind, request.form.to_dict() if request.mimetype == FORM else json_object())
