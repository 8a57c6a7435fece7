"""From annotations to labels: newest per annotator, then the majority."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ml_backend.annotation import Annotation
from ml_backend.labelstudio.label_config import PATH_SEPARATOR, LabelConfig


@dataclass
class Labels:
    """The labels of a project, and what became of the annotations that gave none.

    by_task: task → its classes (one, or for multi-label any number); skipped: tasks that everyone who saw them
    skipped; ties: tasks whose annotators disagree evenly; unlabeled: tasks submitted without an answer to this
    control; unknown: choice → annotations that hold it although the label config has no such class.
    """

    by_task: dict[int, tuple[str, ...]] = field(default_factory=dict)
    skipped: set[int] = field(default_factory=set)
    ties: set[int] = field(default_factory=set)
    unlabeled: set[int] = field(default_factory=set)
    unknown: dict[str, int] = field(default_factory=dict)


def labels(annotations: Iterable[Annotation], config: LabelConfig) -> Labels:
    """The label of every annotated task, and the tasks that have none with the reason."""
    out = Labels()
    unknown: Counter[str] = Counter()
    for task_id, newest in sorted(_newest_per_annotator(annotations).items()):
        votes = []
        for annotation in newest:
            if annotation.cancelled:
                continue
            chosen, strange = _choices(annotation.result, config)
            unknown.update(strange)
            if chosen is not None:
                votes.append(chosen)
        if not votes:
            (out.skipped if all(a.cancelled for a in newest) else out.unlabeled).add(task_id)
            continue
        agreed = _majority_per_class(votes, config.classes) if config.multi_label else majority(votes)
        if agreed is None:
            out.ties.add(task_id)
        else:
            out.by_task[task_id] = agreed
    out.unknown = dict(unknown)
    return out


def _newest_per_annotator(annotations: Iterable[Annotation]) -> dict[int, list[Annotation]]:
    newest: dict[int, dict[object, Annotation]] = defaultdict(dict)
    for annotation in sorted(annotations, key=lambda a: (a.updated_at, a.annotation_id)):
        # An annotation without an annotator (imported) counts as somebody of its own.
        who = annotation.annotator if annotation.annotator is not None else f"import {annotation.annotation_id}"
        newest[annotation.task_id][who] = annotation
    return {task_id: list(by_person.values()) for task_id, by_person in newest.items()}


def _choices(result: Sequence[Any], config: LabelConfig) -> tuple[tuple[str, ...] | None, list[str]]:
    """The chosen classes, None when the control is not answered by any known class, and the unknown choices."""
    known: dict[str, None] = {}
    strange: list[str] = []
    answered = False
    for item in result:
        if not isinstance(item, dict) or item.get("from_name") != config.control:
            continue
        answered = True
        value = item.get("value") or {}
        for choice in value.get(config.control_tag.lower()) or []:
            path = tuple(choice) if isinstance(choice, list) else (str(choice),)
            name = _class_of(path, config)
            if name is None:
                strange.append(PATH_SEPARATOR.join(map(str, path)))
            else:
                known[name] = None
    if not config.multi_label:
        return (tuple(known)[:1] or None), strange
    # Every choice unknown says nothing of the classes there are; none chosen says that none applies.
    nothing_left = bool(strange) and not known
    return (tuple(n for n in config.classes if n in known) if answered and not nothing_left else None), strange


def _class_of(path: tuple[str, ...], config: LabelConfig) -> str | None:
    name = PATH_SEPARATOR.join(map(str, path))
    if name in config.paths:
        return name
    # Nested choices without `allowNested` give the leaf alone.
    leaves = [n for n, whole in config.paths.items() if len(path) == 1 and whole[-1] == path[0]]
    return leaves[0] if len(leaves) == 1 else None


def majority(votes: list[tuple[str, ...]]) -> tuple[str, ...] | None:
    """The answer that most gave; None when the two most frequent come equally often."""
    ranked = Counter(votes).most_common(2)
    if len(ranked) > 1 and ranked[0][1] == ranked[1][1]:
        return None
    return ranked[0][0]


def _majority_per_class(votes: list[tuple[str, ...]], classes: Sequence[str]) -> tuple[str, ...] | None:
    counts = Counter(name for vote in votes for name in vote)
    if any(2 * count == len(votes) for count in counts.values()):
        return None
    return tuple(name for name in classes if 2 * counts[name] > len(votes))
