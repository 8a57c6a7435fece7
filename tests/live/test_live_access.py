"""Keys, passwords and secrets; and connecting by hand, as Label Studio's own form does."""

from __future__ import annotations

import json
from collections.abc import Callable

import httpx
import pytest
from gate import Gate
from live_loop import CLASSES, Loop, choice, connected, gold_texts, new_project, wait_until
from local_backend import LocalBackend
from studios import Fake, Real, both

from ml_backend.commands.connect import connect_project
from ml_backend.commands.failure import CommandFailed
from ml_backend.labelstudio.client import LabelStudio
from ml_backend.labelstudio.connection import SECRET_HEADER, stored_backends, webhooks
from ml_backend.settings import Settings

AUTH = ("annotators", "pässword")


Studio = Fake | Real


@pytest.fixture
def locked_backend(label_studio: Studio, client: LabelStudio, own_backend: Callable[..., LocalBackend]) -> LocalBackend:
    """A backend that asks for basic auth and works with a personal access token."""
    client.request("POST", "api/jwt/settings", body={"api_tokens_enabled": True, "legacy_api_tokens_enabled": True})
    for old in client.request("GET", "api/token/"):
        client.request("POST", "api/token/blacklist/", body={"refresh": old["token"]})
    return own_backend(api_key=client.request("POST", "api/token/", body={})["token"], auth=AUTH)


@both
def test_with_basic_auth_and_a_personal_access_token_labels_arrive_by_the_webhook_that_got_its_secret(
    label_studio: Studio, client: LabelStudio, locked_backend: LocalBackend
):
    project = connected(label_studio, client, locked_backend, gold_texts(16), auth=AUTH, batch_size=4, retrain_every=2)
    tasks = project.batch()["task_ids"]
    (hook,) = webhooks(client, project.project_id)
    assert hook.headers[SECRET_HEADER]
    person = project.person()
    for task, label in zip(tasks[:2], CLASSES, strict=False):
        person.annotate(task, label)
    # Half a minute is less than the reconciliation's minute: the webhook brought them.
    project.until(labeled=2, seconds=30)
    assert project.batch(after=1)["method"] == "uherding"


def test_who_shows_neither_secret_nor_password_gets_401(locked_backend: LocalBackend):
    url = locked_backend.url
    event = {"action": "ANNOTATION_CREATED", "annotation": {"id": 1, "task": 1}, "project": {"id": 987654}}
    plain = httpx.post(f"{url}/webhook", json=event)
    assert plain.status_code == 401
    assert "connect PROJECT" in plain.json()["error"], "the answer says how the webhook gets its secret"
    assert httpx.post(f"{url}/webhook", json=event, headers={SECRET_HEADER: "guess"}).status_code == 401
    # This user is not refused for wrong passwords, since a right one came from the same address.
    assert httpx.get(f"{url}/projects", auth=AUTH).status_code == 200
    for wrong in (None, (AUTH[0], "wrong")):
        for path in ("setup", "predict"):
            assert httpx.post(f"{url}/{path}", json={"project": "1.1"}, auth=wrong).status_code == 401
        for path in ("projects", "projects/1", "projects/1/status", "projects/1/settings", "metrics", "versions"):
            assert httpx.get(f"{url}/{path}", auth=wrong).status_code == 401
    assert httpx.get(f"{url}/projects", auth=("wrong", AUTH[1])).status_code == 401
    assert httpx.get(f"{url}/health").status_code == 200, "container health checks come without credentials"


def test_connecting_with_the_wrong_password_is_refused_with_the_reason(
    label_studio: Studio, client: LabelStudio, locked_backend: LocalBackend
):
    with pytest.raises(CommandFailed, match="refuses the user and the password: set BASIC_AUTH_USER"):
        connected(label_studio, client, locked_backend, gold_texts(2), auth=(AUTH[0], "wrong"))


@both
def test_connecting_by_hand_in_label_studios_form_works(
    label_studio: Studio, client: LabelStudio, locked_backend: LocalBackend
):
    project_id = new_project(client, gold_texts(16))
    # What 'Connect Model' sends, and nothing else of ours: no webhook, no sampling, no secret.
    form = {
        "project": project_id,
        "title": "My model",
        "url": locked_backend.url,
        "auth_method": "BASIC_AUTH",
        "basic_auth_user": AUTH[0],
        "basic_auth_pass": AUTH[1],
        "extra_params": '{"strategy": "margin", "batch_size": 5, "retrain_every": 2}',
        "is_interactive": False,
    }
    client.request("POST", "api/ml", body=form)
    project = Loop(label_studio, locked_backend, client, project_id, AUTH)
    batch = project.batch()
    assert batch["size"] == 5
    assert client.project(project_id).sampling == "Uncertainty sampling"
    (hook,) = webhooks(client, project_id)
    assert hook.headers[SECRET_HEADER], "the webhook that Label Studio made itself got the secret"
    person = project.person()
    assert [person.label_next() for _ in range(3)] == batch["task_ids"][:3]
    project.until(labeled=3, seconds=30)
    assert project.batch(after=batch["number"])["why"]


@both
def test_the_start_training_button_fits_and_publishes_anew(loop: Callable[..., Loop]):
    project = loop(gold_texts(16), batch_size=6, retrain_every=100)
    before, person = project.batch(), project.person()
    for task, label in zip(before["task_ids"], CLASSES[:2], strict=False):
        person.annotate(task, label)
    project.until(labeled=2)
    assert project.status()["batch"]["number"] == before["number"]
    entry = project.client.request("GET", "api/ml", params={"project": project.project_id})[0]
    project.client.request("POST", f"api/ml/{entry['id']}/train", body={})
    after = project.batch(after=before["number"])
    assert "training was asked for" in after["why"]
    assert project.status()["model"]["n_labels"] == 2


@both
def test_retrieving_predictions_in_the_data_manager_works_for_tasks_outside_the_batch(loop: Callable[..., Loop]):
    project = loop(gold_texts(20), batch_size=4, retrain_every=2)
    batch, person = project.embedded()["batch"], project.person()
    for task, label in zip(batch["task_ids"], CLASSES[:2], strict=False):
        person.submit(task, [choice(label)])
    batch = project.batch(after=batch["number"])
    outside = sorted(project.client.task_ids(project.project_id) - set(batch["task_ids"]))[:4]
    project.manage("retrieve_tasks_predictions", outside)

    def predicted() -> bool:
        tasks = [project.client.request("GET", f"api/tasks/{task_id}/") for task_id in outside]
        return all(any(p["result"] for p in task["predictions"]) for task in tasks)

    wait_until("predictions of the chosen tasks", predicted)
    assert [project.person().label_next() for _ in range(2)] == batch["task_ids"][:2], "the queue is as it was"


@both
def test_a_project_whose_model_was_removed_is_left_alone_until_it_is_connected_again(loop: Callable[..., Loop]):
    project = loop(gold_texts(24), batch_size=6, retrain_every=2)
    batch, client = project.embedded()["batch"], project.client
    (entry,) = stored_backends(client, project.project_id)
    client.request("DELETE", f"api/ml/{entry.id}")
    client.request("PATCH", f"api/projects/{project.project_id}/", body={"sampling": "Sequential sampling"})
    person = project.person()
    for task, label in zip(batch["task_ids"][:3], CLASSES, strict=False):
        person.annotate(task, label)  # their webhook is still there
    status = project.until(state="disconnected", seconds=20)
    assert "no ML backend" in status["error"]
    assert "Connect it again" in status["remedy"]
    project.backend.look_now(project.project_id)
    info = client.project(project.project_id)
    assert (info.sampling, info.model_version) == ("Sequential sampling", batch["version"])
    assert project.status()["batch"]["number"] == batch["number"]
    client.request("POST", "api/ml", body={"project": project.project_id, "title": "Again", "url": entry.url})
    project.until(state="ready", labeled=3)
    assert project.batch(after=batch["number"])["method"] == "uherding"
    assert client.project(project.project_id).sampling == "Uncertainty sampling"


def test_a_removed_model_is_noticed_without_any_label(loop: Callable[..., Loop]):
    project = loop(gold_texts(8), batch_size=4)
    project.embedded()
    (entry,) = stored_backends(project.client, project.project_id)
    project.client.request("DELETE", f"api/ml/{entry.id}")
    project.backend.look_now(project.project_id)
    assert project.status()["state"] == "disconnected"


def test_a_setup_from_anybody_moves_neither_the_webhook_nor_the_settings(loop: Callable[..., Loop]):
    project = loop(gold_texts(8), batch_size=4)
    project.embedded()
    (hook,) = webhooks(project.client, project.project_id)
    config = project.client.project(project.project_id).label_config
    body = {"project": f"{project.project_id}.1", "schema": config, "extra_params": {"strategy": "margin"}}
    answer = httpx.post(f"{project.backend.url}/setup", json=body, headers={"Host": "evil.example"})
    assert answer.status_code == 200, answer.text
    project.backend.look_now(project.project_id)
    assert webhooks(project.client, project.project_id) == [hook]
    settings = project.status()["settings"]
    assert (settings["strategy"], settings["batch_size"]) == ("uherding", 4)


def test_behind_a_proxy_there_is_one_webhook_at_the_address_that_label_studio_has(
    label_studio: Studio, client: LabelStudio, backend: LocalBackend
):
    proxy = Gate(backend.url)  # passes the backend's own Host on, as one that ends TLS may
    project_id = new_project(client, gold_texts(8))
    client.request("POST", "api/ml", body={"project": project_id, "title": "Behind", "url": proxy.url})
    project = Loop(label_studio, backend, client, project_id)
    project.embedded()
    project.backend.look_now(project.project_id)
    (hook,) = webhooks(client, project_id)
    assert hook.url == f"{proxy.url}/webhook"
    assert hook.headers[SECRET_HEADER]
    proxy.close()


def test_connecting_again_changes_the_settings_that_it_names_and_no_others(
    label_studio: Studio, loop: Callable[..., Loop]
):
    project = loop(gold_texts(8), strategy="margin")
    backend = project.backend
    own = Settings(label_studio_url=label_studio.url, label_studio_api_key=label_studio.token, model_dir=backend.folder)

    def connect(*chosen: str) -> str:
        lines = list(connect_project(own, project.project_id, backend.url, list(chosen)))
        return next(line for line in lines if line.startswith("settings"))

    assert connect("batch_size=10") == 'settings: strategy "margin", batch_size 10'
    (entry,) = stored_backends(project.client, project.project_id)
    assert entry.extra_params == '{"strategy": "margin", "batch_size": 10}', "Label Studio's form shows only a string"
    project.settings(strategy="badge")
    body = {"project": project.project_id, "url": backend.url, "extra_params": json.loads(entry.extra_params)}
    project.client.request("PATCH", f"api/ml/{entry.id}", body=body)
    assert connect() == 'settings: strategy "badge", batch_size 10'
    (again,) = stored_backends(project.client, project.project_id)
    assert (again.id, again.extra_params) == (entry.id, entry.extra_params), "an object becomes a string again"
    assert connect("strategy=margin") == 'settings: strategy "margin", batch_size 10'
    assert project.batch()["size"] == 8
    assert connect("strategy=null", "batch_size=null") == "settings: all default"
    with pytest.raises(CommandFailed, match=rf"no class 'gone'; it has '{CLASSES[0]}'"):
        connect("class_descriptions=gone: What is not there.")
    described = {CLASSES[0]: "A sentence: about it."}
    assert connect(f"class_descriptions={CLASSES[0]}: A sentence: about it.").endswith(json.dumps(described))
    assert connect("class_descriptions={}") == "settings: all default"
    project.backend.look_now(project.project_id)
    assert project.status()["settings"]["strategy"] == "uherding"


def test_a_forgotten_project_whose_entry_has_an_older_version_is_taken_on_again_at_an_event(
    label_studio: Fake, loop: Callable[..., Loop]
):
    project = loop(gold_texts(8), batch_size=4)
    project.embedded()
    project.backend.look_now(project.project_id)
    (entry,) = label_studio.server.tables.backends_of(project.project_id)
    entry.model_version = "head of 20 labels 0123abcd"
    store = project.store()
    store.forget_project(project.project_id)
    store.close()
    project.person().annotate(min(project.client.task_ids(project.project_id)), CLASSES[0])
    project.until(labeled=1)
