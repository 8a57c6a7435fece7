"""Nothing is lost when the backend is away, webhooks go astray, Label Studio is gone or slow, or the key is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from fake_label_studio import WebhookMode
from gate import Gate
from live_loop import CLASSES, Loop, assert_served_as_published, connected, gold_texts, label_some, wait_until
from local_backend import LocalBackend
from studios import Fake, Real, both

from ml_backend.labelstudio.client import LabelStudio

MakeLoop = Callable[..., Loop]


@pytest.fixture
def gate(label_studio: Fake | Real) -> Iterator[Gate]:
    """Between the backend of these tests and Label Studio; webhooks take no part in it."""
    between = Gate(label_studio.url)
    yield between
    between.close()


@pytest.fixture
def own(gate: Gate, own_backend: Callable[..., LocalBackend]) -> LocalBackend:
    """A backend behind the gate."""
    return own_backend(label_studio_url=gate.url)


@pytest.fixture
def loop(label_studio: Fake | Real, client: LabelStudio, own: LocalBackend) -> MakeLoop:
    """Makes a project connected to that backend."""

    def make(n: int, **settings: object) -> Loop:
        project = connected(label_studio, client, own, gold_texts(n), **settings)
        project.embedded()
        return project

    return make


@pytest.fixture
def webhooks(fake_label_studio: Fake) -> Iterator[Callable[[WebhookMode], None]]:
    """Sets what becomes of the fake's webhooks."""

    def become(mode: WebhookMode) -> None:
        fake_label_studio.server.faults.webhooks = mode

    yield become
    become(WebhookMode.SEND)


def test_labels_given_while_the_backend_was_down_all_arrive(loop: MakeLoop, own: LocalBackend):
    project = loop(40, batch_size=25, retrain_every=5)
    project.batch()
    own.stop()
    label_some(project, 20)
    own.start()
    status = project.until(labeled=20)
    assert sum(status["labels"].values()) == 20
    assert project.batch(after=1)["method"] == "uherding"
    assert_served_as_published(project)


@both
def test_who_labels_the_whole_batch_before_the_next_one_is_served_at_random_and_nothing_is_lost(
    loop: MakeLoop, own: LocalBackend
):
    project = loop(30, batch_size=6, retrain_every=2)
    batch = project.batch()
    own.stop()
    person = project.person()
    labelled = [person.label_next() for _ in batch["task_ids"]]
    assert labelled == batch["task_ids"]
    outside = person.label_next()
    assert outside not in batch["task_ids"], "Label Studio serves any task once those of the version are done"
    own.start()
    project.until(labeled=len(labelled) + 1)
    after = project.batch(after=batch["number"])
    assert not {outside, *labelled} & set(after["task_ids"])
    assert_served_as_published(project)


def test_label_studio_gone_for_a_while(loop: MakeLoop, gate: Gate):
    project = loop(20, batch_size=8, retrain_every=2)
    before = project.batch()
    gate.open = False
    label_some(project, 3)
    status = project.until(state="waiting")
    assert f"Label Studio does not respond at {gate.url}" in status["error"]
    assert "set LABEL_STUDIO_URL" in status["error"]
    assert "the backend tries again" in status["remedy"]
    assert "trying again in" in status["phase"]
    wait_until("a second try", lambda: "try 2" in project.log())
    gate.open = True
    project.until(state="ready", labeled=3, error=None)
    project.batch(after=before["number"])
    assert "recovered" in project.log()
    assert_served_as_published(project)


def test_a_slow_label_studio_only_takes_longer(loop: MakeLoop, fake_label_studio: Fake):
    project = loop(20, batch_size=8, retrain_every=2)
    before = project.batch()
    fake_label_studio.server.faults.seconds = 0.05
    try:
        label_some(project, 3)
        project.batch(after=before["number"])
        assert project.until(labeled=3)["error"] is None
    finally:
        fake_label_studio.server.faults.seconds = 0.0


def test_a_wrong_key_is_said_and_the_right_one_mends_it(loop: MakeLoop, own: LocalBackend):
    project = loop(20, batch_size=8, retrain_every=2)
    before, right = project.batch(), own.api_key
    own.stop()
    own.api_key = "0" * 40
    own.start()
    try:
        person = project.person()
        for task, label in zip(before["task_ids"], CLASSES[:2], strict=False):
            person.annotate(task, label)
        status = project.until(state="waiting")
        assert "does not accept LABEL_STUDIO_API_KEY" in status["error"]
        assert "does not accept LABEL_STUDIO_API_KEY" in project.log()
    finally:
        own.stop()
        own.api_key = right
        own.start()
    project.until(state="ready", labeled=2)
    project.batch(after=before["number"])
    assert_served_as_published(project)


def test_lost_webhooks_are_made_good_by_the_next_look(
    loop: MakeLoop, own: LocalBackend, webhooks: Callable[[WebhookMode], None]
):
    project = loop(20, batch_size=8, retrain_every=2)
    before, person = project.batch(), project.person()
    untouched, changed, removed = (person.annotate(task, CLASSES[0]) for task in before["task_ids"][:3])
    project.until(labeled=3)
    before = project.batch()
    webhooks(WebhookMode.DROP)
    person.update(changed, CLASSES[1])
    person.delete(removed)
    person.skip(before["task_ids"][-1])
    project.client.request("DELETE", f"api/tasks/{before['task_ids'][-2]}/")
    project.import_texts(gold_texts(5, 300))
    assert untouched
    assert project.status()["tasks"] == 20, "nothing told of it"
    own.look_now(project.project_id)
    status = project.until(labeled=2, skipped=1, tasks=24, to_embed=0)
    assert (status["labels"][CLASSES[0]], status["labels"][CLASSES[1]]) == (1, 1)
    assert project.status()["open"] == 24 - 3


def test_webhooks_that_come_twice_and_backwards_change_nothing(
    loop: MakeLoop, fake_label_studio: Fake, webhooks: Callable[[WebhookMode], None]
):
    project = loop(20, batch_size=8, retrain_every=100)
    tasks, person = project.batch()["task_ids"], project.person()
    webhooks(WebhookMode.DOUBLE)
    first = person.annotate(tasks[0], CLASSES[0])
    project.until(labeled=1)
    webhooks(WebhookMode.HOLD)
    person.update(first, CLASSES[1])
    second = person.annotate(tasks[1], CLASSES[0])
    person.update(second, CLASSES[2])
    third = person.annotate(tasks[2], CLASSES[0])
    person.delete(third)
    webhooks(WebhookMode.SEND)
    assert fake_label_studio.server.outgoing.release(backwards=True) == 5
    status = project.until(labeled=2, open=18)
    expected = {CLASSES[1]: 1, CLASSES[2]: 1}
    assert {name: n for name, n in status["labels"].items() if n} == expected
