"""The classes of a project with their descriptions, and what the model makes of each before anybody labels."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ml_backend.labelstudio.label_config import LabelConfig
from ml_backend.pipeline.job_kinds import CLASS_PREVIEW_FILE
from ml_backend.web.access.people import Person
from ml_backend.web.bodies import BadRequest
from ml_backend.web.context import web
from ml_backend.web.page_parts.rendering import ROUNDED_TO_ZERO
from ml_backend.web.questions import ask

CLASSES_ON_A_PAGE = 50
LONGEST_TEXT = 240
"""Characters of a text in the table."""
WAIT_SECONDS = 2.0
"""For the preview of a new model; a later request finds it kept."""
WAIT_FOR_TRIAL_SECONDS = 20.0
NO_MODEL = (
    "There is no model yet. Once the texts are embedded it comes by itself where class names or descriptions say "
    "something about the texts, and otherwise with the first labels."
)


@dataclass(frozen=True)
class LikelyText:
    """An open text that the model finds likely of a class."""

    task: int
    text: str
    probability: float


@dataclass(frozen=True)
class ClassRow:
    """A class; described: its description in the settings, or as typed; hint: of the label config.

    share: of the open texts predicted as the class, None while unknown; share_before: with the descriptions that are
    saved, of a trial of others; is_redescribed: whether the description differs from the saved one.
    """

    name: str
    described: str
    hint: str
    share: float | None = None
    share_before: float | None = None
    texts: list[LikelyText] = field(default_factory=list)
    is_redescribed: bool = False

    @property
    def is_unknown(self) -> bool:
        """Whether the model gives no text the class with a probability that is shown as more than 0%.

        Listed with 0%, the texts would be in an order that says nothing.
        """
        return all(text.probability < ROUNDED_TO_ZERO for text in self.texts)

    @property
    def changed_from(self) -> float | None:
        """The share before, where it is shown as another number than the present one."""
        if self.share is None or self.share_before is None or f"{self.share:.1%}" == f"{self.share_before:.1%}":
            return None
        return self.share_before


@dataclass(frozen=True)
class ClassTable:
    """One page of the classes; number, pages: of this page, from 1, and of all; why_empty: why nothing is predicted;
    is_trial: whether the descriptions are typed ones, which are not saved.
    """

    rows: list[ClassRow]
    number: int
    pages: int
    why_empty: str = ""
    is_trial: bool = False

    @property
    def redescribed(self) -> list[tuple[ClassRow, str]]:
        """The rows of this page whose description is not the saved one, each with the id of its field."""
        return [(row, f"class-{n}") for n, row in enumerate(self.rows, start=1) if row.is_redescribed]


def class_table(
    project_id: int,
    config: LabelConfig,
    saved: Mapping[str, str],
    head: str | None,
    who: Person | None,
    number: int = 1,
    typed: Mapping[str, str] | None = None,
) -> ClassTable:
    """A page of the classes, with predictions for a person who is signed in.

    saved: the descriptions of the settings; head: version of the newest model; typed: descriptions to try instead.
    """
    pages = max(1, -(-len(config.classes) // CLASSES_ON_A_PAGE))
    number = min(max(1, number), pages)
    names = config.classes[(number - 1) * CLASSES_ON_A_PAGE : number * CLASSES_ON_A_PAGE]
    shown = saved if typed is None else typed
    found, before, why_empty = _found(project_id, head, who, typed)
    texts = _texts(project_id, found, names)
    rows = [
        ClassRow(
            name=name,
            described=shown.get(name, ""),
            hint=config.hints.get(name, ""),
            share=_share(found, name),
            share_before=_share(before, name),
            is_redescribed=shown.get(name, "") != saved.get(name, ""),
            texts=[LikelyText(t, texts[t], p) for t, p in found.get(name, {}).get("likeliest", ()) if t in texts],
        )
        for name in names
    ]
    return ClassTable(rows, number, pages, why_empty, typed is not None)


def _found(
    project_id: int, head: str | None, who: Person | None, typed: Mapping[str, str] | None
) -> tuple[dict[str, Any], dict[str, Any], str]:
    """What the model makes of each class, with the typed descriptions and with those saved; and why it is unknown."""
    if who is None:
        return {}, {}, ""
    if head is None and typed is None:
        return {}, {}, NO_MODEL
    try:
        saved = {} if head is None else _preview(project_id, head, who)
        if typed is None:
            return saved, {}, ""
        tried = ask(project_id, "class_preview", {"descriptions": dict(typed)}, who.name, WAIT_FOR_TRIAL_SECONDS)
        return tried["classes"], saved, ""
    except BadRequest as problem:
        return {}, {}, str(problem)


def _preview(project_id: int, head: str, who: Person) -> dict[str, Any]:
    """Of the newest model: kept, or made now. Raises BadRequest."""
    store = web().store
    kept = store.kept_file(project_id, CLASS_PREVIEW_FILE)
    if kept is not None and kept.about.get("head") == head:
        content = store.file_content(project_id, CLASS_PREVIEW_FILE)
        if content is not None:
            return dict(json.loads(content)["classes"])
    return dict(ask(project_id, "class_preview", {}, who.name, WAIT_SECONDS)["classes"])


def _texts(project_id: int, found: Mapping[str, Any], names: tuple[str, ...]) -> dict[int, str]:
    tasks = [task for name in names for task, _ in found.get(name, {}).get("likeliest", ())]
    texts = web().store.texts_of_tasks(project_id, tasks)
    return {task: text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}…" for task, text in texts.items()}


def _share(found: Mapping[str, Any], name: str) -> float | None:
    return found[name]["share"] if name in found else None
