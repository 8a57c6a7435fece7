"""What counts as a label, while people submit, change their minds, skip, delete, import, and change the project."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
from live_loop import CLASSES, Loop, choice, gold_texts, new_project, wait_until
from studios import both

from ml_backend.commands.demo.messages import label_config
from ml_backend.labelstudio.client import LabelStudio
from ml_backend.labelstudio.connection import stored_backends
from ml_backend.labelstudio.texts import text_hash

MakeLoop = Callable[..., Loop]


@both
def test_a_skipped_task_is_no_label_and_is_never_offered_again(loop: MakeLoop):
    project = loop(gold_texts(16), batch_size=4, retrain_every=2)
    project.batch()
    person = project.person()
    task = person.next_task()
    assert task is not None
    skip = person.skip(task["id"])
    project.until(skipped=1, labeled=0)
    number = 1
    for _ in range(3):
        served = [person.label_next() for _ in range(2)]
        assert task["id"] not in served
        batch = project.batch(after=number)
        assert task["id"] not in batch["task_ids"], "a batch after the skip holds the skipped task"
        number = batch["number"]
    project.until(skipped=1, labeled=6, open=9)
    person.delete(skip)
    project.until(skipped=0, open=10)


@both
def test_updated_and_deleted_annotations_change_and_remove_the_label(loop: MakeLoop):
    project = loop(gold_texts(20), batch_size=4, retrain_every=1)
    tasks = project.batch()["task_ids"]
    person = project.person()
    first, second = (person.annotate(task, CLASSES[0]) for task in tasks[:2])
    third = person.annotate(tasks[2], CLASSES[1])
    status = project.until(labeled=3, open=17)
    assert (status["labels"][CLASSES[0]], status["labels"][CLASSES[1]]) == (2, 1)
    person.update(first, CLASSES[1])
    wait_until("the changed label", lambda: project.status()["labels"][CLASSES[1]] == 2)
    assert project.status()["labels"][CLASSES[0]] == 1
    person.delete(second)
    status = project.until(labeled=2, open=18)
    assert status["labels"][CLASSES[0]] == 0
    # The Data Manager deletes many at once; its event names the annotations only.
    project.manage("delete_tasks_annotations", [tasks[0], tasks[2]])
    status = project.until(labeled=0, open=20)
    assert sum(status["labels"].values()) == 0
    assert third

    def without_labels() -> dict[str, Any] | None:
        status = project.status()
        return status if status["model"]["n_labels"] == 0 else None

    status = wait_until("a head without the deleted labels", without_labels)
    assert status["model"]["made_from"] == "the class names"
    assert status["batch"]["method"] == "typiclust"


@both
def test_drafts_and_predictions_are_no_labels(loop: MakeLoop):
    project = loop(gold_texts(16), batch_size=4, retrain_every=1)
    tasks = project.batch()["task_ids"]
    draft = {"result": [choice(CLASSES[0])], "project": project.project_id, "lead_time": 1.0}
    project.client.request("POST", f"api/tasks/{tasks[0]}/drafts", body=draft)
    prediction = {"task": tasks[1], "result": [choice(CLASSES[0])], "model_version": "theirs"}
    project.client.request("POST", "api/predictions/", body=prediction)
    project.person().annotate(tasks[2], CLASSES[1])
    status = project.until(labeled=1)
    assert status["labels"][CLASSES[0]] == 0
    assert status["open"] == 15


def test_annotators_who_disagree_are_a_tie_until_a_third_decides(loop: MakeLoop, second_user: LabelStudio):
    project = loop(gold_texts(16), batch_size=4, retrain_every=1)
    task = project.batch()["task_ids"][0]
    project.person().annotate(task, CLASSES[0])
    project.until(labeled=1, annotators=1)
    theirs = project.person(second_user).annotate(task, CLASSES[1])
    status = project.until(labeled=0, ties=1, annotators=2)
    assert status["open"] == 15, "a tie is not offered to the same people again"
    project.person(second_user).update(theirs, CLASSES[0])
    project.until(labeled=1, ties=0)


@both
def test_texts_imported_while_somebody_labels_join_the_pool(loop: MakeLoop):
    project = loop(gold_texts(30), batch_size=15, retrain_every=3)
    project.embedded()
    person = project.person()

    def import_in_parts() -> None:
        for start in range(100, 200, 25):
            project.import_texts(gold_texts(25, start))

    labelled: list[int] = []
    # Leaving the block waits for the import, also after a failure: it uses the client that the test's end closes.
    with ThreadPoolExecutor(1) as other:
        importing = other.submit(import_in_parts)
        while not importing.done() or len(labelled) < 9:
            # Who is quicker than the backend and has labelled the whole batch is served any task by Label Studio; while
            # one of the batch is left, it serves no other.
            wait_until("a task of the batch", lambda: set(project.serving()) - set(labelled))
            labelled.append(person.label_next())
            assert labelled[-1] in project.ever_published()
        importing.result()
    status = project.until(tasks=130, to_embed=0, embedded=130, labeled=len(labelled))
    assert status["open"] == 130 - len(labelled)
    newest = max(project.client.task_ids(project.project_id))
    wait_until("a batch with new texts", lambda: any(t > newest - 100 for t in project.status()["batch"]["task_ids"]))


@both
def test_labels_imported_with_their_tasks_count(loop: MakeLoop):
    project = loop(gold_texts(16), batch_size=4, retrain_every=100)
    before = project.batch()
    labelled = [
        {"data": {"text": item["text"]}, "annotations": [{"result": [choice(item["gold"])]}]}
        for item in gold_texts(12, 300)
    ]
    project.client.request("POST", f"api/projects/{project.project_id}/import", body=labelled)
    status = project.until(labeled=12, tasks=28, open=16)
    assert sum(status["labels"].values()) == 12
    after = project.batch(after=before["number"])
    assert after["method"] == "uherding", "labels that are there from the start are learned from"


def test_a_project_whose_tasks_are_all_labelled_has_a_head_and_learns_from_corrections(
    loop: MakeLoop, client: LabelStudio
):
    project_id = new_project(client, [])
    labelled = [
        {"data": {"text": item["text"]}, "annotations": [{"result": [choice(item["gold"])]}]}
        for item in gold_texts(12, 320)
    ]
    client.request("POST", f"api/projects/{project_id}/import", body=labelled)
    project = loop([], project_id=project_id, retrain_every=5)
    status = project.until(labeled=12, open=0, to_embed=0)
    first = wait_until("a head of all labels", lambda: (project.status()["model"] or {}).get("n_labels") == 12)
    assert first
    before = project.status()["model"]["version"]
    task = project.client.tasks_page(project_id, 1, 1)[0]
    project.person().update(task.annotations[0].annotation_id, CLASSES[0])
    wait_until("a head that knows the correction", lambda: project.status()["model"]["version"] != before)
    status = project.status()
    assert status["batch"] is None
    assert status["next"].startswith("Nothing is left to label")


def test_corrected_text_fields_bring_all_tasks_back(loop: MakeLoop):
    project = loop(gold_texts(8), batch_size=4)
    (entry,) = stored_backends(project.client, project.project_id)
    typed = {"url": entry.url, "extra_params": '{"batch_size": 4, "text_fields": ["txt"]}'}
    project.client.request("PATCH", f"api/ml/{entry.id}", body=typed)
    status = project.until(problems_total=8)
    assert "no field 'txt'" in status["problems"][0]["reason"]
    project.settings(text_fields=["text"])
    project.until(problems_total=0, open=8)
    project.batch()


def test_a_changed_label_config_keeps_what_still_exists_and_reports_the_rest(loop: MakeLoop):
    project = loop(gold_texts(24), batch_size=6, retrain_every=2)
    person, tasks = project.person(), project.batch()["task_ids"]
    remaining_classes, removed_class = CLASSES[:0:-1], CLASSES[0]
    for task, label in zip(tasks, [CLASSES[1], CLASSES[2], CLASSES[1], removed_class], strict=False):
        person.annotate(task, label)
    project.until(labeled=4)
    before = project.status()["batch"]["number"]
    path = f"api/projects/{project.project_id}/"
    config = label_config([*remaining_classes, "Something new"])
    project.client.request("PATCH", path, body={"label_config": config})
    status = project.until(labeled=3, unknown_choices={removed_class: 1})
    assert list(status["labels"]) == [*remaining_classes, "Something new"]
    assert status["labels"]["Something new"] == 0
    after = project.batch(after=before)
    assert "label config" in after["why"]
    project.client.request("PATCH", path, body={"label_config": label_config(CLASSES)})
    project.until(labeled=4, unknown_choices={})


def test_a_label_config_that_cannot_be_classified_is_said_and_left_again(loop: MakeLoop):
    project = loop(gold_texts(16), batch_size=4)
    project.batch()
    path = f"api/projects/{project.project_id}/"
    spans = (
        '<View><Text name="message" value="$text"/><Labels name="s" toName="message"><Label value="x"/></Labels></View>'
    )
    project.client.request("PATCH", path, body={"label_config": spans})
    status = project.until(state="unsupported")
    assert "<Labels name='s'> marks parts" in status["error"]
    assert "Supported: <Choices>" in status["error"]
    project.client.request("PATCH", path, body={"label_config": label_config(CLASSES)})
    project.until(state="ready", error=None)


def test_a_deleted_task_leaves_the_pool_with_its_label(loop: MakeLoop):
    project = loop(gold_texts(20), batch_size=5, retrain_every=2)
    person, tasks = project.person(), project.batch()["task_ids"]
    person.annotate(tasks[0], CLASSES[0])
    person.annotate(tasks[1], CLASSES[1])
    project.until(labeled=2)
    project.client.request("DELETE", f"api/tasks/{tasks[0]}/")
    project.until(labeled=1, tasks=19, open=18)
    batch = project.batch()
    gone = batch["task_ids"][:3]
    project.manage("delete_tasks", gone)
    project.until(tasks=16, open=15)
    served = [person.label_next() for _ in range(6)]
    assert not set(served) & set(gone)


def test_a_deleted_project_is_forgotten_but_for_what_another_one_uses(loop: MakeLoop):
    # Other projects of this backend have the demo's messages as they are.
    own = [{**text, "text": f"{text['text']} (here only)"} for text in gold_texts(25)]
    ours, theirs = own[:15], own[10:]
    gone, stays = loop(ours, batch_size=4), loop(theirs, batch_size=4, retrain_every=2)
    gone.embedded()
    for task, label in zip(stays.embedded()["batch"]["task_ids"], CLASSES[:2], strict=False):
        stays.person().annotate(task, label)
    model = wait_until("a head", lambda: stays.status()["model"])["embedding_model"]
    gone.client.request("DELETE", f"api/projects/{gone.project_id}/")
    address = f"{gone.backend.url}/projects/{gone.project_id}/status"
    # No event tells of it to a project's webhook; any run finds out, the minute's at the latest.
    poke = {"action": "TASKS_CREATED", "project": {"id": gone.project_id}, "tasks": []}
    httpx.post(f"{gone.backend.url}/webhook", json=poke).raise_for_status()
    wait_until("the project to be forgotten", lambda: httpx.get(address).status_code == 404)
    store = gone.store()
    hashes = [h for _, h, _ in store.tasks(stays.project_id)]
    vectors = store.embeddings(model, [h for h in hashes if h])
    assert len(hashes) == len(vectors) == 15, "the other project keeps its vectors, the shared ones too"
    assert store.tasks(gone.project_id) == []
    assert store.batches(gone.project_id) == []
    assert store.embeddings(model, [text_hash(text["text"]) for text in ours[:10]]) == {}
    store.close()
    assert stays.until(state="ready")["embedded"] == 15
