"""The `connect` command for a project that is connected: its history, its webhook's secret, and other backends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree
from typing import Any

import pytest
from live_loop import CLASSES, HTTP, Loop, connected, gold_texts, new_project, wait_until
from local_backend import LocalBackend
from studios import Fake, Real, both
from typer.testing import CliRunner

from ml_backend.cli import app
from ml_backend.commands import connect
from ml_backend.commands.backup import back_up, restore_backup
from ml_backend.commands.connect import CONNECT, connect_project
from ml_backend.commands.demo.label_studio_process import free_port
from ml_backend.commands.failure import CommandFailed
from ml_backend.commands.project_checks import OTHERS_REMEDY
from ml_backend.labelstudio.client import LabelStudio
from ml_backend.labelstudio.connection import SECRET_HEADER, ensure_webhook, stored_backends, webhooks
from ml_backend.labelstudio.webhook_states import WebhookState
from ml_backend.settings import Settings

Studio = Fake | Real
MakeBackend = Callable[..., LocalBackend]


def connect_again(project: Loop, *chosen: str, url: str = "", new_secret: bool = False) -> list[str]:
    """Run `connect` for a project; returns its lines."""
    user, password = project.auth or (None, None)
    own = Settings(
        label_studio_url=project.label_studio.url,
        label_studio_api_key=project.label_studio.token,
        model_dir=project.backend.folder,
        basic_auth_user=user,
        basic_auth_pass=password,
    )
    return list(connect_project(own, project.project_id, url or project.backend.url, list(chosen), new_secret))


@both
def test_a_second_active_learning_backend_is_named_and_connected_all_the_same(
    label_studio: Studio, client: LabelStudio, loop: Callable[..., Loop], own_backend: MakeBackend
):
    project = loop(gold_texts(4))
    first, second = project.backend, own_backend()
    project.backend = second
    lines = connect_again(project)
    (sentence,) = [line for line in lines if OTHERS_REMEDY in line]
    assert sentence.startswith(f"{first.url} is an active learning backend too: each replaces the batch of the other;")
    assert [entry.url for entry in stored_backends(client, project.project_id)] == [first.url, second.url]
    (other,) = [entry for entry in stored_backends(client, project.project_id) if entry.url == first.url]
    client.request("DELETE", f"api/ml/{other.id}")
    assert not any(OTHERS_REMEDY in line for line in connect_again(project))


def test_an_ml_backend_of_another_program_needs_no_sentence(
    label_studio: Fake, client: LabelStudio, loop: Callable[..., Loop]
):
    project = loop(gold_texts(4))
    label_studio.server.add_backend(project.project_id, "http://localhost:9")
    assert not any("http://localhost:9 " in line for line in connect_again(project))


def history(project: Loop) -> list[tuple[str, dict[str, list[object]]]]:
    """Who changed which settings, oldest first."""
    store = project.store()
    changes = store.setting_changes(project.project_id)[::-1]
    store.close()
    return [(change.who, change.changes) for change in changes]


@both
@pytest.mark.parametrize("settings", [{}, {"strategy": "badge"}])
def test_settings_that_connect_changes_are_in_the_history_as_its_own(
    loop: Callable[..., Loop], settings: dict[str, str]
):
    project = loop(gold_texts(4), **settings)
    before = settings.get("strategy", "uherding")
    first = [(CONNECT, {"strategy": ["uherding", "badge"]})] if settings else []
    assert history(project) == first
    project.backend.look_now(project.project_id)
    connect_again(project, "strategy=margin", "batch_size=10")
    project.backend.look_now(project.project_id)
    changed = (CONNECT, {"strategy": [before, "margin"], "batch_size": [20, 10]})
    assert history(project) == [*first, changed]
    connect_again(project, "strategy=margin")
    project.backend.look_now(project.project_id)
    assert history(project) == [*first, changed], "what was so before is no change"
    connect_again(project, "batch_size=null")
    project.backend.look_now(project.project_id)
    assert history(project) == [*first, changed, (CONNECT, {"batch_size": [10, 20]})]


def test_a_connection_that_is_refused_changes_no_setting(loop: Callable[..., Loop]):
    project = loop(gold_texts(4), strategy="badge")
    store = project.store()
    before = store.project(project.project_id)
    with pytest.raises(CommandFailed, match="does not respond"):
        connect_again(project, "strategy=margin", url=f"http://localhost:{free_port(0)}")
    after = store.project(project.project_id)
    store.close()
    assert before is not None
    assert after is not None
    assert (after.settings, after.extra_params) == (before.settings, before.extra_params)
    assert history(project) == [(CONNECT, {"strategy": ["uherding", "badge"]})]


AUTH = ("annotators", "pässword")


@pytest.fixture
def guarded(label_studio: Studio, client: LabelStudio, own_backend: MakeBackend) -> Loop:
    """A project on a backend of its own with basic auth, so that webhooks need their secret."""
    backend = own_backend(auth=AUTH)
    return connected(label_studio, client, backend, gold_texts(16), auth=AUTH, batch_size=4, retrain_every=2)


def secret_of(project: Loop) -> str:
    """The secret that the webhook in Label Studio carries."""
    (hook,) = webhooks(project.client, project.project_id)
    return hook.headers[SECRET_HEADER]


def answer_to(project: Loop, secret: str) -> int:
    """The status of the backend's answer to an event with this secret."""
    body = {"action": "TASKS_CREATED", "tasks": [], "project": {"id": project.project_id}}
    return HTTP.post(f"{project.backend.url}/webhook", json=body, headers={SECRET_HEADER: secret}).status_code


@both
def test_with_new_secret_the_one_before_is_refused_and_labels_given_meanwhile_are_found(
    guarded: Loop, monkeypatch: pytest.MonkeyPatch
):
    old, person = secret_of(guarded), guarded.person()
    guarded.embedded()
    labelled = guarded.batch()["task_ids"][:2]

    def label_before_the_webhook_has_it(*arguments: Any) -> WebhookState:
        assert answer_to(guarded, old) == 401, "the database has the new secret already"
        person.annotate(labelled[0], CLASSES[0])
        return ensure_webhook(*arguments)

    monkeypatch.setattr(connect, "ensure_webhook", label_before_the_webhook_has_it)
    lines = connect_again(guarded, new_secret=True)
    assert f"webhook {guarded.backend.url}/webhook carries its new secret" in lines
    assert secret_of(guarded) != old
    assert (answer_to(guarded, old), answer_to(guarded, secret_of(guarded))) == (401, 200)
    guarded.until(labeled=1)
    person.annotate(labelled[1], CLASSES[1])
    guarded.until(labeled=2)
    new = secret_of(guarded)
    guarded.backend.look_now(guarded.project_id)
    assert secret_of(guarded) == new, "the comparison leaves it"


def test_a_project_keeps_its_secret_when_that_of_another_is_changed(
    label_studio: Studio, client: LabelStudio, guarded: Loop
):
    other = connected(label_studio, client, guarded.backend, gold_texts(4), auth=AUTH)
    secret = secret_of(other)
    connect_again(guarded, new_secret=True)
    assert (secret_of(other), answer_to(other, secret)) == (secret, 200)


def test_a_restored_backup_keeps_the_secret_that_was_changed_since(guarded: Loop, tmp_path: Path):
    guarded.embedded()
    old = secret_of(guarded)
    back_up(guarded.backend.settings, tmp_path / "copy.db")
    connect_again(guarded, new_secret=True)
    new = secret_of(guarded)
    restore_backup(guarded.backend.settings, tmp_path / "copy.db")
    guarded.backend.look_now(guarded.project_id)
    assert secret_of(guarded) == new
    assert (answer_to(guarded, old), answer_to(guarded, new)) == (401, 200)
    guarded.person().annotate(guarded.batch()["task_ids"][0], CLASSES[0])
    guarded.until(labeled=1)


def test_after_a_restore_without_a_database_the_webhook_gets_the_secret_of_the_backup(guarded: Loop, tmp_path: Path):
    guarded.embedded()
    in_backup = secret_of(guarded)
    back_up(guarded.backend.settings, tmp_path / "copy.db")
    connect_again(guarded, new_secret=True)
    lost = secret_of(guarded)
    guarded.backend.stop()
    rmtree(guarded.backend.folder)
    guarded.backend.folder.mkdir()
    assert restore_backup(guarded.backend.settings, tmp_path / "copy.db") is None
    guarded.backend.start()
    wait_until("the webhook has the secret of the backup", lambda: secret_of(guarded) == in_backup)
    assert (answer_to(guarded, lost), answer_to(guarded, in_backup)) == (401, 200)
    guarded.person().annotate(guarded.batch()["task_ids"][0], CLASSES[0])
    guarded.until(labeled=1)


@both
def test_a_text_field_that_no_task_has_is_refused_and_nothing_is_changed(loop: Callable[..., Loop]):
    project = loop(gold_texts(4))
    has = f"which no task of project {project.project_id} has; the fields of its tasks are 'text', 'gold'"
    with pytest.raises(CommandFailed) as refused:
        connect_again(project, "text_fields=text,boddy")
    assert str(refused.value) == f"text_fields names 'boddy', {has}"
    assert history(project) == []
    assert 'settings: text_fields ["text", "gold"]' in connect_again(project, "text_fields=text,gold")
    assert "settings: all default" in connect_again(project, "text_fields=null")


def test_a_text_field_that_later_tasks_may_have_is_named_and_taken(
    loop: Callable[..., Loop], monkeypatch: pytest.MonkeyPatch
):
    project = loop(gold_texts(4))
    page = LabelStudio.task_pages
    monkeypatch.setattr(LabelStudio, "task_pages", lambda self, i, **options: page(self, i, page_size=2, **options))
    lines = connect_again(project, "text_fields=text,body")
    assert any(line.startswith("text_fields names 'body', which none of the first 2 tasks") for line in lines)
    assert 'settings: text_fields ["text", "body"]' in lines


def test_the_command_shows_the_steps_and_then_where_to_label(
    label_studio: Fake, client: LabelStudio, backend: LocalBackend, monkeypatch: pytest.MonkeyPatch
):
    for name, value in backend.settings.model_dump(exclude_none=True).items():
        monkeypatch.setenv(name.upper(), str(value))
    project = new_project(client, gold_texts(30))
    done = CliRunner().invoke(app, ["connect", str(project)])
    assert done.exit_code == 0, done.output
    assert done.output.splitlines()[-4:] == [
        "✓ batch 1 is published: 20 tasks, and more follow",
        f"Press Label All Tasks: {label_studio.url}/projects/{project}/data",
        f"The project's page:    {backend.url}/projects/{project}",
        "In a terminal, `connect` also prints a link that signs you in there.",
    ]
    again = CliRunner().invoke(app, ["connect", str(project), "--no-watch"])
    assert again.output.splitlines()[-1] == f"✓ watch {backend.url}/projects/{project}"


def test_a_backend_that_starts_meanwhile_is_waited_for_and_then_connected(
    label_studio: Fake, client: LabelStudio, tmp_path: Path
):
    late = LocalBackend(tmp_path, label_studio.url, label_studio.token, port=free_port(0))

    @contextmanager
    def starting(_sentence: str) -> Iterator[None]:
        assert stored_backends(client, project) == []
        late.start()
        yield

    project = new_project(client, gold_texts(4))
    lines = list(connect_project(late.settings, project, late.url, [], patience=60, waiting=starting))
    late.stop()
    assert lines[0].startswith(f"project {project} "), "what is wrong with the project is said before the wait"
    assert [entry.url for entry in stored_backends(client, project)] == [late.url]
