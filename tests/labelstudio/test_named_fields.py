"""Which fields of `text_fields` are told to be missing, and when that is certain."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import pytest

from ml_backend.labelstudio.client import LabelStudio
from ml_backend.labelstudio.named_fields import missing_fields
from ml_backend.labelstudio.tasks import RemoteTask, TaskPage

DATA: list[dict[str, Any]] = [
    {"text": "a", "meta": {"title": "b"}},
    {"text": "c", "turns": [{"text": "d"}], "dotted.name": "e", "note": None},
]


class FakeClient:
    """A Label Studio with these tasks on its first page."""

    def __init__(self, tasks: list[dict[str, Any]], is_last: bool = True, problem: str | None = None) -> None:
        self.tasks = [RemoteTask(i, data, "", problem=problem) for i, data in enumerate(tasks)]
        self.is_last = is_last

    def task_pages(self, _project_id: int) -> Iterator[TaskPage]:
        yield TaskPage(1, self.tasks, self.is_last)


def missing(fields: list[str], tasks: list[dict[str, Any]] = DATA, **options: Any) -> tuple[str, bool] | None:
    found = missing_fields(cast(LabelStudio, FakeClient(tasks, **options)), 3, fields)
    return None if found is None else (found.sentence, found.in_no_task)


@pytest.mark.parametrize("field", ["text", "$text", " text", "meta.title", "turns[0].text", "dotted.name", "note"])
def test_a_field_that_any_task_has_is_not_missing(field: str):
    assert missing([field]) is None


@pytest.mark.parametrize("field", ["boddy", "meta.titel", "turns[1].text", "Text"])
def test_a_field_that_no_task_has_is_named_with_those_that_they_have(field: str):
    assert missing(["text", field]) == (
        f"text_fields names {field!r}, which no task of project 3 has; the fields of its tasks are 'text', 'meta', "
        "'turns', 'dotted.name', 'note'",
        True,
    )


def test_in_a_larger_project_later_tasks_may_have_the_field():
    found = missing(["boddy"], is_last=False)
    assert found is not None
    sentence, in_no_task = found
    assert sentence.startswith("text_fields names 'boddy', which none of the first 2 tasks of project 3 has; ")
    assert not in_no_task


def test_without_tasks_or_without_their_data_nothing_is_missing():
    assert missing(["boddy"], tasks=[]) is None
    assert missing(["boddy"], tasks=[{}]) is None
    assert missing(["boddy"], problem="the task's data is a list instead of an object") is None


def test_many_and_long_names_are_shortened():
    found = missing(["x" * 10_000], tasks=[{f"{i} {'y' * 1000}": "" for i in range(50)}])
    assert found is not None
    assert len(found[0]) < 2000
    assert found[0].endswith("and 40 more")
