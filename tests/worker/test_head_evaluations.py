"""Heads are evaluated beside the runs: the newest of each project, whatever goes wrong with another."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
from live_loop import wait_until
from sqlalchemy.exc import OperationalError

from ml_backend.learning.evaluation.evaluation import Superseded
from ml_backend.pipeline.evaluation_input import EvaluationInput
from ml_backend.store import Store
from ml_backend.worker import evaluations as module
from ml_backend.worker.evaluations import MOST_WAITING, HeadEvaluations

Evaluate = Callable[[Any, EvaluationInput, Callable[[], bool]], None]


def head(version: str, project_id: int = 1) -> EvaluationInput:
    return cast(EvaluationInput, SimpleNamespace(project_id=project_id, head_version=version))


@pytest.fixture
def evaluations() -> Iterator[HeadEvaluations]:
    made = HeadEvaluations(cast(Store, None))
    yield made
    made.stop()


def evaluate_with(monkeypatch: pytest.MonkeyPatch, evaluate: Evaluate) -> None:
    monkeypatch.setattr(module, "evaluate_head", evaluate)


def test_of_heads_that_wait_the_newest_of_each_project_is_evaluated(
    evaluations: HeadEvaluations, monkeypatch: pytest.MonkeyPatch
):
    done: list[str] = []
    evaluate_with(monkeypatch, lambda _store, given, _is_superseded: done.append(given.head_version))
    for given in (head("old"), head("other", 2), head("new")):
        evaluations.put(given)
    assert (evaluations.has(1, "old"), evaluations.has(1, "new"), evaluations.has(2, "new")) == (False, True, False)
    evaluations.start()
    wait_until("both are evaluated", lambda: done == ["new", "other"])
    wait_until("nothing waits", lambda: not evaluations.has(2, "other"))


def test_few_heads_wait_at_the_same_time_and_others_are_left_to_later_runs(evaluations: HeadEvaluations):
    for project_id in range(MOST_WAITING + 1):
        evaluations.put(head("old", project_id))
    evaluations.put(head("new", 0))
    assert [evaluations.has(project_id, "old") for project_id in range(MOST_WAITING + 1)] == [
        False,
        *[True] * (MOST_WAITING - 1),
        False,
    ]
    assert evaluations.has(0, "new"), "it takes the place of an older head"


def test_an_evaluation_is_given_up_for_a_newer_head_but_not_twice_in_a_row(
    evaluations: HeadEvaluations, monkeypatch: pytest.MonkeyPatch
):
    started, done = [], []
    go_on = threading.Semaphore(0)

    def evaluate(_store: Any, given: EvaluationInput, is_superseded: Callable[[], bool]) -> None:
        started.append(given.head_version)
        go_on.acquire()
        if is_superseded():
            raise Superseded
        done.append(given.head_version)

    evaluate_with(monkeypatch, evaluate)
    evaluations.start()
    for number, version in enumerate(("first", "second", "third"), 1):
        evaluations.put(head(version))
        if number > 1:
            go_on.release()
        wait_until(f"{version} waits or is evaluated", lambda n=number: len(started) >= n)
    go_on.release()
    wait_until("the last is evaluated", lambda: done == ["second", "third"])


@pytest.mark.parametrize(
    ("error", "is_put_again"), [(RuntimeError("odd"), False), (OperationalError("", {}, Exception()), True)]
)
def test_a_failure_is_logged_with_the_project_and_ends_nothing(
    evaluations: HeadEvaluations,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
    is_put_again: bool,
):
    done: list[str] = []

    def evaluate(_store: Any, given: EvaluationInput, _is_superseded: Callable[[], bool]) -> None:
        if given.head_version == "bad":
            raise error
        done.append(given.head_version)

    evaluate_with(monkeypatch, evaluate)
    evaluations.put(head("bad"))
    evaluations.put(head("good", 2))
    evaluations.start()
    wait_until("the other project's head is evaluated", lambda: done == ["good"])
    assert "project 1: " in caplog.text
    assert evaluations.has(1, "bad") is not is_put_again, "what fails each time is not tried every minute"
