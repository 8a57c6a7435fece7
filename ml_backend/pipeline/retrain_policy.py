"""Decides whether a run fits a new head and publishes a new batch, and gives the reason as a sentence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from ml_backend.project_settings import ProjectSettings


@dataclass(frozen=True)
class Situation:
    """The facts that the decision depends on.

    serving: whether Label Studio serves one of our batches; changed: labels added, changed or removed since the last
    fit; remaining: published tasks without a label; low: the queue runs low with fewer of them; unpublished: other
    tasks that could be published; work_left: tasks are left to read or texts to embed;
    settings_changed, classes_changed, class_texts_changed, new_tasks: since the last fit; train_requested: by Label
    Studio's Start Training or on the page; tasks_requested: people asked for open tasks that are not served first;
    tasks_withdrawn: open tasks are served first for which nobody asks any more.
    """

    settings: ProjectSettings
    serving: bool
    changed: int
    remaining: int
    low: int
    unpublished: int
    work_left: bool
    settings_changed: bool
    classes_changed: bool
    class_texts_changed: bool
    new_tasks: bool
    train_requested: bool
    tasks_requested: bool = False
    tasks_withdrawn: bool = False


def settings_changed(used: dict[str, Any] | None, settings: ProjectSettings) -> bool:
    """Whether the settings differ from those of the last fit.

    used: what the last fit stored, None before the first fit. A setting that the stored ones lack, since it was added
    in a newer version, counts as its default.
    """
    if used is None:
        return True
    try:
        return ProjectSettings.model_validate(used) != settings
    except ValidationError:
        # A value that this version or its installed strategies do not have.
        return True


def reason_to_learn(situation: Situation) -> str | None:
    """Why a new head (and a new batch, if tasks are left) is due, as a sentence; None if it is not."""
    explicit_reasons = [
        (situation.train_requested, "training was asked for"),
        (situation.tasks_requested, "tasks were asked for"),
        (situation.tasks_withdrawn, "tasks that were asked for are not to be served first any more"),
        (situation.settings_changed, "the project's settings changed"),
        (situation.classes_changed, "the label config changed"),
        (situation.class_texts_changed, "the names or descriptions of the classes are new or changed"),
    ]
    if situation.remaining + situation.unpublished == 0:
        checks = [
            *explicit_reasons,
            (situation.changed > 0, f"{situation.changed} labels are new or changed, and nothing is left to label"),
        ]
        return next((reason for due, reason in checks if due), None)
    checks = [
        (not situation.serving, "no batch of ours is being served"),
        *explicit_reasons,
        (
            situation.changed >= situation.settings.retrain_every,
            f"{situation.changed} labels are new or changed (retrain_every is {situation.settings.retrain_every})",
        ),
        (
            situation.unpublished > 0 and situation.remaining < situation.low,
            f"only {situation.remaining} published tasks are left",
        ),
        (situation.new_tasks and not situation.work_left, "there are new tasks"),
    ]
    return next((reason for due, reason in checks if due), None)
