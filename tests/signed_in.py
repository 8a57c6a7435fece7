"""Windows of a person who has signed in to the pages of `seeded_projects`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from page_width import page_width
from playwright.sync_api import Browser, Page
from seeded_projects import KEY

NARROW = {"width": 390, "height": 844}
"""As of a phone."""


def sign_in(page: Page, url: str) -> None:
    """Sign in with the key, as a person does. url: of the pages."""
    page.goto(f"{url}/sign-in")
    page.get_by_label("Label Studio key").fill(KEY)
    page.get_by_role("button", name="Sign in with key").click()
    page.wait_for_url("**/projects")


@contextmanager
def narrow_window(browser: Browser, url: str) -> Iterator[Page]:
    """A narrow window of somebody who has signed in; at its end no script has failed, and the page is no wider."""
    context = browser.new_context(viewport=NARROW)  # type: ignore[arg-type]
    page = context.new_page()
    faults: list[str] = []
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda problem: faults.append(str(problem)))
    sign_in(page, url)
    yield page
    assert faults == []
    assert page_width(page) <= NARROW["width"], "the page can be moved sideways"
    context.close()
