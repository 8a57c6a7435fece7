"""Trains a project's model now, pauses the project, and lets it go on."""

from __future__ import annotations

import logging
from typing import Any

from flask import Blueprint, redirect, request, url_for

from ml_backend.store.states import RunReason
from ml_backend.web.access.cross_site import FORM, accepts_form
from ml_backend.web.access.rights import require_sender
from ml_backend.web.context import web
from ml_backend.web.stored_project import require_project

logger = logging.getLogger(__name__)
blueprint = Blueprint("learning", __name__)


@blueprint.post("/projects/<int:project_id>/train")
@accepts_form
def train(project_id: int) -> Any:
    """Learn from all labels now and publish a new batch, also while the project is paused. Raises BadRequest."""
    who = _sender(project_id)
    web().queue.request(web().store, project_id, RunReason.TRAINING)
    logger.info("project %s: %s asked for training", project_id, who)
    return _back(project_id, "train")


@blueprint.post("/projects/<int:project_id>/pause")
@accepts_form
def pause(project_id: int) -> Any:
    """Learn and publish nothing until somebody lets the project go on. Raises BadRequest."""
    who, store = _sender(project_id), web().store
    if store.pause_project(project_id, who):
        logger.info("project %s: %s paused it", project_id, who)
    return _back(project_id, "pause")


@blueprint.post("/projects/<int:project_id>/resume")
@accepts_form
def resume(project_id: int) -> Any:
    """Let a paused project go on: the next run learns from the labels given meanwhile. Raises BadRequest."""
    who, store = _sender(project_id), web().store
    store.resume_project(project_id)
    web().queue.request(store, project_id, RunReason.REQUESTED)
    logger.info("project %s: %s lets it go on", project_id, who)
    return _back(project_id, "pause")


def _sender(project_id: int) -> str:
    """The name of the person who asks for it. Raises BadRequest."""
    who = require_sender(project_id)
    require_project(project_id)
    return who.name


def _back(project_id: int, anchor: str) -> Any:
    """The page with the button, for a form; an empty object for JSON."""
    if request.mimetype != FORM:
        return {}
    return redirect(url_for("pages.actions", project_id=project_id, _anchor=anchor), 303)
