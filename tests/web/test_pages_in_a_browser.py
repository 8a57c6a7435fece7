"""Every page of a project three weeks in, in a real Chromium: accessibility, console, policy, width, keyboard."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page
from seeded_projects import BROKEN, EARLY, EMPTY, LATE, WordParts
from seeded_server import SeededServer
from signed_in import sign_in

from ml_backend.store import Store
from ml_backend.web.page_parts.project_page import VIEWS

pytestmark = pytest.mark.browser

AXE = (files("axe_playwright_python") / "axe.min.js").read_text()
SERIOUS = """async () => {
  const found = await axe.run(document, { resultTypes: ["violations"], preload: false, iframes: false });
  const told = (node) => node.target.join(" ") + " " + (node.any[0]?.message ?? "");
  return found.violations.filter((fault) => ["serious", "critical"].includes(fault.impact))
    .map((fault) => `${fault.id}: ${fault.nodes.slice(0, 3).map(told).join("; ")}`);
}"""
INTERACTIVE = "a[href], button, input, select, textarea, summary, [role=button], [onclick]"
OUT_OF_REACH = """(interactive) => [...document.querySelectorAll(interactive)]
  .filter((e) => e.checkVisibility() && !e.matches(":disabled, [type=hidden], .skip") && e.tabIndex < 0)
  .map((e) => e.outerHTML.slice(0, 120))"""
WIDER = """() => [...document.querySelectorAll("body *")]
  .filter((e) => e.getBoundingClientRect().right > innerWidth + 1).map((e) => e.outerHTML.slice(0, 80)).slice(0, 3)"""
MISSED = """() => [...document.querySelectorAll("a[href], button, summary")]
  .filter((e) => !e.seen && e.checkVisibility()).map((e) => e.outerHTML.slice(0, 80))"""
LOOKS = [(1440, "light"), (390, "dark")]
"""Width and colours. Colours do not depend on the width here, so both widths and both schemes are covered."""
PATHS = [
    *(f"/projects/{LATE}{'' if view == 'project' else '/' + view.replace('_', '-')}" for view in VIEWS),
    *(f"/projects/{project}" for project in (EMPTY, EARLY, BROKEN)),
    f"/projects/{BROKEN}/details",
    "/projects",
    "/sign-in",
    "/nowhere",
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SeededServer]:
    """The seeded projects, served."""
    running = SeededServer(tmp_path_factory.mktemp("seeded"), WordParts())
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def signed_in(browser: Browser, server: SeededServer) -> Iterator[BrowserContext]:
    """The windows of a person who has signed in."""
    context = browser.new_context(viewport={"width": LOOKS[0][0], "height": 900})
    page = context.new_page()
    sign_in(page, server.url)
    page.close()
    yield context
    context.close()


@pytest.fixture
def window(signed_in: BrowserContext) -> Iterator[Page]:
    """A new window of the person."""
    page = signed_in.new_page()
    yield page
    page.close()


@pytest.mark.parametrize("path", PATHS)
def test_a_page_has_no_serious_fault(window: Page, server: SeededServer, path: str):
    faults: list[Any] = []

    def hear(message: ConsoleMessage) -> None:
        # The page of an unknown address is a 404, which the browser reports too.
        if message.type == "error" and path not in message.location["url"]:
            faults.append(message.text)

    window.on("console", hear)
    window.on("pageerror", lambda error: faults.append(str(error)))
    window.goto(server.url + path)
    window.evaluate(AXE)
    for width, scheme in LOOKS:
        window.set_viewport_size({"width": width, "height": 900})
        window.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        faults += window.evaluate(SERIOUS)
    if window.evaluate("document.documentElement.scrollWidth > innerWidth"):
        faults.append(f"the page scrolls sideways: {window.evaluate(WIDER)}")
    faults += [f"no Tab reaches {element}" for element in window.evaluate(OUT_OF_REACH, INTERACTIVE)]
    assert faults == []


def test_tab_leads_from_the_skip_link_through_all_links_of_the_page(window: Page, server: SeededServer):
    window.goto(f"{server.url}/projects/{EARLY}")
    wanted = window.locator("a[href], button, summary").count()
    window.keyboard.press("Tab")
    assert window.evaluate("document.activeElement.className") == "skip"
    for _ in range(wanted):
        window.evaluate("document.activeElement.seen = true")
        window.keyboard.press("Tab")
    assert window.evaluate(MISSED) == []


def test_what_a_person_opened_stays_open_while_the_page_follows_the_project(window: Page, server: SeededServer):
    store: Store = server.store
    window.goto(f"{server.url}/projects/{EARLY}")
    window.locator("#label-now").focus()
    store.update_project(EARLY, phase="embedding: 300 texts to go")
    window.get_by_text("embedding: 300 texts to go").wait_for()
    window.evaluate("document.getElementById('content').scrollIntoView()")
    assert window.evaluate("document.activeElement.id") == "label-now"
