"""The strategies, their comparison on the project's labels, the descriptions of classes, and all settings."""

from __future__ import annotations

from typing import Any

from flask import Response

from ml_backend.class_descriptions import description_lines
from ml_backend.labelstudio.label_config import UnsupportedLabelConfig, parse
from ml_backend.project_settings import (
    ClassNames,
    ProjectSettings,
    initial_names,
    number_limits,
    strategy_summaries,
    strategy_uses,
)
from ml_backend.store.records import ProjectRecord
from ml_backend.web.context import web
from ml_backend.web.page_blueprint import blueprint
from ml_backend.web.project_page import open_page

CLASSES_SHOWN = 500
"""Classes for which the form of settings has a line although they are not described."""


@blueprint.get("/projects/<int:project_id>/strategy")
def strategy(project_id: int) -> Response:
    """The strategies and the form of settings. Raises BadRequest for an unknown project."""
    shown = open_page(project_id, "strategy")
    return shown.render(
        "strategy.html",
        defaults=ProjectSettings().model_dump(mode="json"),
        limits=number_limits(),
        default_model=web().settings.embedding_model,
        strategies=strategy_summaries(),
        strategy_uses=strategy_uses(),
        initials=initial_names(),
        class_names=list(ClassNames),
        class_descriptions=_description_lines(shown.record, shown.status["settings"]),
    )


def _description_lines(project: ProjectRecord, settings: dict[str, Any]) -> str:
    """What the form shows of the classes: a line for each, or for those that are described if there are very many."""
    described = settings["class_descriptions"] or {}
    try:
        config = parse(project.label_config, settings["control"], settings["text_fields"])
    except UnsupportedLabelConfig:
        return description_lines((), described)
    return description_lines(config.classes if len(config.classes) <= CLASSES_SHOWN else (), described)
