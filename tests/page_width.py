"""How wide a page is in a browser."""

from __future__ import annotations

from playwright.sync_api import Page


def page_width(page: Page) -> int:
    """Width of a page in pixels, more than that of its window if it can be moved sideways.

    Waits for the style sheets: a text is visible without them, and the page then has another width.
    """
    page.wait_for_load_state()
    return int(page.evaluate("document.documentElement.scrollWidth"))
