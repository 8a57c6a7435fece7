"""What the annotator is served, and when it changes."""

from __future__ import annotations

from collections.abc import Callable

import httpx
from live_loop import CLASSES, Loop, choice, gold_texts, wait_until
from studios import both

from ml_backend.labelstudio.client import LabelStudio

MakeLoop = Callable[..., Loop]


def wait_until_more_is_served(project: Loop, **count: int) -> None:
    """Wait until the backend has counted these labels or skips and at least two tasks of the batch are open.

    Label Studio serves at random once a batch is labelled, and tests label faster than people.
    """

    def is_served() -> bool:
        status = project.status()
        return status["queue_remaining"] >= 2 and all(status[name] == value for name, value in count.items())

    wait_until("tasks of the batch", is_served)


@both
def test_one_annotator_is_served_exactly_the_published_order(loop: MakeLoop):
    project = loop(gold_texts(60), batch_size=12, retrain_every=100)
    project.embedded()
    batch = project.batch()
    person = project.person()
    labelled = [person.label_next() for _ in range(9)]
    assert labelled == batch["task_ids"][:9]


def test_each_next_batch_is_served_in_its_order_too(loop: MakeLoop):
    project = loop(gold_texts(80), batch_size=8, retrain_every=4)
    project.embedded()
    batch = project.batch()
    person = project.person()
    for _ in range(3):
        labelled = [person.label_next() for _ in range(4)]
        assert labelled == batch["task_ids"][:4]
        batch = project.batch(after=batch["number"])
    assert batch["method"] == "uherding"


@both
def test_two_annotators_are_served_tasks_of_the_batch_only(loop: MakeLoop, second_user: LabelStudio):
    project = loop(gold_texts(80), batch_size=12, retrain_every=4)
    project.embedded()
    people = [project.person(), project.person(second_user)]
    for labelled in range(1, 21):
        task = people[labelled % 2].label_next()
        assert task in project.ever_published()
        wait_until_more_is_served(project, labeled=labelled)
    assert not set(people[0].served) & set(people[1].served), "two people were given the same task"


def test_the_next_batch_is_there_before_the_old_one_ends(loop: MakeLoop):
    project = loop(gold_texts(60), batch_size=6, retrain_every=6)
    project.embedded()
    person = project.person()
    # Skipping empties the queue without a single label that would lead to the next batch.
    for skipped in range(1, 35):
        task = person.next_task()
        assert task is not None
        assert task["id"] in project.ever_published(), "a random task was served"
        person.skip(task["id"])
        wait_until_more_is_served(project, skipped=skipped)
    # A batch of 6 has a reserve of 5 behind it: three of them are not enough for 34 tasks.
    assert project.until(skipped=34, labeled=0)["batch"]["number"] >= 4


@both
def test_a_strategy_named_in_the_connect_form_is_used_and_its_change_takes_effect(loop: MakeLoop):
    project = loop(gold_texts(60), strategy="margin", batch_size=8, retrain_every=4)
    project.embedded()
    person = project.person()
    first = project.batch()
    for _ in range(4):
        person.label_next()
    second = project.batch(after=first["number"])
    assert (first["method"], second["method"]) == ("typiclust", "margin")
    entry = project.client.request("GET", "api/ml", params={"project": project.project_id})[0]
    changed = {"project": project.project_id, "url": entry["url"], "extra_params": {"strategy": "entropy"}}
    project.client.request("PATCH", f"api/ml/{entry['id']}", body=changed)
    assert project.batch(after=second["number"])["method"] == "entropy"
    assert project.status()["settings"]["batch_size"] == 20, "a setting that left the form is back at its default"


def test_a_strategy_changed_by_patch_publishes_the_next_batch_at_once(loop: MakeLoop):
    project = loop(gold_texts(60), batch_size=8, retrain_every=4)
    project.embedded()
    person = project.person()
    first = project.batch()
    for _ in range(4):
        person.label_next()
    second = project.batch(after=first["number"])
    answer = project.settings(strategy="random", batch_size=6)
    assert answer.status_code == 200, answer.text
    third = project.batch(after=second["number"])
    assert (third["method"], third["size"], len(third["task_ids"])) == ("random", 6, 9)
    assert [person.label_next() for _ in range(3)] == third["task_ids"][:3]


def test_unknown_names_are_refused_with_the_known_ones(loop: MakeLoop):
    project = loop(gold_texts(20))
    refused = project.settings(strategy="magic")
    assert refused.status_code == 400
    assert "badge" in refused.text
    assert "margin" in refused.text
    assert "strategy" in project.settings(stratgey="badge").text
    assert project.status()["settings"]["strategy"] == "uherding"


def test_predict_answers_for_tasks_never_seen_and_before_any_label(loop: MakeLoop):
    project = loop(gold_texts(30), batch_size=10, retrain_every=5)
    project.embedded()

    def predict(*texts: str) -> dict:
        tasks = [{"id": 10**9 + i, "data": {"text": text}} for i, text in enumerate(texts)]
        body = {"tasks": tasks, "project": f"{project.project_id}.0", "label_config": "", "params": {}}
        return httpx.post(f"{project.backend.url}/predict", json=body, timeout=60).raise_for_status().json()

    before = predict("Where is my parcel?", "")
    assert [len(r["result"]) for r in before["results"]] == [1, 0], "the class names say something about a text"
    assert 0 < before["results"][0]["score"] <= 1
    person, first = project.person(), project.batch()
    for _ in range(5):
        person.label_next()
    project.batch(after=first["number"])
    after = predict("Where is my parcel, I never heard of it again?", "", "I want my money back " * 3)
    assert [len(r["result"]) for r in after["results"]] == [1, 0, 1]
    answer = after["results"][0]["result"][0]
    assert (answer["from_name"], answer["to_name"], answer["type"]) == ("topic", "message", "choices")
    assert 0 < answer["score"] <= 1


def test_predictions_of_other_people_are_never_removed(loop: MakeLoop):
    project = loop(gold_texts(30), batch_size=6, retrain_every=2)
    project.embedded()
    task_id = min(project.client.task_ids(project.project_id))
    theirs = [{"task": task_id, "result": [], "score": 0.5, "model_version": "theirs"}]
    project.client.request("POST", f"api/projects/{project.project_id}/import/predictions", body=theirs)
    person, batch = project.person(), project.batch()
    for _ in range(4):
        for _ in range(2):
            person.label_next()
        batch = project.batch(after=batch["number"])
    versions = project.client.request("GET", f"api/projects/{project.project_id}/model-versions/")
    assert versions["theirs"] == 1
    assert project.model_version() in versions


@both
def test_a_task_opened_before_the_next_batch_came_can_be_submitted_after_it(loop: MakeLoop):
    project = loop(gold_texts(30), batch_size=6, retrain_every=2)
    batch, person = project.embedded()["batch"], project.person()
    for _ in range(2):
        person.label_next()
    batch = project.batch(after=batch["number"])
    opened = person.next_task()
    assert opened is not None
    (prediction,) = opened["predictions"]
    for task in [task for task in batch["task_ids"] if task != opened["id"]][:2]:
        person.annotate(task, CLASSES[0])
    project.batch(after=batch["number"])
    # The browser names the prediction that the annotation began with; Label Studio refuses one that is gone.
    body = {"result": [choice(opened["data"]["gold"])], "parent_prediction": prediction["id"], "lead_time": 1.0}
    project.client.request("POST", f"api/tasks/{opened['id']}/annotations/", body=body)
    project.until(labeled=5)
