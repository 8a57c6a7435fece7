"""The sentences and names of an evaluation as it is stored."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from ml_backend.labelstudio.label_config import parse
from ml_backend.learning import Head
from ml_backend.learning.evaluation.accuracy import Accuracy, Basis
from ml_backend.learning.evaluation.classes import ClassQuality, Confusion, Share
from ml_backend.learning.evaluation.evaluation import Evaluation
from ml_backend.learning.evaluation.forecast import Forecast
from ml_backend.learning.evaluation.look_again import DoubtfulLabel
from ml_backend.learning.evaluation.nearest import Neighbour
from ml_backend.learning.evaluation.reliability import ReliabilityBin
from ml_backend.learning.evaluation.stopping import StopAdvice
from ml_backend.learning.head.held_out import HeldOut
from ml_backend.pipeline.evaluation_body import evaluation_body
from ml_backend.pipeline.evaluation_input import EvaluationInput

CONFIG = '<View><Text name="t" value="$text"/><Choices name="c" toName="t" choice="{}">{}</Choices></View>'
CHOICES = '<Choice value="spam"/><Choice value="ham"/>'
EVALUATION = Evaluation(
    labels=300,
    open=9700,
    temperature=1.1,
    accuracy=Accuracy(0.83, 0.78, 0.88, Basis.AUDITS, 31),
    classes=[
        ClassQuality(0, 200, 0.7, Share(0.9, 0.8, 0.95, 20), None, None),
        ClassQuality(1, 100, 0.3, None, None, None),
    ],
    confusions=[Confusion(1, 0, 5, 100, 0.02, examples=(1,))],
    reliability=[ReliabilityBin(60, 0.6, 0.5)],
    forecast=Forecast(120, 60, 240),
    stop=StopAdvice(True, 0.0125),
    look_again=[DoubtfulLabel(1, 0, 1, 0.05, likelier_probability=0.9)],
    seconds=0.4,
    neighbours=[[Neighbour(0, 0.75)]],
)


def body(
    evaluation: Evaluation = EVALUATION, audits: int = 31, skipped: int = 0, choice: str = "single"
) -> dict[str, Any]:
    given = EvaluationInput(
        project_id=1,
        head_version="head 300",
        made_at=5.0,
        config=parse(CONFIG.format(choice, CHOICES), None, None),
        head=Head(),
        held_out=cast(HeldOut, SimpleNamespace(y=np.array([1, 0]))),
        task_ids=np.array([41, 42]),
        X_open=np.empty((0, 2), dtype=np.float32),
        n_open=0,
        annotations={},
        labelled=frozenset(),
        tied_ids=np.empty(0, dtype=np.int64),
        X_tied=np.empty((0, 2), dtype=np.float32),
    )
    return evaluation_body(evaluation, given, audits, skipped, None)


def why(evaluation: Evaluation = EVALUATION, **options: Any) -> str:
    return str(body(evaluation, **options)["accuracy"]["why"])


def test_classes_have_their_names_and_labels_their_tasks():
    found = body()
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert [quality["name"] for quality in found["classes"]] == ["spam", "ham"]
    assert (found["confusions"][0]["given"], found["confusions"][0]["predicted"]) == ("ham", "spam")
    assert found["look_again"] == [
        {
            "task": 42,
            "given": "spam",
            "likelier": "ham",
            "probability": 0.05,
            "present": True,
            "likelier_probability": 0.9,
            "neighbours": [{"task": 41, "similarity": 0.75, "classes": ["ham"]}],
        }
    ]
    assert found["confusions"][0]["examples"] == [42]


def test_an_accuracy_says_what_it_rests_on():
    assert why() == "31 tasks drawn at random and the model's own confidence"
    assert why(replace(EVALUATION, labels=90)) == "31 tasks drawn at random"
    assert "learned little" in why(replace(EVALUATION, temperature=3.0))
    assert "exactly the right classes" in why(choice="multiple")
    assert "2 more such tasks were skipped" in why(skipped=2)
    confident = replace(EVALUATION, accuracy=Accuracy(0.8, 0.7, 0.9, Basis.CONFIDENCE, 0))
    assert why(confident, audits=0).endswith("no label yet of tasks drawn at random")
    assert why(confident, audits=3).endswith("no model can be made without the labels of tasks drawn at random")


@pytest.mark.parametrize(
    ("labels", "n_open", "audits", "expected"),
    [
        (60, 100, 3, "appears with 100 labels (60 so far), or with 10 labels of tasks drawn at random (3 so far)"),
        (300, 0, 31, "there is no open text left that it could be measured for"),
        (300, 100, 31, "appears once two classes have several labels each"),
    ],
)
def test_a_missing_accuracy_says_what_is_missing(labels, n_open, audits, expected):
    nothing = replace(EVALUATION, labels=labels, open=n_open, accuracy=None, forecast=None)
    found = body(nothing, audits=audits)
    assert (found["accuracy"]["why"], found["accuracy"]["value"], found["forecast"]) == (expected, None, None)


@pytest.mark.parametrize(
    ("advice", "expected"),
    [
        (
            StopAdvice(True, 0.0125),
            "changed 1.3% of the predictions, so they moved the accuracy by at most 1.3 points",
        ),
        (StopAdvice(False, 0.3), "changed 30% of the predictions; at 2% or less"),
        (StopAdvice(False, None), "no model can be made without the last 100 labels"),
    ],
)
def test_the_advice_to_stop_says_what_it_rests_on(advice, expected):
    assert expected in body(replace(EVALUATION, stop=advice))["stop"]["why"]
