"""Takes the pictures of the pages for the documentation, of projects that look as if people had worked in them.

`python tests/pictures_of_pages.py FOLDER`; with --all also of the other widths, colours and projects, to look at.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

from chromium import chromium
from playwright.sync_api import Page
from seeded_projects import BROKEN, EARLY, EMPTY, LATE
from seeded_server import SeededServer
from signed_in import sign_in

from ml_backend.learning.embedding.embedder import load
from ml_backend.web.page_parts.project_page import VIEWS

SIZES = {1440: 960, 1024: 900, 390: 844}
"""Width of a window → its height."""


def main() -> None:
    """Serve the projects, and take the pictures."""
    parser = argparse.ArgumentParser(description="Takes pictures of the pages.")
    parser.add_argument("folder", type=Path, help="for the pictures, named workbench-PAGE.png")
    parser.add_argument("--all", action="store_true", help="whole pages, in three widths, light and dark")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        server = SeededServer(Path(folder), load("minilm"))
        server.start()
        with chromium(_fail) as browser:
            page = browser.new_context(locale="en-GB", timezone_id="UTC", reduced_motion="reduce").new_page()
            sign_in(page, server.url)
            take = take_all if given.all else take_few
            take(page, server.url, given.folder)
        server.stop()


def take_few(page: Page, url: str, folder: Path) -> None:
    """The first window of each page of the project that is three weeks old, and the list of projects."""
    page.set_viewport_size({"width": 1440, "height": SIZES[1440]})
    for view in VIEWS:
        open_view(page, url, LATE, view)
        page.screenshot(path=folder / f"workbench-{'now' if view == 'project' else view.replace('_', '-')}.png")
    page.goto(f"{url}/projects")
    page.screenshot(path=folder / "workbench-projects.png")


def take_all(page: Page, url: str, folder: Path) -> None:
    """Whole pages of all projects."""
    for project, name in ((EMPTY, "empty"), (EARLY, "early"), (LATE, "late"), (BROKEN, "broken")):
        for view in VIEWS:
            open_view(page, url, project, view)
            photograph(page, folder, f"{name}-{view}")
    page.goto(f"{url}/projects")
    photograph(page, folder, "projects")


def photograph(page: Page, folder: Path, name: str) -> None:
    """The page in each width, light and dark."""
    for width, height in SIZES.items():
        page.set_viewport_size({"width": width, "height": height})
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            page.screenshot(path=folder / f"workbench-{name}-{width}-{scheme}.png", full_page=True)


def open_view(page: Page, url: str, project: int, view: str) -> None:
    """Open a page of a project, with something found under Find, and wait for what the worker makes."""
    page.goto(f"{url}/projects/{project}{'' if view == 'project' else '/' + view.replace('_', '-')}")
    if view == "find" and project == LATE:
        page.get_by_role("searchbox").or_(page.get_by_role("textbox")).first.fill("parcel was left in the rain")
        page.keyboard.press("Enter")
        page.wait_for_url("**/find?**")
    if view == "map" and project in (EARLY, LATE):
        page.locator("#map-groups tr").first.wait_for()
        page.wait_for_timeout(1500)  # the points are drawn in the next frames


def _fail(problem: str) -> Any:
    raise SystemExit(problem)


if __name__ == "__main__":
    main()
