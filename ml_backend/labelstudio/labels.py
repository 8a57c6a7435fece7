"""Labels from annotations: the newest annotation per annotator, then the majority."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from ml_backend.annotation import Annotation
from ml_backend.labelstudio.answers import Answer, answer
from ml_backend.labelstudio.label_config import LabelConfig
from ml_backend.labelstudio.unforeseen import unforeseen

MOST_UNKNOWN = 1000
"""Choices outside the label config that are listed, the most frequent ones; annotations may hold any number of them."""


@dataclass(frozen=True)
class AnswerProblem:
    """An annotation that cannot be read and gives no label; reason: what was seen, and what would be right."""

    task_id: int
    annotation_id: int
    reason: str


@dataclass
class Labels:
    """The labels of a project, and the tasks whose annotations gave no label, by reason.

    by_task: task id → its classes (one, or for multi-label any number); skipped: ids of tasks that all their annotators
    skipped; ties: task whose annotators disagree evenly → the classes about which they do; unlabeled: tasks submitted
    without a class of this control;
    unknown: choice → number of annotations that hold it although the label config has no such class; problems:
    annotations that cannot be read, in the order of the tasks.
    """

    by_task: dict[int, tuple[str, ...]] = field(default_factory=dict)
    skipped: set[int] = field(default_factory=set)
    ties: dict[int, tuple[str, ...]] = field(default_factory=dict)
    unlabeled: set[int] = field(default_factory=set)
    unknown: dict[str, int] = field(default_factory=dict)
    problems: list[AnswerProblem] = field(default_factory=list)


def labels(annotations: Iterable[Annotation], config: LabelConfig) -> Labels:
    """The label of every annotated task, and the tasks without a label, by reason.

    The newest annotation of each annotator counts; the majority of the annotators decides, class by class if the config
    is multi-label.
    """
    result = Labels()
    unknown: Counter[str] = Counter()
    for task_id, newest in sorted(_newest_per_annotator(annotations).items()):
        votes = []
        for annotation in newest:
            if annotation.cancelled:
                continue
            given = _answer(annotation, config)
            if given.problem is not None:
                result.problems.append(AnswerProblem(task_id, annotation.annotation_id, given.problem))
            if given.unknown:
                unknown.update(given.unknown)
            if given.classes is not None:
                votes.append(given.classes)
        if not votes:
            (result.skipped if all(a.cancelled for a in newest) else result.unlabeled).add(task_id)
            continue
        if votes.count(votes[0]) == len(votes):
            result.by_task[task_id] = votes[0]
            continue
        contested = config.lookup.ordered(_contested(votes, config.multi_label))
        if contested:
            result.ties[task_id] = contested
        elif config.multi_label:
            result.by_task[task_id] = config.lookup.ordered(_majority_per_class(votes))
        else:
            result.by_task[task_id] = majority(votes) or ()
    result.unknown = dict(unknown.most_common(MOST_UNKNOWN))
    return result


def _answer(annotation: Annotation, config: LabelConfig) -> Answer:
    if annotation.problem is not None:
        return Answer(None, problem=annotation.problem)
    try:
        return answer(annotation.result, config)
    except Exception as error:
        item = f"annotation {annotation.annotation_id} of task {annotation.task_id}"
        return Answer(None, problem=unforeseen(error, "reading the annotation", item))


def _newest_per_annotator(annotations: Iterable[Annotation]) -> dict[int, list[Annotation]]:
    newest: dict[int, dict[object, Annotation]] = defaultdict(dict)
    for annotation in sorted(annotations, key=lambda a: (a.updated_at, a.annotation_id)):
        # An imported annotation without an annotator counts as that of another annotator.
        annotator = annotation.annotator if annotation.annotator is not None else f"import {annotation.annotation_id}"
        newest[annotation.task_id][annotator] = annotation
    return {task_id: list(by_annotator.values()) for task_id, by_annotator in newest.items()}


def majority(votes: list[tuple[str, ...]]) -> tuple[str, ...] | None:
    """The most frequent vote; None if two are equally frequent. Raises IndexError without votes."""
    ranked = Counter(votes).most_common(2)
    if len(ranked) > 1 and ranked[0][1] == ranked[1][1]:
        return None
    return ranked[0][0]


def _contested(votes: list[tuple[str, ...]], multi_label: bool) -> set[str]:
    """Classes about which the votes disagree evenly: one half of all votes, or as many as another class has most."""
    if multi_label:
        return {name for name, count in _counts(votes).items() if 2 * count == len(votes)}
    if majority(votes) is not None:
        return set()
    counts = _counts(votes)
    return {name for name, count in counts.items() if count == max(counts.values())}


def _majority_per_class(votes: list[tuple[str, ...]]) -> list[str]:
    return [name for name, count in _counts(votes).items() if 2 * count > len(votes)]


def _counts(votes: list[tuple[str, ...]]) -> Counter[str]:
    return Counter(name for vote in votes for name in vote)
