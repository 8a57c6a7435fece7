"""The page Find at work: what is found is served next, and a group gets one label that can be taken back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from live_loop import CLASSES, HTTP, Loop, choice, gold_texts, wait_until
from studios import both

ATTACK = '<script>alert(1)</script> refund "onmouseover=alert(2)'
MakeLoop = Callable[..., Loop]


def headers(project: Loop, accept: str = "text/html") -> dict[str, str]:
    return {"Authorization": f"Token {project.backend.api_key}", "Accept": accept}


def page(project: Loop, path: str, status: int = 200, **arguments: Any) -> str:
    """A page as somebody sees it who shows the backend's key."""
    address = f"{project.backend.url}/projects/{project.project_id}/{path}"
    answer = HTTP.get(address, params=arguments, headers=headers(project))
    assert answer.status_code == status, answer.text
    return str(answer.text)


def post(project: Loop, path: str, **body: Any) -> dict[str, Any]:
    address = f"{project.backend.url}/projects/{project.project_id}/{path}"
    answer = HTTP.post(address, json=body, headers=headers(project, "application/json"))
    assert answer.status_code < 300, answer.text
    return dict(answer.json())


def ended(project: Loop, job: dict[str, Any]) -> dict[str, Any]:
    """A job once it has ended."""
    address = f"{project.backend.url}/projects/{project.project_id}/jobs/{job['id']}"

    def last() -> dict[str, Any] | None:
        now = dict(HTTP.get(address, headers=headers(project)).json())
        return now if now["state"] not in ("waiting", "running") else None

    return dict(wait_until(f"the end of {job['kind']}", last))


@pytest.fixture
def project(loop: MakeLoop) -> Loop:
    """A project with a text that attacks, all of whose texts are embedded."""
    texts = [*gold_texts(30), {"text": ATTACK, "gold": CLASSES[0]}]
    made = loop(texts, strategy="random", initial="random", batch_size=5, retrain_every=5, class_names="off")
    made.embedded()
    return made


def test_what_a_page_finds_is_served_next_by_label_studio(project: Loop):
    by_words = page(project, "find", q="script refund", by="words")
    assert "1 text with script refund" in by_words
    assert "&lt;<mark>script</mark>&gt;alert(1)&lt;/<mark>script</mark>&gt; <mark>refund</mark>" in by_words
    target = max(project.client.task_ids(project.project_id))
    assert f'value="{target}" aria-label="Choose task {target}"' in by_words
    before = project.batch()["number"]
    answer = post(project, "next", task=[target], why="search: script refund")
    assert answer["asked"] == 1
    assert project.batch(after=before)["task_ids"][0] == target
    waiting = page(project, "find")
    assert "1 task is served before others" in waiting
    person = project.person()
    assert person.label_next() == target
    project.until(labeled=1)
    wait_until("it waits no more", lambda: "served before others" not in page(project, "find"))
    labelled = page(project, "find", label=CLASSES[0], show="all")
    assert f"Labelled {CLASSES[0]}" in labelled


def test_nothing_that_people_type_or_import_becomes_part_of_the_page(project: Loop):
    typed = '"><script>alert(3)</script>'
    for arguments in (
        {"q": typed},
        {"q": typed, "by": "words"},
        {"q": "refund", "label": typed},
        {"like": typed},
        {"likely": typed},
        {"q": "refund", "by": typed},
        {"q": "refund", "show": typed, "page": typed},
        {"unlike": "1", "show": "all"},
    ):
        address = f"{project.backend.url}/projects/{project.project_id}/find"
        shown = HTTP.get(address, params=arguments, headers=headers(project)).text
        assert "<script>alert" not in shown, arguments
        assert '"onmouseover=' not in shown, arguments
    assert "is none of: open, labelled, all" in page(project, "find", 400, q="refund", show="everything")
    assert "named by its number" in page(project, "find", 400, like="x")
    assert "There is no model yet" in page(project, "find", 400, likely=CLASSES[0])


NEAR = "my parcel with the two blue shirts has not arrived yet although it was sent a week ago"


@both
def test_a_group_gets_one_label_and_loses_it_again_except_where_somebody_changed_it(loop: MakeLoop):
    near = [
        {"text": f"{NEAR} {word}", "gold": CLASSES[0]} for word in ("", "sadly", "sadly", "please", "help", "today")
    ]
    project = loop([*gold_texts(10), *near], strategy="random", initial="random")
    project.embedded()
    assert "Compare all texts" in page(project, "duplicates")
    compared = ended(project, post(project, "jobs/near_duplicates"))
    assert compared["state"] == "done", compared
    assert compared["result"]["texts"] == 15
    shown = page(project, "duplicates", threshold=0.9)
    assert "6 texts, 6 open" in shown
    members = sorted(project.client.task_ids(project.project_id))[-6:]
    person = project.person()
    person.annotate(members[0], CLASSES[1])
    labelling = ended(project, post(project, "duplicates/label", **{"tasks": members, "class": CLASSES[0]}))
    assert labelling["result"] == {"labelled": 5, "left_out": 1}
    tasks = project.client.tasks_by_id(project.project_id, members)
    assert [len(task.annotations) for task in tasks] == [1] * 6, "nobody's answer gets a second one"
    given = {task.id: task.annotations[0] for task in tasks[1:]}
    assert all(annotation.result == [choice(CLASSES[0])] for annotation in given.values())
    project.until(labeled=6)
    assert "different labels" in page(project, "duplicates", threshold=0.9, which="mixed")
    person.update(given[members[1]].annotation_id, CLASSES[2])
    person.delete(given[members[2]].annotation_id)
    undone = ended(project, post(project, "duplicates/undo", job=labelling["id"]))
    assert undone["result"] == {"deleted": 3, "changed": 1, "gone": 1}
    tasks = project.client.tasks_by_id(project.project_id, members)
    assert [len(task.annotations) for task in tasks] == [1, 1, 0, 0, 0, 0]
    assert "Taken back: 3 deleted, 1 kept" in page(project, "duplicates")
    project.until(labeled=2)
