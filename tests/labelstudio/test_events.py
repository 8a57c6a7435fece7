from typing import Any

import pytest

from ml_backend.labelstudio.events import Affected, affected_tasks


@pytest.mark.parametrize(
    ("action", "body", "expected"),
    [
        ("ANNOTATION_CREATED", {"annotation": {"id": 5, "task": 7}}, Affected(frozenset({7}))),
        ("ANNOTATION_UPDATED", {"annotation": {"id": 5, "task": {"id": 7}}}, Affected(frozenset({7}))),
        (
            "ANNOTATIONS_CREATED",
            {"annotation": [{"id": 5, "task": 7}, {"id": 6, "task": 8}]},
            Affected(frozenset({7, 8})),
        ),
        ("ANNOTATIONS_DELETED", {"annotations": [{"id": 5}]}, Affected(annotation_ids=frozenset({5}))),
        ("TASKS_CREATED", {"tasks": [{"id": 1, "data": {}}]}, Affected(frozenset({1}))),
        ("TASKS_DELETED", {"tasks": [{"id": 1}, {"id": 2}]}, Affected(frozenset({1, 2}))),
        ("START_TRAINING", {}, Affected(everything=True, train=True)),
        ("PROJECT_DELETED", {"project": {"id": 1}}, Affected(project_deleted=True)),
        ("SOMETHING_NEW", {"tasks": [{"id": 1}]}, Affected()),
        ("ANNOTATION_CREATED", {}, Affected(everything=True)),
        ("ANNOTATION_CREATED", {"annotation": "?"}, Affected(everything=True)),
        ("TASKS_CREATED", {"tasks": [{"id": "x"}, 3]}, Affected(everything=True)),
        ("TASKS_CREATED", {"tasks": [{"id": "7"}, {"id": True}, {"id": 2**63}]}, Affected(frozenset({7}))),
        ("ANNOTATION_CREATED", {"annotation": {"id": -5, "task": True}}, Affected(everything=True)),
        ("ANNOTATION_CREATED", {"annotation": {"id": 5, "task": {"id": []}}}, Affected(annotation_ids=frozenset({5}))),
        ("ANNOTATION_CREATED", ["?"], Affected(everything=True)),
        ("TASKS_DELETED", None, Affected(everything=True)),
    ],
)
def test_an_event_names_what_to_read_again(action: str, body: Any, expected: Affected):
    assert affected_tasks(action, body) == expected
