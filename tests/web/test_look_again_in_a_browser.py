"""Looking again at labels in a real Chromium, under the policy that the pages send."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import evaluations
import pytest
from page_server import page_server
from page_width import page_width
from playwright.sync_api import Browser, Page, expect
from studios import Fake

from ml_backend.labelstudio.client import LabelStudio
from ml_backend.settings import Settings
from ml_backend.store import Store
from ml_backend.store.records import ProjectCounts, TaskRecord
from ml_backend.web.app import create_app
from ml_backend.worker.queue import TaskQueue

pytestmark = pytest.mark.browser

CONFIG = (
    '<View><Text name="t" value="$t"/><Choices name="c" toName="t">'
    '<Choice value="bug"/><Choice value="praise"/></Choices></View>'
)


@pytest.fixture
def project(fake_label_studio: Fake) -> int:
    """A project of the fake."""
    client = LabelStudio(fake_label_studio.url, fake_label_studio.token)
    created = client.request("POST", "api/projects", body={"title": "Messages", "label_config": CONFIG})
    client.close()
    return int(created["id"])


@pytest.fixture
def page(
    browser: Browser, sqlite_store: Store, tmp_path: Path, fake_label_studio: Fake, project: int
) -> Iterator[Page]:
    """The list of doubted labels of a project in the fake, two of them, in a window of a phone's width."""
    chosen = Settings(
        model_dir=tmp_path, label_studio_url=fake_label_studio.url, label_studio_api_key=fake_label_studio.token
    )
    server = page_server(create_app(chosen, sqlite_store, TaskQueue(chosen)))
    server.daemon_threads = True  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    sqlite_store.ensure_project(project, label_config=CONFIG)
    sqlite_store.update_project(project, counts=ProjectCounts(labels={"bug": 2}, labeled=2, annotators=1))
    texts = {"a" * 32: "It crashes", "b" * 32: "word" * 500}
    records = [TaskRecord(project, task, h, None, "2026") for task, h in zip((12, 13), texts, strict=True)]
    sqlite_store.upsert_tasks(project, records, texts)
    doubted = [evaluations.doubtful(12, "bug", "praise"), evaluations.doubtful(13, "bug", "praise")]
    evaluations.put(sqlite_store, project, [evaluations.body(look_again=doubted)])
    context = browser.new_context(viewport={"width": 390, "height": 844})
    window = context.new_page()
    window.goto(f"http://localhost:{server.server_port}/projects/{project}/look-again")
    window.get_by_label("Label Studio key").fill(fake_label_studio.token)
    window.get_by_role("button", name="Sign in with key").click()
    expect(window.get_by_text("It crashes", exact=True)).to_be_visible()
    yield window
    context.close()
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_label_is_dismissed_and_listed_again_by_the_keyboard_and_opened_in_label_studio(
    page: Page, fake_label_studio: Fake, project: int
):
    assert page_width(page) == 390
    page.get_by_role("button", name="The label is right (task 12)").press("Enter")
    expect(page.get_by_role("status")).to_have_text("Task 12 is not listed any more, unless its label changes.")
    expect(page.get_by_role("link", name="Labels that the model doubts 1")).to_be_visible()
    page.locator("#dismissed > summary").press("Enter")
    page.get_by_role("button", name="Undo (task 12)").press("Enter")
    expect(page.get_by_role("status")).to_have_text("Task 12 is listed again.")
    page.get_by_role("button", name="Open these 2 in Label Studio").press("Enter")
    page.wait_for_url(f"{fake_label_studio.url}/**")
    _, view = [view for view in fake_label_studio.server.tables.views.values() if view.project == project]
    expect(page).to_have_url(f"{fake_label_studio.url}/projects/{project}/data?tab={view.id}")
