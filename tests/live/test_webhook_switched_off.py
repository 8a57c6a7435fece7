"""Label Studio switches a webhook off after 50 failed deliveries in a row; the next run switches it on again."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from live_loop import CLASSES, Loop, connected, gold_texts
from local_backend import LocalBackend
from studios import Fake

from ml_backend.commands.doctor import run_checks
from ml_backend.labelstudio import connection
from ml_backend.labelstudio.client import LabelStudio


@pytest.fixture
def backend(own_backend: Callable[..., LocalBackend]) -> LocalBackend:
    """A backend that a test stops."""
    return own_backend()


@pytest.fixture
def project(fake_label_studio: Fake, client: LabelStudio, backend: LocalBackend) -> Iterator[Loop]:
    """A project in a version of Label Studio that counts failed deliveries."""
    fake_label_studio.server.faults.failures_counted = True
    loop = connected(fake_label_studio, client, backend, gold_texts(60), batch_size=5, retrain_every=100)
    loop.embedded()
    yield loop
    fake_label_studio.server.faults.failures_counted = False


def webhook(project: Loop) -> connection.WebhookEntry:
    (hook,) = connection.webhooks(project.client, project.project_id)
    return hook


def switch(project: Loop, active: bool) -> None:
    project.client.request("PATCH", f"api/webhooks/{webhook(project).id}/", body={"is_active": active})


def doctor(project: Loop, backend: LocalBackend) -> tuple[bool, str]:
    name = f"project {project.project_id}: webhook"
    (check,) = (c for c in run_checks(backend.settings, project.project_id, backend.url) if c.what == name)
    return check.passed, check.detail


def test_a_webhook_switched_off_after_50_failures_is_switched_on_and_no_label_is_lost(
    project: Loop, backend: LocalBackend
):
    person = project.person()
    tasks = sorted(project.client.task_ids(project.project_id))
    backend.stop()
    for task in tasks[:50]:
        person.annotate(task, CLASSES[0])
    assert (webhook(project).active, webhook(project).failures) == (False, 50)
    backend.start()
    status = project.until(labeled=50)
    assert "switched the webhook off after 50 failed deliveries" in status["webhook_problem"]
    assert webhook(project).active
    passed, detail = doctor(project, backend)
    assert passed
    assert "switched the webhook off after 50 failed deliveries" in detail
    person.annotate(tasks[50], CLASSES[1])
    project.until(labeled=51)
    assert webhook(project).failures == 0, "the webhook itself reported the last label"


def test_a_webhook_that_a_person_switched_off_stays_off_and_the_page_says_so(project: Loop, backend: LocalBackend):
    switch(project, active=False)
    backend.look_now(project.project_id)
    assert not webhook(project).active
    assert "switched off in Label Studio" in project.status()["webhook_problem"]
    assert doctor(project, backend) == (
        False,
        "it is switched off, so labels are found only by the comparison every minute",
    )
    switch(project, active=True)
    backend.look_now(project.project_id)
    assert project.status()["webhook_problem"] is None


def test_connect_switches_a_webhook_on_that_a_person_switched_off(
    project: Loop, fake_label_studio: Fake, client: LabelStudio, backend: LocalBackend
):
    switch(project, active=False)
    connected(fake_label_studio, client, backend, [], project_id=project.project_id)
    assert webhook(project).active
