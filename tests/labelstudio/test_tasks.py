"""Tasks and annotations of any shape become records; what cannot be read is the problem of its task or annotation."""

from __future__ import annotations

import random
from typing import Any

import pytest

from ml_backend.annotation import Annotation
from ml_backend.labelstudio.json_values import LARGEST_ID, parsed_id, parsed_time
from ml_backend.labelstudio.tasks import RemoteTask, parse_annotations, parse_task, parse_tasks

ODD: list[Any] = [None, True, 0, -1, 5, 2**63, 10**30, 1.5, float("nan"), "", "7", "x", "9" * 5000, "٣", "\ud800\x00"]
ODD += [[], [5], {}, {"id": 3}, [[]]]


@pytest.mark.parametrize(
    ("value", "expected"),
    [(7, 7), ("7", 7), (LARGEST_ID, LARGEST_ID), (str(LARGEST_ID), LARGEST_ID)]
    + [(value, None) for value in (None, True, 0, -1, 2**63, str(2**63), 1.0, "", "x", "9" * 5000, "٣", "7 ", [], {})],
)
def test_an_id_is_a_positive_number_that_databases_store(value: Any, expected: int | None):
    assert parsed_id(value) == expected


def test_a_time_can_be_stored_in_its_column():
    assert parsed_time("2026-11-25T22:06:29.123456+00:00") == "2026-11-25T22:06:29.123456+00:00"
    assert [parsed_time(value) for value in (None, 5, "x" * 41, "\ud800", "\x00")] == [""] * 5


def test_a_whole_task_is_read():
    annotation = {"id": 5, "completed_by": {"id": 2}, "result": [{"a": 1}], "was_cancelled": False, "updated_at": "u"}
    task = parse_task({"id": "3", "data": {"text": "a"}, "updated_at": "t", "annotations": [annotation]})
    assert task == RemoteTask(3, {"text": "a"}, "t", [Annotation(5, 3, 2, False, [{"a": 1}], "u")])


@pytest.mark.parametrize(
    ("annotation", "problem"),
    [
        (5, "the annotation is a number instead of an object"),
        ({"id": 5, "result": 5}, "the annotation's result is a number instead of a list of results"),
        ({"id": 5, "result": "x"}, "the annotation's result is a string instead of a list of results"),
        ({"id": 5, "result": {}}, "the annotation's result is an object instead of a list of results"),
        ({"id": 5, "result": [1], "was_cancelled": "no"}, "was_cancelled is a string instead of true or false"),
    ],
)
def test_an_annotation_that_cannot_be_read_has_a_problem_and_no_result(annotation: Any, problem: str):
    (read,) = parse_annotations({"id": 3, "annotations": [annotation]})
    assert problem in str(read.problem)
    assert (read.task_id, read.result) == (3, [])


def test_a_result_with_too_many_levels_has_a_problem():
    for levels, is_read in ((100, True), (101, False), (900, False)):
        result: Any = []
        for _ in range(levels - 1):
            result = [result]
        (read,) = parse_annotations({"id": 3, "annotations": [{"id": 5, "result": result}]})
        assert (read.problem is None) == is_read, levels
        assert read.result == (result if is_read else [])


def test_a_null_result_is_an_empty_one():
    (read,) = parse_annotations({"id": 3, "annotations": [{"id": 5, "result": None}]})
    assert (read.problem, read.result) == (None, [])


def test_annotations_without_ids_are_told_apart_and_keep_their_ids_from_one_reading_to_the_next():
    entry = {"id": 3, "annotations": [{"result": []}, {"result": [1]}, {"id": "x"}, 5]}
    read = parse_annotations(entry)
    assert len({a.annotation_id for a in read}) == 4
    assert all(-(2**63) <= a.annotation_id < 0 for a in read)
    assert parse_annotations(entry) == read
    assert {a.annotation_id for a in parse_annotations({**entry, "id": 4})}.isdisjoint(a.annotation_id for a in read)


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"data": [1]}, "the task's data is a list instead of an object"),
        ({}, "the task's data is null instead of an object"),
        ({"data": {}, "annotations": "x"}, "the task's annotations are a string instead of a list"),
    ],
)
def test_a_task_that_cannot_be_read_has_a_problem(fields: dict[str, Any], problem: str):
    assert parse_task({"id": 3, **fields}).problem == problem


def test_entries_without_an_id_are_counted_in_the_log_and_the_rest_is_read(caplog: pytest.LogCaptureFixture):
    entries = [{"id": 1, "data": {}}, 5, {"id": "x", "data": {}}, {"data": {}}, {"id": 2, "data": {}}]
    assert [task.id for task in parse_tasks(entries)] == [1, 2]
    assert "3 of 5 entries" in caplog.text
    assert "a task is a number instead of an object" in caplog.text


def test_no_mixture_of_odd_values_is_an_exception():
    rng = random.Random(3)
    names = ("id", "completed_by", "result", "was_cancelled", "updated_at")
    for _ in range(3000):
        annotations = [rng.choice(ODD), *({n: rng.choice(ODD) for n in names} for _ in range(2))]
        entry = {"id": rng.choice([3, *ODD]), "data": rng.choice(ODD), "updated_at": rng.choice(ODD)}
        for task in parse_tasks([{**entry, "annotations": rng.choice([annotations, *ODD])}, rng.choice(ODD)]):
            assert 0 < task.id <= LARGEST_ID
            for a in task.annotations:
                assert isinstance(a.result, list)
                assert isinstance(a.cancelled, bool)
                assert a.annotator is None or 0 < a.annotator <= LARGEST_ID


@pytest.mark.parametrize(
    ("fields", "created_at", "shown_version"),
    [
        ({"created_at": "1970-01-01T00:00:02.5Z", "parent_prediction": 5}, 2.5, "batch 1"),
        ({"created_at": "1970-01-01T01:00:02+01:00", "parent_prediction": 6}, 2.0, None),
        ({"created_at": "1970-01-01T00:00:02", "parent_prediction": "5"}, 2.0, "batch 1"),
        ({"created_at": "yesterday", "parent_prediction": [5]}, None, None),
        ({"created_at": 7}, None, None),
        ({}, None, None),
    ],
    ids=str,
)
def test_when_an_annotation_was_made_and_which_prediction_it_began_with_are_read(
    fields: dict[str, Any], created_at: float | None, shown_version: str | None
):
    predictions = [{"id": 5, "model_version": "batch 1"}, {"id": 6, "model_version": "\ud800"}, {"id": 7}, "odd"]
    entry = {"id": 3, "predictions": predictions, "annotations": [{"id": 1, "result": [], **fields}]}
    (annotation,) = parse_annotations(entry)
    assert (annotation.created_at, annotation.shown_version) == (created_at, shown_version)
    assert parse_annotations({**entry, "predictions": [1, 2]})[0].shown_version is None
