"""`run_project` after changes of settings, label config and connection, and for projects that it cannot open."""

from __future__ import annotations

import pytest
from live_loop import CLASSES
from local_backend import WordHashes, services
from project_runs import ADDRESS, MINUTE, MakeProject
from studios import Fake

from ml_backend.commands.demo.messages import label_config
from ml_backend.labelstudio.client import LabelStudio
from ml_backend.labelstudio.texts import text_hash
from ml_backend.pipeline import sync as syncing
from ml_backend.pipeline.run import run_project
from ml_backend.store.records import FirstRead


def test_settings_that_changed_bring_the_next_batch_at_once_and_once(make_project: MakeProject):
    project = make_project(20)
    project.run("setup")
    project.store.update_project(project.id, settings={"batch_size": 4, "strategy": "random", "retrain_every": 3})
    project.run("settings")
    batch = project.batch
    assert (batch.number, batch.size) == (2, 4)
    assert batch.why.startswith("the project's settings changed")
    assert project.record.cycle == 0, "no label is new: the cycle is the same"
    project.run("settings")
    assert project.batch == batch


def test_a_setting_that_is_new_with_an_upgrade_brings_no_batch_while_it_has_its_default(make_project: MakeProject):
    project = make_project(20)
    project.run("setup")
    batch, used = project.batch, project.record.settings_used
    assert used is not None
    before_the_upgrade = {name: value for name, value in used.items() if name not in {"subpool", "balance"}}
    project.store.update_project(project.id, settings_used=before_the_upgrade)
    project.run("start")
    assert project.batch == batch
    project.store.update_project(project.id, settings={"batch_size": 6, "retrain_every": 3, "subpool": 10})
    project.run("settings")
    assert "the project's settings changed" in project.batch.why


def test_other_fields_with_the_texts_have_every_task_read_again(make_project: MakeProject):
    project = make_project(20)
    tasks = project.studio.tables.tasks_of(project.id)
    for task in tasks:
        task.data["body"] = f"{task.data['text']} Regards"
    project.run("setup")
    project.change(label_config=label_config(CLASSES).replace("$text", "$body"))
    project.run(MINUTE)
    hashes = {task_id: stored_hash for task_id, stored_hash, _ in project.store.tasks(project.id)}
    assert hashes == {task.id: text_hash(task.data["body"]) for task in tasks}
    assert set(project.store.embeddings(WordHashes.name, sorted(hashes.values()))) == set(hashes.values())


def test_a_head_of_other_texts_is_replaced_as_soon_as_all_tasks_are_read_again(
    make_project: MakeProject, monkeypatch: pytest.MonkeyPatch
):
    project = make_project(20, retrain_every=100)
    for task in project.studio.tables.tasks_of(project.id):
        task.data["body"] = f"{task.data['text']} Regards"
    project.run("setup")
    project.label(6)
    project.run("training")
    batch = project.batch
    page = LabelStudio.task_pages
    monkeypatch.setattr(LabelStudio, "task_pages", lambda self, i, **options: page(self, i, page_size=15, **options))
    monkeypatch.setattr(syncing, "FIRST_READ_SECONDS", 0.0)
    project.change(label_config=label_config(CLASSES).replace("$text", "$body"))
    assert project.run(MINUTE), "the second page is left to read"
    assert project.batch == batch, "no head is fitted on texts of both kinds"
    project.run(MINUTE)
    assert project.batch.number > batch.number
    assert "the label config changed" in project.batch.why
    newest = project.batch
    project.run(MINUTE)
    assert project.batch == newest


def test_other_fields_during_an_unfinished_first_read_start_it_again(make_project: MakeProject):
    project = make_project(20)
    tasks = project.studio.tables.tasks_of(project.id)
    for task in tasks:
        task.data["body"] = f"{task.data['text']} Regards"
    project.run("setup")
    project.store.update_project(project.id, watermark=None, first_read=FirstRead(2, "2025-12"))
    project.change(label_config=label_config(CLASSES).replace("$text", "$body"))
    project.run(MINUTE)
    hashes = {task_id: stored_hash for task_id, stored_hash, _ in project.store.tasks(project.id)}
    assert hashes == {task.id: text_hash(task.data["body"]) for task in tasks}


def test_a_changed_label_config_brings_new_classes_and_keeps_labels_that_still_count(make_project: MakeProject):
    project = make_project(20, retrain_every=100)
    project.run("setup")
    tasks = project.batch.task_ids
    for task, label in zip(tasks, (CLASSES[0], CLASSES[1], CLASSES[2]), strict=False):
        project.person.annotate(task, label)
        project.add_event("TASKS_CREATED", task)
    project.run()
    classes = [*CLASSES[1:], "Something new"]
    project.change(label_config=label_config(classes))
    project.run("project")
    status = project.status
    assert (status["labeled"], status["unknown_choices"]) == (2, {CLASSES[0]: 1})
    assert list(status["labels"]) == classes
    assert "the label config changed" in project.batch.why
    head = project.store.current_head(project.id)
    assert head is not None
    assert head.classes == classes
    project.assert_whole()


def test_a_label_config_that_is_not_supported_rests_until_it_is_mended(make_project: MakeProject):
    project = make_project()
    project.run("setup")
    batch = project.batch
    project.change(
        label_config='<View><Text name="message" value="$text"/><TextArea name="spans" toName="message"/></View>'
    )
    assert project.run("project") is False
    record = project.record
    assert record.state == "unsupported"
    assert "<TextArea name='spans'>" in (record.error or "")
    assert project.batch == batch
    project.label(3)
    project.run()
    project.change(label_config=label_config(CLASSES))
    project.run("project")
    assert (project.record.state, project.record.error, project.status["labeled"]) == ("ready", None, 3)
    project.assert_whole()


def test_a_project_that_is_not_supported_is_disconnected_once_its_backend_is_removed(make_project: MakeProject):
    project = make_project()
    project.run("setup")
    project.change(label_config="<View/>")
    project.run("project")
    assert project.record.state == "unsupported"
    (entry,) = project.studio.tables.backends_of(project.id)
    project.client.request("DELETE", f"api/ml/{entry.id}")
    project.run(MINUTE)
    assert project.record.state == "disconnected"


def test_a_deleted_project_is_forgotten(make_project: MakeProject):
    project = make_project()
    project.run("setup")
    project.client.request("DELETE", f"api/projects/{project.id}/")
    assert project.run(MINUTE) is False
    assert project.store.project(project.id) is None
    assert project.store.task_count(project.id) == 0
    assert project.run(MINUTE) is False, "a run of an unknown project is none"


def test_a_reported_deletion_is_believed_whoever_opened_the_project(make_project: MakeProject):
    project = make_project()
    project.run("setup")
    project.client.request("DELETE", f"api/projects/{project.id}/")
    project.store.update_project(project.id, seen_by="somebody else")
    project.add_event("PROJECT_DELETED")
    project.run("project")
    assert project.store.project(project.id) is None


def test_a_project_is_kept_when_its_user_moved_to_another_organization(
    make_project: MakeProject, fake_label_studio: Fake
):
    project = make_project()
    person = fake_label_studio.server.add_user("moving@example.com", "7" * 40)
    client = LabelStudio(fake_label_studio.url, person.key)
    own_services = services(project.store, client)
    run_project(own_services, project.id, [MINUTE])
    person.organization = 2
    run_project(own_services, project.id, [MINUTE])
    client.close()
    fake_label_studio.server.remove_user(person)
    assert project.record.state == "missing"
    assert project.store.task_count(project.id) == 20


def test_a_project_that_another_key_cannot_see_is_kept(make_project: MakeProject, fake_label_studio: Fake):
    project = make_project()
    project.run("setup")
    stranger = fake_label_studio.server.add_user("stranger@example.com", "e" * 40, organization=2)
    other = LabelStudio(fake_label_studio.url, stranger.key)
    assert run_project(services(project.store, other), project.id, [MINUTE]) is False
    other.close()
    fake_label_studio.server.remove_user(stranger)
    record = project.record
    assert record.state == "missing"
    assert "LABEL_STUDIO_API_KEY" in (record.error or "")
    assert project.store.task_count(project.id) == 20
    project.label(3, reported=False)
    project.run(MINUTE)
    assert (project.record.state, project.status["labeled"]) == ("ready", 3)
    project.assert_whole()


def test_a_removed_backend_stops_all_until_it_is_back(make_project: MakeProject):
    project = make_project()
    project.run("setup")
    batch = project.batch
    (entry,) = project.studio.tables.backends_of(project.id)
    project.client.request("DELETE", f"api/ml/{entry.id}")
    project.change(sampling="Sequential sampling")
    labelled = [project.person.annotate(task, CLASSES[i]) for i, task in enumerate(batch.task_ids[:4])]
    assert len(labelled) == 4
    project.add_event("TASKS_CREATED", *batch.task_ids[:4])
    before = len(project.studio.studio.requests)
    assert project.run() is False
    assert project.record.state == "disconnected"
    assert {method for method, _ in project.studio.studio.requests[before:]} == {"GET"}
    project.studio.add_backend(project.id, ADDRESS)
    project.run("setup")
    assert (project.record.state, project.status["labeled"], project.batch.number) == ("ready", 4, 2)
    project.assert_whole()
