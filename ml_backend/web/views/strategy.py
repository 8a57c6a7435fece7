"""The strategies, their comparison on the project's labels, the descriptions of classes, and all settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from flask import Response, redirect, request, url_for

from ml_backend.class_descriptions import description_lines
from ml_backend.labelstudio.label_config import LabelConfig
from ml_backend.project_settings import ClassNames, ProjectSettings, initial_names, number_limits, strategy_names
from ml_backend.web.access.cross_site import accepts_form
from ml_backend.web.access.rights import require_sender
from ml_backend.web.bodies import BadRequest, largest_body
from ml_backend.web.context import web
from ml_backend.web.page_parts.class_table import ClassTable, class_table
from ml_backend.web.page_parts.comparison import BAR_WIDTH, comparison, labels_compared, what_is_missing
from ml_backend.web.page_parts.job_words import shown_error
from ml_backend.web.page_parts.page_blueprint import blueprint
from ml_backend.web.page_parts.paste_lines import advise_line, connect_line
from ml_backend.web.page_parts.project_page import ProjectPage, open_page, page_with_texts
from ml_backend.web.page_parts.settings_words import setting_words
from ml_backend.web.page_parts.strategy_choices import choices
from ml_backend.web.project_routes.setting_changes import changed_settings

CLASSES_SHOWN = 500
"""Classes for which the form of settings has a line although they are not described."""
SAVED_WORDS = "The model learns from them now; what it makes of them appears here in a few seconds."
PAUSED_WORDS = "The model learns from them once the project goes on: it is paused."
COMMON = {"strategy", "initial", "batch_size", "retrain_every", "random_share", "relabel_share"}
"""Settings that are shown unfolded; the form of the settings folds the others unless one was changed."""


@blueprint.get("/projects/<int:project_id>/strategy")
def strategy(project_id: int) -> Response:
    """The strategies, the classes and the form of settings. Raises BadRequest for an unknown project."""
    return _render(open_page(project_id, "strategy"))


@blueprint.post("/projects/<int:project_id>/strategy")
@accepts_form
def describe_classes(project_id: int) -> Any:
    """Save the descriptions of classes that somebody typed, or show what the model would make of them.

    The form repeats `class`, `before` (the description that was shown) and `description`; only those that differ from
    what was shown count, so that a change that somebody else has made since stays. `do` is `save` or `try`. Raises
    BadRequest.
    """
    request.max_content_length = largest_body("settings")
    who = require_sender(project_id)
    if request.form.get("do") == "try":
        shown = page_with_texts(project_id, "strategy")
        return _render(shown, _described(shown.status["settings"]["class_descriptions"]))
    saved = ProjectSettings.usable(_settings(project_id)).class_descriptions
    changed_settings(project_id, who, {"class_descriptions": _described(saved) or None})
    page = request.form.get("page", 1, int)
    return redirect(url_for("pages.strategy", project_id=project_id, page=page, saved=1, _anchor="classes"), 303)


def _settings(project_id: int) -> dict[str, Any]:
    project = web().store.project(project_id)
    return {} if project is None else dict(project.settings)


def _described(saved: Mapping[str, str] | None) -> dict[str, str]:
    """The saved descriptions with those that the form changes; empty ones are left out. Raises BadRequest."""
    form = request.form
    names, before, after = (form.getlist(name) for name in ("class", "before", "description"))
    if not len(names) == len(before) == len(after):
        raise BadRequest("The form of the classes came incomplete: reload the page and try again.")
    changed = {n: new for n, old, new in zip(names, before, after, strict=True) if new.strip() != old.strip()}
    return {name: text for name, text in {**(saved or {}), **changed}.items() if text.strip()}


def _render(shown: ProjectPage, typed: Mapping[str, str] | None = None) -> Response:
    settings, default = shown.status["settings"], ProjectSettings().model_dump(mode="json")
    changed = {name: value for name, value in settings.items() if value != default[name]}
    found = comparison(web().store, shown.id)
    found = replace(found, error=shown_error(found.error, is_person=shown.who is not None))
    first, others = choices(settings["strategy"], found.compared)
    config = shown.config
    return shown.render(
        "strategy.html",
        first_choices=first,
        other_choices=others,
        strategy_names=strategy_names(),
        comparison=found,
        bar_width=BAR_WIDTH,
        too_few=what_is_missing(shown.status["labels"]),
        comparable=labels_compared(shown.status["labels"]),
        classes=None if config is None else _class_table(shown, config, typed),
        is_saved="saved" in request.args,
        saved_words=PAUSED_WORDS if shown.status["paused_at"] is not None else SAVED_WORDS,
        defaults=default,
        changed=changed,
        rare_changed=bool(changed.keys() - COMMON - {"class_descriptions"}),
        setting=setting_words,
        limits=number_limits(),
        default_model=web().settings.embedding_model,
        initials=initial_names(),
        class_names=list(ClassNames),
        class_descriptions=_description_lines(config, settings),
        connect_line=connect_line(shown.id, settings, default),
        advise_line=advise_line(shown.id, settings, default, web().settings.embedding_model),
    )


def _class_table(shown: ProjectPage, config: LabelConfig, typed: Mapping[str, str] | None) -> ClassTable:
    saved, model = shown.status["settings"]["class_descriptions"] or {}, shown.status["model"]
    head = None if model is None else model["version"]
    number = request.values.get("page", 1, int)
    return class_table(shown.id, config, saved, head, shown.who, number, typed)


def _description_lines(config: LabelConfig | None, settings: dict[str, Any]) -> str:
    """What the form shows of the classes: a line for each, or for those that are described if there are very many."""
    classes = () if config is None or len(config.classes) > CLASSES_SHOWN else config.classes
    return description_lines(classes, settings["class_descriptions"] or {})
