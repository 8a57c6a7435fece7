"""An evaluation as it is stored and served, with the names of classes, the ids of tasks, and sentences for people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from math import ceil
from typing import Any

import numpy as np

from ml_backend.learning.evaluation.accuracy import LEAST_AUDITS, TOO_SURE, Accuracy, Basis, labels_until_believed
from ml_backend.learning.evaluation.annotators import AnnotatorAgreement
from ml_backend.learning.evaluation.evaluation import Evaluation
from ml_backend.learning.evaluation.nearest import Neighbour
from ml_backend.learning.evaluation.stopping import LEAST_LABELS, MOST_CHANGED, StopAdvice
from ml_backend.pipeline.evaluation_input import EvaluationInput

LEARNED_LITTLE = "the model has learned little so far, and may be no better than guessing"
EXACTLY_RIGHT = "a text counts as right if exactly the right classes are predicted"


def evaluation_body(
    evaluation: Evaluation,
    given: EvaluationInput,
    audits: int,
    audits_skipped: int,
    annotators: AnnotatorAgreement | None,
) -> dict[str, Any]:
    """The evaluation as JSON, as docs/labelling.md describes it.

    audits: labels of tasks drawn at random; audits_skipped: tasks drawn at random that were answered without a usable
    label; annotators: None where no two people labelled the same task.
    """
    names = given.config.classes
    return {
        "head": given.head_version,
        "at": given.made_at,
        "seconds": evaluation.seconds,
        "labels": evaluation.labels,
        "open": evaluation.open,
        "temperature": evaluation.temperature,
        "accuracy": _accuracy(evaluation, given, audits, audits_skipped),
        "classes": [
            {
                "name": names[quality.number],
                **{name: value for name, value in asdict(quality).items() if name != "number"},
            }
            for quality in evaluation.classes
        ],
        "confusions": [
            {
                **asdict(pair),
                "given": names[pair.given],
                "predicted": names[pair.predicted],
                "examples": given.task_ids[list(pair.examples)].tolist(),
            }
            for pair in evaluation.confusions
        ],
        "reliability": [asdict(part) for part in evaluation.reliability],
        "forecast": None if evaluation.forecast is None else asdict(evaluation.forecast),
        "stop": {**asdict(evaluation.stop), "why": why_stop(evaluation.stop, evaluation.labels, evaluation.open)},
        "look_again": _look_again(evaluation, given),
        "annotators": None if annotators is None else asdict(annotators),
    }


def _look_again(evaluation: Evaluation, given: EvaluationInput) -> list[dict[str, Any]]:
    names = given.config.classes
    without = len(evaluation.look_again) - len(evaluation.neighbours)
    return [
        {
            "task": int(given.task_ids[label.row]),
            "given": names[label.given],
            "likelier": names[label.likelier],
            "probability": label.probability,
            "present": label.present,
            "likelier_probability": label.likelier_probability,
            "neighbours": _neighbours(nearest, given),
        }
        for label, nearest in zip(evaluation.look_again, [*evaluation.neighbours, *[[]] * without], strict=True)
    ]


def _neighbours(nearest: Sequence[Neighbour], given: EvaluationInput) -> list[dict[str, Any]]:
    """The labelled tasks that are nearest to one, with their similarity and their classes."""
    if not nearest:
        return []
    names, y = given.config.classes, given.held_out.y
    return [
        {
            "task": int(given.task_ids[near.row]),
            "similarity": near.similarity,
            "classes": [names[number] for number in (np.flatnonzero(y[near.row]) if y.ndim == 2 else [y[near.row]])],
        }
        for near in nearest
    ]


def _accuracy(evaluation: Evaluation, given: EvaluationInput, audits: int, skipped: int) -> dict[str, Any]:
    shown = evaluation.accuracy
    is_believed = evaluation.labels >= labels_until_believed(len(given.config.classes))
    why = why_accuracy(shown, is_believed, audits) if shown is not None else why_no_accuracy(evaluation, given, audits)
    if shown is not None and evaluation.temperature > TOO_SURE:
        why += f"; {LEARNED_LITTLE}"
    if given.config.multi_label:
        why += f"; {EXACTLY_RIGHT}"
    if skipped:
        tasks = "1 more such task was" if skipped == 1 else f"{skipped:,} more such tasks were"
        why += f"; {tasks} skipped or answered without a usable label, which may bias it"
    return {
        "value": None if shown is None else shown.value,
        "low": None if shown is None else shown.low,
        "high": None if shown is None else shown.high,
        "basis": None if shown is None else shown.basis.value,
        "audits": audits,
        "audits_skipped": skipped,
        "why": why,
    }


def why_accuracy(accuracy: Accuracy, is_believed: bool, audits: int) -> str:
    """What an accuracy rests on.

    is_believed: whether the model's confidence is part of it; audits: number of labels of tasks drawn at random.
    """
    if accuracy.basis is Basis.CONFIDENCE:
        unused = "no model can be made without the labels of" if audits else "no label yet of"
        return f"the model's own confidence, an estimate without a guarantee: {unused} tasks drawn at random"
    tasks = "1 task" if accuracy.audits == 1 else f"{accuracy.audits:,} tasks"
    return f"{tasks} drawn at random" + (" and the model's own confidence" if is_believed else "")


def why_no_accuracy(evaluation: Evaluation, given: EvaluationInput, audits: int) -> str:
    """What is missing for an accuracy."""
    if not evaluation.open:
        return "there is no open text left that it could be measured for"
    needed = labels_until_believed(len(given.config.classes))
    if evaluation.labels >= needed or audits >= LEAST_AUDITS:
        return "appears once two classes have several labels each"
    return (
        f"appears with {needed:,} labels ({evaluation.labels:,} so far), or with {LEAST_AUDITS} labels of tasks drawn "
        f"at random ({audits} so far)"
    )


def why_stop(advice: StopAdvice, labels: int, n_open: int) -> str:
    """The advice to stop, or to go on, as a sentence."""
    if advice.changed is None:
        if not n_open:
            return "there is no open text left"
        if labels < LEAST_LABELS:
            return f"advice on when to stop appears with {LEAST_LABELS} labels ({labels} so far)"
        return f"no model can be made without the last {advice.labels} labels, so their effect cannot be measured"
    changed = _percent(advice.changed)
    effect = f"your last {advice.labels} labels changed {changed}% of the predictions"
    if not advice.stop:
        return f"{effect}; at {_percent(MOST_CHANGED)}% or less, further labels hardly change the accuracy"
    points = "1 point" if changed == "1" else f"{changed} points"
    return f"{effect}, so they moved the accuracy by at most {points}: you can stop if it is sufficient"


def _percent(share: float) -> str:
    """Rounded up, so that "at most" is true."""
    return f"{ceil(1000 * share - 1e-6) / 10:.1f}".removesuffix(".0")
