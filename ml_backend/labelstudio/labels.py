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
    unknown_by_task: task id → the choices in its annotations that are no classes of the label config; problems_by_task:
    task id → those of its annotations that cannot be read.
    """

    by_task: dict[int, tuple[str, ...]] = field(default_factory=dict)
    skipped: set[int] = field(default_factory=set)
    ties: dict[int, tuple[str, ...]] = field(default_factory=dict)
    unlabeled: set[int] = field(default_factory=set)
    unknown_by_task: dict[int, list[str]] = field(default_factory=dict)
    problems_by_task: dict[int, list[AnswerProblem]] = field(default_factory=dict)

    @property
    def unknown(self) -> dict[str, int]:
        """Choice → number of annotations that hold it although the label config has no such class."""
        count = Counter(choice for choices in self.unknown_by_task.values() for choice in choices)
        ranked = sorted(count.items(), key=lambda item: (-item[1], item[0]))
        return dict(ranked[:MOST_UNKNOWN])

    @property
    def problems(self) -> list[AnswerProblem]:
        """Annotations that cannot be read, in the order of the tasks."""
        return [problem for _, of_task in sorted(self.problems_by_task.items()) for problem in of_task]

    def replace(self, task_id: int, annotations: Iterable[Annotation], config: LabelConfig) -> None:
        """Read the annotations of a task, all that it has now, instead of those read before.

        The newest annotation of each annotator counts; the majority of the annotators decides, class by class if the
        config is multi-label.
        """
        self.remove(task_id)
        newest = _newest_per_annotator(annotations)
        if newest:
            self._decide(task_id, newest, self._votes(task_id, newest, config), config)

    def remove(self, task_id: int) -> None:
        """Forget a task."""
        for by_task in (self.by_task, self.ties, self.unknown_by_task, self.problems_by_task):
            by_task.pop(task_id, None)
        self.skipped.discard(task_id)
        self.unlabeled.discard(task_id)

    def _votes(self, task_id: int, newest: list[Annotation], config: LabelConfig) -> list[tuple[str, ...]]:
        votes = []
        for annotation in newest:
            if annotation.cancelled:
                continue
            given = _answer(annotation, config)
            if given.problem is not None:
                problem = AnswerProblem(task_id, annotation.annotation_id, given.problem)
                self.problems_by_task.setdefault(task_id, []).append(problem)
            if given.unknown:
                self.unknown_by_task.setdefault(task_id, []).extend(given.unknown)
            if given.classes is not None:
                votes.append(given.classes)
        return votes

    def _decide(
        self, task_id: int, newest: list[Annotation], votes: list[tuple[str, ...]], config: LabelConfig
    ) -> None:
        if not votes:
            (self.skipped if all(a.cancelled for a in newest) else self.unlabeled).add(task_id)
        elif votes.count(votes[0]) == len(votes):
            self.by_task[task_id] = votes[0]
        elif contested := config.lookup.ordered(_contested(votes, config.multi_label)):
            self.ties[task_id] = contested
        elif config.multi_label:
            self.by_task[task_id] = config.lookup.ordered(_majority_per_class(votes))
        else:
            self.by_task[task_id] = majority(votes) or ()


def labels(annotations: Iterable[Annotation], config: LabelConfig) -> Labels:
    """The label of every annotated task, and the tasks without a label, by reason; see `Labels.replace`."""
    by_task: dict[int, list[Annotation]] = defaultdict(list)
    for annotation in annotations:
        by_task[annotation.task_id].append(annotation)
    result = Labels()
    for task_id, of_task in sorted(by_task.items()):
        result.replace(task_id, of_task, config)
    return result


def votes(annotations: Iterable[Annotation], config: LabelConfig) -> dict[int, tuple[str, ...]]:
    """Annotator → the classes that their newest annotation of a task gives it; those that give none are left out.

    annotations: of one task; imported ones, which have no annotator, are left out.
    """
    return {who: classes for who, classes in votes_of_all(annotations, config) if who is not None}


def votes_of_all(annotations: Iterable[Annotation], config: LabelConfig) -> list[tuple[int | None, tuple[str, ...]]]:
    """`votes` as a list, with the imported ones, whose annotator is None."""
    given = [(a.annotator, _answer(a, config).classes) for a in _newest_per_annotator(annotations) if not a.cancelled]
    return [(who, classes) for who, classes in given if classes is not None]


def _answer(annotation: Annotation, config: LabelConfig) -> Answer:
    if annotation.problem is not None:
        return Answer(None, problem=annotation.problem)
    try:
        return answer(annotation.result, config)
    except Exception as error:
        item = f"annotation {annotation.annotation_id} of task {annotation.task_id}"
        return Answer(None, problem=unforeseen(error, "reading the annotation", item))


def _newest_per_annotator(annotations: Iterable[Annotation]) -> list[Annotation]:
    """The newest annotation of each annotator of one task."""
    newest: dict[object, Annotation] = {}
    for annotation in sorted(annotations, key=lambda a: (a.updated_at, a.annotation_id)):
        # An imported annotation without an annotator counts as that of another annotator.
        annotator = annotation.annotator if annotation.annotator is not None else f"import {annotation.annotation_id}"
        newest[annotator] = annotation
    return list(newest.values())


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
