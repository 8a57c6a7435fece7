"""The page Actions in a real Chromium: count, predict into a file, pause and go on, as a lead does."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from seeded_projects import LATE, WordParts
from seeded_server import SeededServer
from signed_in import narrow_window

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SeededServer]:
    """The seeded projects, served."""
    running = SeededServer(tmp_path_factory.mktemp("actions"), WordParts())
    running.start()
    yield running
    running.stop()


@pytest.fixture
def window(browser: Browser, server: SeededServer) -> Iterator[Page]:
    """A narrow window of a person who has signed in, on the page; no page is wider, and no script fails."""
    with narrow_window(browser, server.url) as page:
        page.goto(f"{server.url}/projects/{LATE}/actions")
        yield page


def test_a_lead_counts_chooses_and_downloads_predictions(window: Page, tmp_path: Path):
    window.get_by_role("button", name="Count", exact=True).press("Enter")
    sure = window.get_by_role("row", name="50% or more")
    expect(sure).to_be_visible(timeout=15_000)  # by the page itself, once the worker has counted
    kept = int(sure.get_by_role("cell").first.inner_text().replace(",", ""))
    window.get_by_label("Confidence").select_option("0.5")
    window.get_by_label("The file has the texts too").check()
    window.get_by_role("button", name="Predict", exact=True).click()
    link = window.get_by_role("link", name="Download: Predict all open texts")
    expect(link).to_be_visible(timeout=15_000)
    with window.expect_download() as download:
        link.click()
    assert download.value.suggested_filename == f"predictions of project {LATE}.csv"
    download.value.save_as(tmp_path / "got.csv")
    with (tmp_path / "got.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == kept
    assert all(float(row["confidence"]) >= 0.5 and row["text"] for row in rows)


def test_a_pause_is_seen_on_other_pages_and_ends(window: Page, server: SeededServer):
    window.get_by_role("button", name="Pause", exact=True).click()
    expect(window.get_by_text("This project is paused")).to_be_visible()
    window.get_by_role("link", name="Quality").click()
    expect(window.get_by_text("This project is paused")).to_be_visible()
    window.get_by_role("link", name="Let it go on").click()
    window.get_by_role("button", name="Go on", exact=True).press("Enter")
    expect(window.get_by_text("This project is paused")).to_be_hidden()
    project = server.store.project(LATE)
    assert project is not None
    assert project.paused_at is None
