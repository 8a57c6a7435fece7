"""`evaluate` prints the stored evaluation, or says what is missing."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import evaluations
import pytest
from typer.testing import CliRunner, Result

from ml_backend.cli import app
from ml_backend.settings import Settings
from ml_backend.store import Store


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """The database that the command reads, with project 7."""
    monkeypatch.setenv("MODEL_DIR", str(tmp_path))
    monkeypatch.setattr("ml_backend.cli.terminal.console.width", 120)
    store = Store(Settings(model_dir=tmp_path).database_url)
    store.create()
    store.ensure_project(7)
    return store


def evaluate(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["evaluate", *arguments])


def cells(output: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.strip("│ ").split("│")] for line in output.splitlines() if "│" in line]


def test_all_figures_are_printed_weak_classes_first(store: Store):
    few = evaluations.class_quality("[red]", 3, None, None)
    evaluations.put(store, 7, [evaluations.body("v1", classes=[*evaluations.body()["classes"], few])])
    result = evaluate("7")
    assert result.exit_code == 0
    assert "Accuracy: 83%, 78 to 88% (95% interval), at 300 labels and 9,700 open tasks" in result.output
    for sentence in (
        "It rests on 31 tasks drawn at random.",
        "About 120 further labels for one more point of accuracy; could be 59 or 230.",
        "Your last 100 labels changed 6 %.",
        "Krippendorff's α is 0.80 over 40 tasks that several people labelled",
    ):
        assert sentence in result.output
    assert "not evaluated yet" not in result.output
    assert cells(result.output) == [
        ["praise (weak)", "100", "80%, 70 to 90%", "61%, 51 to 71%", "69%"],
        ["bug", "200", "90%, 80 to 100%", "92%, 82 to 100%", "91%"],
        ["[red]", "3", "too few", "too few", "too few"],
        ["praise", "bug", "5 of 30"],
        ["58%", "55%", "150"],
        ["94%", "90%", "150"],
        ["12", "bug", "praise", "4%"],
        ["1 and 12", "40", "0.75"],
    ]


def test_an_evaluation_of_an_earlier_head_says_so(store: Store):
    evaluations.put(store, 7, [evaluations.body("v1")])
    store.put_head(replace(store.heads(7)[0], version="v2"))
    result = evaluate("7")
    assert result.exit_code == 0
    assert "The newest head is not evaluated yet; this is v1." in result.output


def test_an_accuracy_that_is_not_known_yet_says_what_is_missing(store: Store):
    unknown = evaluations.accuracy(None, audits=3, why="appears with 10 labels of tasks drawn at random (3 so far)")
    evaluations.put(store, 7, [evaluations.body("v1", accuracy=unknown, forecast=None, annotators=None)])
    result = evaluate("7")
    assert "Accuracy: not known yet" in result.output
    assert "Appears with 10 labels of tasks drawn at random (3 so far)." in result.output


def test_a_head_that_waits_for_its_evaluation_is_named(store: Store):
    evaluations.put(store, 7, [evaluations.body("v1")])
    head = store.heads(7)[0]
    store.drop_heads(7)
    store.put_head(replace(head, version="v2"))
    result = evaluate("7")
    assert (result.exit_code, "the newest head of project 7 is not evaluated yet" in result.output) == (1, True)


def test_a_head_without_labels_and_no_head_have_nothing_to_evaluate(store: Store):
    result = evaluate("7")
    assert (result.exit_code, "project 7 has no head yet" in result.output) == (1, True)
    evaluations.put(store, 7, [evaluations.body("v1")])
    head = store.heads(7)[0]
    store.drop_heads(7)
    store.put_head(replace(head, version="v2", n_labels=0))
    result = evaluate("7")
    assert (result.exit_code, "made without labels" in result.output) == (1, True)


def test_an_unknown_project_is_named_with_those_that_are_connected(store: Store):
    result = evaluate("8", "--json")
    assert result.exit_code == 1
    assert "project 8 is not connected to this backend; connected: 7" in result.output


def test_json_is_what_the_route_returns(store: Store):
    evaluations.put(store, 7, [evaluations.body("v1")])
    printed = json.loads(evaluate("7", "--json").output)
    assert (printed["project"], printed["head"], printed["evaluation"]) == (7, "v1", evaluations.body("v1"))
    assert [entry["accuracy"] for entry in printed["history"]] == [0.83]
