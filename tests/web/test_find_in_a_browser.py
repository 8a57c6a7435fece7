"""The page Find in a real Chromium: search, serve next, take back, compare, by keyboard and at phone width."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.resources import files

import pytest
from live_loop import wait_until
from playwright.sync_api import Browser, Page, expect
from seeded_projects import HOSTILE, WordParts
from seeded_server import SeededServer
from signed_in import narrow_window

from ml_backend.commands.demo.messages import label_config, messages
from ml_backend.labelstudio.texts import text_hash
from ml_backend.store import Store
from ml_backend.store.records import TaskRecord

pytestmark = pytest.mark.browser

AXE = (files("axe_playwright_python") / "axe.min.js").read_text()
SERIOUS = """async () => (await axe.run(document, { resultTypes: ["violations"] })).violations
  .filter((fault) => ["serious", "critical"].includes(fault.impact))
  .map((fault) => `${fault.id}: ${fault.nodes.map((node) => node.target.join(" ")).join("; ")}`)"""
PROJECT = 7
NEAR = "the grey sofa with four legs came without one of its legs and two of the screws are missing too"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SeededServer]:
    """A project of 40 messages, a text that attacks, and five texts that are nearly equal, all embedded and open."""
    folder, model = tmp_path_factory.mktemp("find"), WordParts()
    near = [f"{NEAR} {word}" for word in ("", "sadly", "please", "again", "today")]
    texts = {text_hash(text): text for text in [*(message.text for message in messages()[:40]), HOSTILE, *near]}
    store = Store(f"sqlite:///{folder / 'active_learning.db'}")
    store.create()
    store.ensure_project(PROJECT, title="Messages", label_config=label_config(["refund", "delivery"]))
    store.upsert_tasks(PROJECT, [TaskRecord(PROJECT, n, one, None, "") for n, one in enumerate(texts, start=1)], texts)
    store.put_embeddings(model.name, list(texts), model.encode(list(texts.values())))
    store.close()
    running = SeededServer(folder, model)
    running.start()
    yield running
    running.stop()


@pytest.fixture
def window(browser: Browser, server: SeededServer) -> Iterator[Page]:
    """A narrow window of a person who has signed in; no page is wider, and no script fails."""
    with narrow_window(browser, server.url) as page:
        yield page


def assert_accessible(page: Page) -> None:
    page.evaluate(AXE)
    assert page.evaluate(SERIOUS) == []


def test_what_is_found_is_served_next_and_taken_back_by_the_keyboard_alone(window: Page, server: SeededServer):
    window.goto(f"{server.url}/projects/{PROJECT}/find")
    window.get_by_label("What to look for").press_sequentially("where is my refund")
    window.keyboard.press("Enter")
    results = window.get_by_role("region", name="Texts most like")
    expect(results.get_by_role("listitem")).to_have_count(20)
    boxes = results.get_by_role("checkbox")
    chosen = [int(boxes.nth(n).get_attribute("value") or 0) for n in (0, 2)]
    for n in (0, 2):
        boxes.nth(n).press("Space")
    results.get_by_role("button", name="Label the chosen ones next").press("Enter")
    expect(window.get_by_role("status").filter(has_text="served next")).to_have_text("2 tasks are served next.")
    assert window.get_by_label("What to look for").input_value() == "where is my refund", "the search stays"
    assert server.store.requested_tasks(PROJECT) == dict.fromkeys(chosen, "search: where is my refund")
    waiting = window.get_by_role("region", name="2 tasks are served before others")
    waiting.get_by_role("checkbox").first.press("Space")
    waiting.get_by_role("button", name="Do not serve the chosen ones").press("Enter")
    expect(window.get_by_role("status").filter(has_text="no longer")).to_be_visible()
    assert list(server.store.requested_tasks(PROJECT)) == chosen[1:]
    window.get_by_role("button", name="Label these").press("Enter")
    expect(window.get_by_role("status").filter(has_text="19 tasks are served next; 1 was asked")).to_be_visible()
    assert_accessible(window)
    window.get_by_role("link", name="More like task").first.press("Enter")
    expect(window.get_by_role("region", name=re.compile("Texts most like task"))).to_be_visible()


def test_a_text_that_attacks_is_shown_as_it_is_with_its_words_marked(window: Page, server: SeededServer):
    window.goto(f"{server.url}/projects/{PROJECT}/find?by=words&show=all&q=script+%22onmouseover%3D%22+alert")
    text = window.locator(".found .text").first
    expect(text).to_have_text(HOSTILE)
    assert "script" in text.locator("mark").all_text_contents()


def test_all_texts_are_compared_and_a_group_is_shown_with_its_label_to_choose(window: Page, server: SeededServer):
    window.goto(f"{server.url}/projects/{PROJECT}/duplicates?threshold=0.9")
    window.get_by_role("button", name="Compare all texts").click()
    wait_until("the comparison ends", lambda: server.store.jobs(PROJECT, ["near_duplicates"])[0].has_ended)
    window.reload()
    group = window.get_by_role("region", name="Group of 5 texts")
    expect(group.get_by_text(NEAR).first).to_be_visible()
    expect(group.get_by_label("Label of the open ones")).to_be_visible()
    expect(group.get_by_role("button", name="Give all 5 open texts this label")).to_be_visible()
    window.get_by_label("Texts are the same from").select_option("0.99")
    window.get_by_role("button", name="Show").click()
    expect(window.get_by_role("region", name="Group of 5 texts")).to_have_count(0)
    window.get_by_label("Texts are the same from").select_option("0.9")
    window.get_by_role("button", name="Show").click()
    server.store.drop_requested_tasks(PROJECT)
    window.get_by_role("button", name="Label them one by one next").click()
    expect(window.get_by_role("status").filter(has_text="5 tasks are served next")).to_be_visible()
    assert_accessible(window)
