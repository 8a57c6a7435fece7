"""Several people in one project: how much is published for them, and whose a task is when a new batch comes."""

from __future__ import annotations

import pytest
from live_loop import Person, choice
from project_runs import MINUTE, MakeProject

from ml_backend.labelstudio.client import LabelStudio, RequestRefused
from ml_backend.pipeline import queue_size


def test_the_first_batch_is_enough_for_every_member_of_the_organization(
    make_project: MakeProject, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(queue_size, "MOST_MEMBERS", 8)
    project = make_project(60)
    added = [project.studio.add_user(f"member-{i}@example.com", f"{i:040}") for i in range(8)]
    project.run("setup")
    assert project.record.members == project.client.member_count() >= 9
    assert len(project.batch.task_ids) == 3 + 3 * 8
    assert project.status["batch"]["reserve"] == 3 + 3 * 8 - 6
    assert project.status["queue_low"] == 3 * 8
    assert "or when fewer than 24 of the chosen tasks are left" in project.status["next"]
    for person in added:
        project.studio.remove_user(person)
    project.run("labels")
    assert project.record.members >= 9, "they are not counted for every label"
    project.run(MINUTE)
    assert project.record.members == project.client.member_count()


def test_names_of_members_are_read_with_the_first_run_and_when_one_joins(
    make_project: MakeProject, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("ml_backend.labelstudio.client.MEMBERS_PER_PAGE", 2)
    project = make_project(20)
    project.run("setup")
    before = project.store.people()
    assert len(before) == project.client.member_count()
    asked = len(project.studio.studio.requests)
    project.run(MINUTE)
    paths = [path for _, path in project.studio.studio.requests[asked:]]
    assert sum(path.endswith("/memberships") for path in paths) == 1, "the count only"
    new = project.studio.add_user("new@example.com", "9" * 40)
    new.first_name, new.last_name = "Zoe", "Fox"
    project.run(MINUTE)
    assert project.store.people() == {**before, new.id: "Zoe Fox"}
    project.studio.remove_user(new)


def test_a_key_that_may_not_count_the_members_does_not_stop_a_run(
    make_project: MakeProject, monkeypatch: pytest.MonkeyPatch
):
    def refuse() -> int:
        raise RequestRefused("You do not have permission to perform this action.")

    project = make_project(20)
    monkeypatch.setattr(project.client, "member_count", refuse)
    project.run("setup")
    assert (project.batch.number, project.record.members) == (1, None)


def test_a_task_that_somebody_holds_stays_theirs_when_the_next_batch_comes(
    make_project: MakeProject, second_user: LabelStudio
):
    project = make_project(30)
    project.run("setup")
    first = project.batch
    held = project.person.next_task()
    assert held is not None
    began_with = held["predictions"][0]["id"]
    other = Person(second_user, project.id)
    project.add_event("TASKS_CREATED", *(other.label_next() for _ in range(3)))
    project.run()
    assert project.batch.number == 2
    again = project.person.next_task()
    assert again is not None
    assert again["id"] == held["id"], "it is served to them again, though the version changed"
    while project.studio.tables.projects[project.id].model_version == project.batch.version:
        task = other.next_task()
        if task is None or task["id"] not in project.batch.task_ids:
            break
        assert task["id"] != held["id"], "nobody else gets it"
        other.annotate(task["id"], task["data"]["gold"])
    body = {"result": [choice(held["data"]["gold"])], "parent_prediction": began_with, "lead_time": 1.0}
    project.client.request("POST", f"api/tasks/{held['id']}/annotations/", body=body)
    project.add_event("TASKS_CREATED", held["id"])
    project.run(MINUTE)
    (annotation,) = project.store.annotations(project.id, [held["id"]])
    assert annotation.shown_version == first.version, "the label counts for the batch that was shown"
    assert held["id"] not in project.batch.task_ids
