"""The script of a project's page, in a real Chromium: times, and a form that shows what is stored."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from page_server import page_server
from playwright.sync_api import Browser, Locator, Page, expect

from ml_backend.settings import Settings
from ml_backend.store import Store
from ml_backend.store.records import TaskRecord
from ml_backend.store.states import BatchState
from ml_backend.web.app import create_app
from ml_backend.worker.queue import TaskQueue

pytestmark = pytest.mark.browser

KEY = "label-studio-key"


@dataclass
class Form:
    """The settings form of project 7 in a window, and the same settings through the API."""

    page: Page
    url: str

    def field(self, label: str) -> Locator:
        return self.page.get_by_label(label, exact=True)

    @property
    def message(self) -> Locator:
        return self.page.locator("#settings output")

    def save(self) -> None:
        self.page.get_by_role("button", name="Save", exact=True).click()

    def unfold(self) -> None:
        """Show the settings that are seldom needed."""
        self.page.locator("#rare-settings:not([open]) > summary").click()

    @property
    def stored(self) -> dict[str, Any]:
        return dict(httpx.get(f"{self.url}/settings", headers={"Authorization": f"Token {KEY}"}).json())

    def patch(self, **settings: Any) -> None:
        answer = httpx.patch(f"{self.url}/settings", json=settings, headers={"Authorization": f"Token {KEY}"})
        answer.raise_for_status()


@pytest.fixture
def form(browser: Browser, sqlite_store: Store, tmp_path: Path) -> Iterator[Form]:
    """Opens the page of project 7 in a browser in New York."""
    chosen = Settings(model_dir=tmp_path, label_studio_api_key=KEY)
    server = page_server(create_app(chosen, sqlite_store, TaskQueue(chosen)))
    server.daemon_threads = True  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    sqlite_store.ensure_project(7, text_source="text")
    sqlite_store.upsert_tasks(7, [TaskRecord(7, 1, None, "no text")], {})
    number = sqlite_store.plan_batch(7, "badge", "because", None, [1], size=1).number
    sqlite_store.mark_batch(7, number, BatchState.PUBLISHED)
    context = browser.new_context(timezone_id="America/New_York", locale="en-US")
    window = context.new_page()
    url = f"http://localhost:{server.server_port}/projects/7"
    window.goto(f"{url}/strategy")
    window.get_by_role("link", name="Sign in to change settings").click()
    window.get_by_label("Label Studio key").fill(KEY)
    window.get_by_role("button", name="Sign in with key").click()
    window.wait_for_url(f"{url}/strategy")
    yield Form(window, url)
    context.close()
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_form_that_nobody_touches_follows_changes_made_elsewhere(form: Form):
    form.patch(batch_size=9, strategy="margin", text_fields=["a", "b"], random_share=0.125)
    expect(form.field("Batch size")).to_have_value("9")
    expect(form.page.locator("#strategies .current")).to_contain_text("margin")
    form.unfold()
    expect(form.field("Text fields")).to_have_value("a, b")
    form.field("Seed").fill("3")
    form.save()
    expect(form.message).to_have_text("Saved. The next batch is chosen with these settings.")
    assert (form.stored["seed"], form.stored["random_share"], form.stored["batch_size"]) == (3, 0.125, 9)


def test_a_field_that_is_being_changed_keeps_its_text_and_is_named_if_it_was_changed_elsewhere(form: Form):
    form.field("Batch size").fill("11")
    form.patch(batch_size=9, retrain_every=7)
    expect(form.message).to_contain_text("Changed elsewhere in the meantime: Batch size.")
    expect(form.field("Retrain every")).to_have_value("7")
    expect(form.field("Batch size")).to_have_value("11")
    form.save()
    expect(form.message).to_contain_text("Saved.")
    assert (form.stored["batch_size"], form.stored["retrain_every"]) == (11, 7)


CONFIG = (
    '<View><Text name="t" value="$text"/><Choices name="c" toName="t"><Choice value="bug"/><Choice value="praise"/>'
    "</Choices></View>"
)


def test_the_form_has_a_line_for_each_class_and_shows_what_was_stored(form: Form, sqlite_store: Store):
    sqlite_store.update_project(7, label_config=CONFIG)
    form.page.reload()
    form.unfold()
    expect(form.field("Class descriptions")).to_have_value("bug:\npraise:")
    form.field("Class descriptions").fill("bug :  It does not work.\npraise")
    form.save()
    expect(form.message).to_contain_text("line 2 of class_descriptions ('praise') has no class before a colon")
    form.field("Class descriptions").fill("bug :  It does not work.")
    form.save()
    expect(form.message).to_contain_text("Saved.")
    expect(form.field("Class descriptions")).to_have_value("bug: It does not work.\npraise:")
    assert form.stored["class_descriptions"] == {"bug": "It does not work."}
    form.field("Class descriptions").fill("")
    form.save()
    expect(form.field("Class descriptions")).to_have_value("bug:\npraise:")
    assert form.stored["class_descriptions"] is None


def test_without_javascript_the_settings_are_saved_too(form: Form, browser: Browser, sqlite_store: Store):
    sqlite_store.update_project(7, label_config=CONFIG)
    context = browser.new_context(java_script_enabled=False, storage_state=form.page.context.storage_state())
    window = context.new_page()
    window.goto(f"{form.url}/strategy")
    window.get_by_text("Settings that are seldom needed").click()
    window.get_by_label("Class descriptions", exact=True).fill("bug: It does not work.\npraise: Thanks: we like it.")
    window.get_by_label("Class names", exact=True).select_option("off")
    window.get_by_role("button", name="Save", exact=True).click()
    window.wait_for_url(f"{form.url}/strategy#settings")
    context.close()
    assert form.stored["class_descriptions"] == {"bug": "It does not work.", "praise": "Thanks: we like it."}
    assert (form.stored["class_names"], form.stored["batch_size"]) == ("off", 20)


def test_an_empty_field_is_the_default_and_shows_it_after_saving(form: Form):
    form.patch(batch_size=9)
    expect(form.field("Batch size")).to_have_value("9")
    form.field("Batch size").fill("")
    form.save()
    expect(form.field("Batch size")).to_have_value("20")
    expect(form.message).to_contain_text("Saved.")
    assert form.stored["batch_size"] == 20


def test_nothing_is_called_saved_that_was_not(form: Form):
    form.unfold()
    form.save()
    expect(form.message).to_have_text("Nothing was changed, so there is nothing to save.")
    form.field("Embedding model").fill("minilmm")
    form.save()
    expect(form.message).to_contain_text("unknown embedding model 'minilmm'")
    form.field("Embedding model").fill("")
    form.field("Batch size").fill("1001")
    form.save()
    expect(form.field("Batch size")).to_be_focused()
    form.field("Batch size").fill("8")
    form.page.route("**/settings", lambda route: route.abort())
    form.save()
    expect(form.message).to_have_text("Not saved: the backend does not respond.")
    assert form.stored["batch_size"] == 20


def test_a_message_about_the_last_save_does_not_stay_beside_another_value(form: Form):
    form.field("Batch size").fill("8")
    form.save()
    expect(form.message).to_contain_text("Saved.")
    form.field("Batch size").fill("0")
    expect(form.message).to_have_text("")
    form.page.get_by_role("button", name="Save").click()
    expect(form.message).to_have_text("")
    assert form.stored["batch_size"] == 8


def test_changes_are_not_lost_when_the_sign_in_ends(form: Form, sqlite_store: Store):
    form.field("Batch size").fill("8")
    tab = form.page.context.new_page()
    tab.goto(f"{form.url}/strategy")
    tab.get_by_role("button", name="Sign out").click()
    form.save()
    expect(form.message).to_have_text(
        "Not saved: you are not signed in any more. Sign in in another tab, and save again."
    )
    expect(form.field("Batch size")).to_have_value("8")
    assert form.stored["batch_size"] == 20
    tab.get_by_label("Label Studio key").fill(KEY)
    tab.get_by_role("button", name="Sign in with key").click()
    expect(tab.get_by_role("button", name="Sign out")).to_be_visible()
    form.save()
    expect(form.message).to_contain_text("Saved.")
    assert form.stored["batch_size"] == 8


def test_words_and_numbers_of_narrow_columns_are_not_split(form: Form, sqlite_store: Store):
    sqlite_store.update_project(7, title="Customer messages", error="a long reason " * 40)
    form.page.goto(form.url.rsplit("/", 1)[0] + "/../")
    heights = [form.page.get_by_role("link", name="Customer messages").evaluate("link => link.offsetHeight")]
    form.page.set_viewport_size({"width": 390, "height": 844})
    sqlite_store.update_project(7, title="Customer messages", error=None)
    sqlite_store.upsert_tasks(7, [TaskRecord(7, 12345, None, "a long reason " * 20)], {})
    form.page.goto(f"{form.url}/details")
    form.page.get_by_text("Which tasks").click()
    heights.append(form.page.get_by_role("link", name="12345").evaluate("link => link.offsetHeight"))
    assert max(heights) < 30, "one line each"


def test_a_seed_of_many_digits_is_stored_as_it_was_typed(form: Form):
    form.unfold()
    form.field("Seed").fill("9007199254740993")
    form.save()
    expect(form.message).to_contain_text("Saved.")
    expect(form.field("Seed")).to_have_value("9007199254740993")
    assert form.stored["seed"] == 9007199254740993


def test_times_are_those_of_the_browser_with_the_exact_time_as_a_title(form: Form):
    form.page.goto(f"{form.url}/details")
    shown = form.page.locator("time[data-relative]").first
    expect(shown).to_have_text("less than a minute ago")
    assert (shown.get_attribute("title") or "").endswith("UTC")
    form.page.evaluate("document.querySelector('time').dateTime = '2025-10-09T08:53:20Z'; showTimes()")
    expect(shown).to_have_text("Oct 9, 2025, 4:53 AM")
