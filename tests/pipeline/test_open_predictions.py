"""How sure the model is of open texts, and how many predictions are expected to be wrong, against counting by hand."""

from __future__ import annotations

from typing import Any

import evaluations
import numpy as np
import pytest
from numpy.typing import NDArray

from ml_backend.learning import Head
from ml_backend.pipeline import open_predictions as module
from ml_backend.pipeline.job_parameters import WrongParameters
from ml_backend.pipeline.open_predictions import agreeing_with, open_predictions, threshold_table
from ml_backend.pipeline.prediction_choice import THRESHOLDS, parse_choice
from ml_backend.pipeline.prediction_words import above_words, kept_sentence, wrong_words
from ml_backend.pipeline.project_pool import ProjectPool

CLASSES = ["bug", "praise", "question"]
N = 300


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ROWS_AT_ONCE", 64)


def pool(X: NDArray[np.float32], is_open: NDArray[np.bool_], embedded: NDArray[np.bool_] | None = None) -> ProjectPool:
    embedded = np.ones(len(X), dtype=bool) if embedded is None else embedded
    return ProjectPool(
        task_ids=np.arange(len(X)) * 3 + 5,
        texts=np.arange(len(X)),
        embeddings=X,
        embedded=embedded,
        labels=np.full(len(X), -1),
        fresh=is_open & embedded,
        copies=np.zeros(len(X), dtype=bool),
        open=is_open,
    )


@pytest.fixture(name="X")
def vectors() -> NDArray[np.float32]:
    return np.random.default_rng(3).normal(size=(N, 8)).astype(np.float32)


@pytest.fixture
def head(X: NDArray[np.float32]) -> Head:
    y = (X[:, 0] > 0).astype(np.int64) + (X[:, 1] > 0.8)
    return Head(C=1.0).fit(X[:90], y[:90], len(CLASSES))


def body(value: float | None = 0.7, temperature: float = 1.4) -> dict[str, Any]:
    return {"temperature": temperature, "accuracy": evaluations.accuracy(value)}


def test_only_open_texts_with_a_vector_are_predicted_each_once_in_the_order_of_their_ids(X: Any, head: Head):
    is_open, embedded = np.arange(N) % 3 > 0, np.arange(N) % 5 > 0
    predictions = open_predictions(pool(X, is_open, embedded), head, CLASSES, body())
    chunks = list(predictions.chunks(0.0, None))
    tasks = [p.task_id for chunk in chunks for p in chunk]
    assert tasks == [3 * row + 5 for row in range(N) if row % 3 and row % 5]
    assert max(map(len, chunks)) == 64


def test_predictions_are_those_of_the_head(X: Any, head: Head):
    predictions = open_predictions(pool(X, np.ones(N, dtype=bool)), head, CLASSES, None)
    p = head.predict_proba(X)
    found = [prediction for chunk in predictions.chunks(0.0, None) for prediction in chunk]
    assert [f.chosen[0][0] for f in found] == [CLASSES[i] for i in p.argmax(axis=1)]
    np.testing.assert_allclose([f.confidence for f in found], p.max(axis=1), atol=1e-6)
    second = np.sort(p, axis=1)[:, -2]
    np.testing.assert_allclose([f.margin for f in found], p.max(axis=1) - second, atol=1e-6)


def test_the_table_is_what_counting_one_by_one_gives(X: Any, head: Head):
    predictions = open_predictions(pool(X, np.ones(N, dtype=bool)), head, CLASSES, body())
    p = head.predict_proba(X).max(axis=1)
    assert predictions.right is not None
    for row in threshold_table(predictions, THRESHOLDS):
        kept = [i for i in range(N) if p[i] >= row["above"]]
        assert row["kept"] == len(kept) == sum(map(len, predictions.chunks(row["above"], None)))
        wrong = sum(1 - predictions.right[i] for i in kept) / len(kept) if kept else None
        assert row["wrong"] == (None if wrong is None else pytest.approx(wrong))


def test_expected_errors_agree_with_the_accuracy_and_fall_with_the_confidence(X: Any, head: Head):
    predictions = open_predictions(pool(X, np.ones(N, dtype=bool)), head, CLASSES, body(0.7))
    assert predictions.wrong(0.0) == pytest.approx(0.3, abs=1e-6)
    shares = [wrong for above in THRESHOLDS if (wrong := predictions.wrong(above)) is not None]
    assert shares == sorted(shares, reverse=True)
    assert len(shares) > 4


def test_a_calibrated_model_is_as_often_wrong_as_expected():
    rng = np.random.default_rng(0)
    truth = rng.beta(4, 1.2, 20_000)  # how probable it is that each prediction is right
    too_sure = 1 / (1 + np.exp(-(np.log(truth / (1 - truth)) + 0.7)))
    right = rng.random(len(truth)) < truth
    corrected = agreeing_with(too_sure, np.ones(len(truth), dtype=bool), right.mean())
    for above in (0.6, 0.8, 0.9):
        kept = corrected >= above
        assert (~right[kept]).mean() == pytest.approx(1 - corrected[kept].mean(), abs=0.02)


@pytest.mark.parametrize("evaluation", [None, body(None)])
def test_what_the_evaluation_does_not_support_is_not_told(X: Any, head: Head, evaluation: Any):
    predictions = open_predictions(pool(X, np.ones(N, dtype=bool)), head, CLASSES, evaluation)
    assert {row["wrong"] for row in threshold_table(predictions, THRESHOLDS)} == {None}
    assert predictions.count(0.0) == N


def test_several_classes_count_as_one_prediction_that_is_right_as_a_whole(X: Any):
    y = np.stack([X[:, 0] > 0, X[:, 1] > 0.3, X[:, 2] > 1], axis=1).astype(np.int64)
    head = Head(C=1.0).fit(X[:90], y[:90], len(CLASSES))
    predictions = open_predictions(pool(X, np.ones(N, dtype=bool)), head, CLASSES, body())
    p = head.predict_proba(X).astype(np.float64)
    found = [prediction for chunk in predictions.chunks(0.0, None) for prediction in chunk]
    assert [[name for name, _ in f.chosen] for f in found] == [
        [CLASSES[c] for c in range(3) if row[c] >= 0.5] for row in p
    ]
    np.testing.assert_allclose([f.confidence for f in found], np.maximum(p, 1 - p).prod(axis=1), atol=1e-6)
    assert {f.margin for f in found} == {None}


def test_nothing_open_gives_an_empty_table(X: Any, head: Head):
    predictions = open_predictions(pool(X, np.zeros(N, dtype=bool)), head, CLASSES, body())
    assert list(predictions.chunks(0.0, None)) == []
    assert {(row["kept"], row["wrong"]) for row in threshold_table(predictions, THRESHOLDS)} == {(0, None)}


@pytest.mark.parametrize("given", [{}, {"to": "fax"}, {"to": "csv", "above": "90"}, {"to": "csv", "above": "nan"},
                                   {"to": "csv", "above": True}, {"to": "csv", "above": "<script>"}])  # fmt: skip
def test_a_choice_that_cannot_be_followed_is_refused(given: dict[str, Any]):
    with pytest.raises(WrongParameters, match=r"`to`|`above`"):
        parse_choice(given)


def test_a_form_and_json_choose_alike():
    form = parse_choice({"to": "csv", "above": "0.9", "with_texts": "on", "csrf_token": "x"})
    assert form == parse_choice({"to": "csv", "above": 0.9, "with_texts": True})
    assert parse_choice({"to": "label_studio"}).above == 0.0


@pytest.mark.parametrize(
    ("above", "written", "wrong", "sentence"),
    [
        (0.9, 8210, 0.043, "Of the 9,700 open texts, 8,210 predictions were written with a confidence of 90% or more; "
                           "about 4% of them are expected to be wrong."),
        (0.0, 9700, 0.002, "Of the 9,700 open texts, 9,700 predictions were written; less than 1% of them are "
                           "expected to be wrong."),
        (0.995, 1, None, "Of the 9,700 open texts, 1 prediction was written with a confidence of 99.5% or more; "
                         "how many of them are wrong is not known yet: the model is evaluated with more labels."),
        (0.99, 0, None, "Of the 9,700 open texts none is predicted with a confidence of 99% or more."),
    ],
)  # fmt: skip
def test_what_was_kept_is_told_in_words(above: float, written: int, wrong: float | None, sentence: str):
    result = {"above": above, "written": written, "wrong": wrong, "open": 9700, "without_vector": 0}
    assert kept_sentence(result) == sentence
    assert kept_sentence(result | {"without_vector": 2}) == f"{sentence} 2 more are not embedded yet and left out."


def test_a_share_is_given_in_whole_percent():
    assert [wrong_words(w) for w in (None, 0.0, 0.009, 0.01, 0.126)] == ["not known", "less than 1%", "less than 1%",
                                                                         "1%", "13%"]  # fmt: skip
    assert [above_words(a) for a in (0.0, 0.5, 0.95)] == ["any", "50% or more", "95% or more"]
