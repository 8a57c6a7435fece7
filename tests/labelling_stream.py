"""Label Studio's labelling stream in a browser."""

from __future__ import annotations

from live_loop import Loop
from playwright.sync_api import Locator, Page, expect


def open_stream(page: Page, project: Loop) -> None:
    """Press 'Label All Tasks': only that asks for the project's own order, not that of the Data Manager's tab."""
    page.goto(f"{project.label_studio.url}/projects/{project.project_id}/data")
    page.get_by_role("button", name="Label All Tasks").click()
    expect(shown_number(page)).to_be_visible()


def served_task(page: Page) -> int:
    """The task that the labelling stream shows, by the number beside its buttons."""
    return int(shown_number(page).inner_text().split()[0])


def shown_number(page: Page) -> Locator:
    """Where the labelling stream shows the number of its task, as "12, 1 of 1"."""
    return page.locator("[class*=current-task__task-id]")
