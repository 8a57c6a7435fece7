"""Whether a run has to fit and publish anew, and the sentence that says why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from ml_backend.project_settings import ProjectSettings

MIN_QUEUE = 5


@dataclass(frozen=True)
class Situation:
    """What a run knows before it decides.

    annotators: how many people labelled or skipped so far; serving: whether Label Studio serves a batch of ours;
    changed: labels that are new, changed or gone since the last fit; remaining: published tasks still to be labelled;
    waiting: tasks that could be offered beyond those remaining; embedding: texts still without a vector;
    settings_changed, classes_changed, new_tasks: since the last fit; train_requested: by an event of Label Studio.
    """

    settings: ProjectSettings
    annotators: int
    serving: bool
    changed: int
    remaining: int
    waiting: int
    embedding: int
    settings_changed: bool
    classes_changed: bool
    new_tasks: bool
    train_requested: bool


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


def low_watermark(annotators: int) -> int:
    """Fewer published tasks than this and somebody may soon face an empty queue: two for each annotator, at least 5."""
    return max(MIN_QUEUE, 2 * annotators)


def reserve_size(settings: ProjectSettings, annotators: int) -> int:
    """Tasks published behind the batch, so that it lasts until `retrain_every` labels are in and the next is there."""
    return max(0, settings.retrain_every + low_watermark(annotators) - settings.batch_size)


def reason_to_learn(now: Situation) -> str | None:
    """Why a new head is due, and a new batch where tasks are left, as a sentence for people; None: all may stay."""
    asked = [
        (now.train_requested, "training was asked for"),
        (now.settings_changed, "the project's settings changed"),
        (now.classes_changed, "the label config changed"),
    ]
    if now.remaining + now.waiting == 0:
        checks = [*asked, (now.changed > 0, f"{now.changed} labels are new or changed, and nothing is left to label")]
        return next((reason for due, reason in checks if due), None)
    checks = [
        (not now.serving, "no batch of ours is being served"),
        *asked,
        (
            now.changed >= now.settings.retrain_every,
            f"{now.changed} labels are new or changed (retrain_every is {now.settings.retrain_every})",
        ),
        (
            now.waiting > 0 and now.remaining < low_watermark(now.annotators),
            f"only {now.remaining} tasks of the batch are left",
        ),
        (now.new_tasks and not now.embedding, "there are new tasks"),
    ]
    return next((reason for due, reason in checks if due), None)
