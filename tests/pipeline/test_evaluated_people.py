"""What an evaluation says of the people who label."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from ml_backend.annotation import Annotation
from ml_backend.labelstudio.label_config import parse
from ml_backend.learning import Head
from ml_backend.learning.evaluation.evaluation import Evaluation, Predicted
from ml_backend.pipeline import evaluated_people
from ml_backend.pipeline.doubts import disagreement_key, label_key
from ml_backend.pipeline.evaluated_people import people_body, shared_votes
from ml_backend.pipeline.evaluation_input import EvaluationInput

CONFIG = '<View><Text name="t" value="$text"/><Choices name="c" toName="t" choice="{}">{}</Choices></View>'
CHOICES = '<Choice value="spam"/><Choice value="ham"/>'
ANNA, BEN = 3, 8


def annotation(task: int, who: int | None, *chosen: str, at: float = 0.0, cancelled: bool = False) -> Annotation:
    result = [{"from_name": "c", "to_name": "t", "type": "choices", "value": {"choices": list(chosen)}}]
    number = 100 * task + (who or 0) + int(at)
    return Annotation(number, task, who, cancelled, result, f"2026-01-01T00:00:{int(at):02}", created_at=at)


def body(
    annotations: list[Annotation],
    predicted: dict[int, int] | None = None,
    tied: dict[int, float] | None = None,
    choice: str = "single",
) -> dict[str, Any]:
    """predicted: task → number of the class that a held-out head predicts; tied: task → the only number of its text."""
    by_task: dict[int, list[Annotation]] = {}
    for one in annotations:
        by_task.setdefault(one.task_id, []).append(one)
    predicted, tied = predicted or {}, tied or {}
    y = np.array(list(predicted.values()), dtype=np.int64)
    if choice == "multiple":
        y = np.eye(2, dtype=np.int64)[y]
    held_out = Predicted(y, np.full(len(y), 0.75)) if predicted else None
    X = np.linspace(-1, 1, 20, dtype=np.float32)[:, None]
    gold = (X[:, 0] > 0).astype(np.int64)
    given = EvaluationInput(
        project_id=1,
        head_version="v1",
        made_at=5.0,
        config=parse(CONFIG.format(choice, CHOICES), None, None),
        head=Head().fit(X, np.eye(2, dtype=np.int64)[gold] if choice == "multiple" else gold, 2),
        held_out=cast(Any, None),
        task_ids=np.array(list(predicted), dtype=np.int64),
        X_open=X,
        n_open=20,
        annotations=by_task,
        labelled=frozenset(predicted),
        tied_ids=np.array(list(tied), dtype=np.int64),
        X_tied=np.array(list(tied.values()), dtype=np.float32).reshape(-1, 1),
    )
    evaluation = cast(Evaluation, SimpleNamespace(held_out=held_out, temperature=1.0))
    return people_body(evaluation, given, shared_votes(given.annotations, given.config))


def test_tasks_about_which_people_disagree_are_listed_newest_first_with_what_each_chose():
    found = body(
        [
            annotation(1, ANNA, "spam", at=1), annotation(1, BEN, "ham", at=2),
            annotation(2, ANNA, "spam", at=3), annotation(2, BEN, "spam", at=4),
            annotation(3, ANNA, "ham", at=5), annotation(3, None, "spam", at=0),
            annotation(4, ANNA, "ham", at=6), annotation(4, BEN, cancelled=True, at=7),
            annotation(5, ANNA, "ham", at=8), annotation(5, ANNA, "spam", at=9),
        ],
        predicted={1: 1, 2: 0},
    )["disagreements"]  # fmt: skip
    assert [one["task"] for one in found] == [3, 1], "of one person the newest counts, and a skip is no label"
    assert found[0]["votes"] == [{"annotator": None, "classes": ["spam"]}, {"annotator": ANNA, "classes": ["ham"]}]
    assert (found[0]["predicted"], found[0]["probability"]) == (None, None)
    assert (found[1]["predicted"], found[1]["probability"]) == (["ham"], 0.75)


def test_a_task_without_a_majority_is_predicted_by_the_head_which_never_learned_from_it():
    votes = [annotation(t, who, name) for t in (1, 2) for who, name in ((ANNA, "spam"), (BEN, "ham"))]
    found = {one["task"]: one for one in body(votes, tied={1: -0.9, 2: 0.9})["disagreements"]}
    assert (found[1]["predicted"], found[2]["predicted"]) == (["spam"], ["ham"])
    assert 0.5 < found[2]["probability"] < 1


def test_long_lists_keep_the_newest(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(evaluated_people, "MOST_DISAGREEMENTS", 3)
    votes = [annotation(t, who, n, at=t) for t in range(1, 9) for who, n in ((ANNA, "spam"), (BEN, "ham"))]
    assert [one["task"] for one in body(votes)["disagreements"]] == [8, 7, 6]


def test_each_person_is_compared_with_others_and_with_the_model():
    found = body(
        [
            annotation(1, ANNA, "spam"), annotation(1, BEN, "ham"),
            annotation(2, ANNA, "ham"), annotation(2, BEN, "ham"),
            annotation(3, ANNA, "ham"),
            annotation(4, 12, "ham"),
            annotation(5, None, "ham"),
        ],
        predicted={1: 0, 2: 1, 3: 0, 5: 1},
    )["people"]  # fmt: skip
    assert found == [
        {
            "annotator": ANNA,
            "others": {"tasks": 2, "same": 0.5},
            "model": {"tasks": 3, "same": pytest.approx(2 / 3)},
        },
        {"annotator": BEN, "others": {"tasks": 2, "same": 0.5}, "model": {"tasks": 2, "same": 0.5}},
    ]


def test_with_several_classes_a_task_the_whole_set_counts():
    found = body(
        [annotation(1, ANNA, "spam", "ham"), annotation(1, BEN, "spam"), annotation(2, ANNA, "ham")],
        predicted={1: 0, 2: 1},
        choice="multiple",
    )
    assert [one["task"] for one in found["disagreements"]] == [1]
    assert found["disagreements"][0]["predicted"] == ["spam"]
    assert {p["annotator"]: p["model"]["same"] for p in found["people"]} == {ANNA: 0.5, BEN: 1.0}


def test_without_labels_there_is_nobody():
    assert body([]) == {"people": [], "disagreements": []}


def test_a_key_changes_with_the_label_only():
    label = {"task": 1, "given": "spam", "likelier": "ham", "probability": 0.1, "present": True}
    assert label_key(label) == label_key({**label, "probability": 0.2, "likelier": "other"})
    assert len({label_key(label), label_key({**label, "given": "ham"}), label_key({**label, "present": False})}) == 3
    votes = [{"annotator": ANNA, "classes": ["a", "b"]}, {"annotator": None, "classes": ["c"]}]
    same = [{"annotator": None, "classes": ["c"]}, {"annotator": ANNA, "classes": ["b", "a"]}]
    assert disagreement_key({"votes": votes}) == disagreement_key({"votes": same})
    other = [votes[0], {"annotator": None, "classes": ["d"]}]
    assert disagreement_key({"votes": votes}) != disagreement_key({"votes": other})
