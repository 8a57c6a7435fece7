"""What status, page and metrics say about the class names."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from ml_backend.pipeline.made_from import made_from
from ml_backend.store import Store
from ml_backend.store.learning_records import Agreement, HeadRecord, PriorRecord
from ml_backend.store.records import ClassNamesUse

BROWSER = {"Accept": "text/html"}
OFF = "The class names are not used, since the setting `class_names` is off."


def prior(strength: float = 18.24, evidence: float = 9.5, names: int = 2, descriptions: int = 0) -> PriorRecord:
    return PriorRecord(strength, evidence, names, descriptions)


@pytest.mark.parametrize(
    ("labels", "known", "words"),
    [
        (12, None, "12 labels"),
        (1, None, "1 label"),
        (0, prior(), "the class names"),
        (0, prior(names=0, descriptions=2), "the class descriptions"),
        (0, prior(names=1, descriptions=1), "the class names and descriptions"),
        (1200, prior(), "1,200 labels and the class names (strength 18.2)"),
        (12, prior(0.0, -3.0, names=0, descriptions=2), "12 labels; the class descriptions do not fit them"),
    ],
)
def test_what_a_head_was_made_from_is_said_in_words(labels: int, known: PriorRecord | None, words: str):
    assert made_from(labels, known) == words


def put_head(store: Store, labels: int, known: PriorRecord | None) -> None:
    version = f"head of {labels} labels"
    store.put_head(
        HeadRecord(version, 7, ["a", "b"], False, "minilm", labels, b"", Agreement(), 1.0, class_prior=known)
    )


def test_before_the_first_label_the_page_says_that_predictions_come_from_the_class_names(
    connected: FlaskClient, sqlite_store: Store
):
    put_head(sqlite_store, 0, prior(20.0, 0.0))
    assert "predicts from the class names</div>" in connected.get("/projects/7", headers=BROWSER).text
    page = connected.get("/projects/7/details", headers=BROWSER).text
    assert "made from the class names.</p>" in page
    assert "strength κ</dt><dd>20.0</dd>" in page
    assert "evidence" not in page
    assert "is measured as soon as there are labels" in page


def test_what_the_class_names_are_worth_is_on_the_page_in_the_status_and_in_the_metrics(
    connected: FlaskClient, sqlite_store: Store
):
    put_head(sqlite_store, 12, prior())
    model = connected.get("/projects/7/status").json["model"]
    assert model["made_from"] == "12 labels and the class names (strength 18.2)"
    assert model["class_prior"] == {"strength": 18.24, "evidence": 9.5, "names": 2, "descriptions": 0}
    assert "predicts from" not in connected.get("/projects/7", headers=BROWSER).text
    page = connected.get("/projects/7/details", headers=BROWSER).text
    assert "made from 12 labels and the class names (strength 18.2).</p>" in page
    assert "evidence</dt><dd>9.5 nats</dd>" in page
    metrics = connected.get("/metrics").text
    assert 'active_learning_class_prior_strength{project="7"} 18.24' in metrics
    assert 'active_learning_class_prior_evidence_nats{project="7"} 9.5' in metrics


def test_why_class_names_are_not_used_is_on_the_page_and_in_the_status(connected: FlaskClient, sqlite_store: Store):
    assert connected.get("/projects/7/status").json["class_names_off"] is None, "before the first run"
    sqlite_store.update_project(7, class_names=ClassNamesUse([], OFF))
    put_head(sqlite_store, 12, None)
    status = connected.get("/projects/7/status").json
    assert (status["class_names_off"], status["model"]["made_from"]) == (OFF, "12 labels")
    page = connected.get("/projects/7/details", headers=BROWSER).text
    assert "since the setting <code>class_names</code> is off." in page
    assert "strength" not in page
    assert 'active_learning_class_prior_strength{project="7"}' not in connected.get("/metrics").text
    sqlite_store.update_project(7, class_names=ClassNamesUse(["about a", "about b"]))
    assert connected.get("/projects/7/status").json["class_names_off"] is None
