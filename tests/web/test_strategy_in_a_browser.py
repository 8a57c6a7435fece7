"""The page Strategy in a real Chromium: choosing, trying descriptions and saving them, and a comparison on a phone."""

from __future__ import annotations

from pathlib import Path

import pytest
from page_width import page_width
from playwright.sync_api import Browser, expect
from seeded_projects import KEY, LATE, WordParts
from seeded_server import SeededServer

from ml_backend.project_settings import ProjectSettings
from ml_backend.store.states import JobState

pytestmark = pytest.mark.browser

OVER = {"gain": 0.03, "low": 0.01, "high": 0.05, "saved": 30, "saved_low": 9, "saved_high": 50}
BEST = {
    "embedding": "m",
    "strategy": "margin",
    "initial": "typiclust",
    "head": "named",
    "area": 0.8,
    "final": 0.9,
    "over_random": OVER,
    "over_current": OVER,
    "p": 0.01,
    "verdict": "better",
    "best": 0.5,
}
COMPARED = {
    "headline": "Use margin.",
    "reason": "With it the model would have been right 3.0 points more often than with what you have.",
    "saves": "",
    "is_change": True,
    "labels": 580,
    "classes": 10,
    "recommended": BEST,
    "rows": [BEST, {**BEST, "strategy": "uherding", "over_current": dict.fromkeys(OVER, 0.0), "verdict": "in use"}],
}


def test_a_lead_compares_chooses_and_describes(browser: Browser, tmp_path: Path):
    server = SeededServer(tmp_path / "seeded", WordParts())
    job = server.store.add_job(LATE, "compare_strategies", {}, "ann")
    server.store.take_job(["compare_strategies"], "worker")
    server.store.end_job(job.id, "worker", JobState.DONE, COMPARED)
    server.start()
    context = browser.new_context(viewport={"width": 390, "height": 800})
    page = context.new_page()
    page.goto(f"{server.url}/sign-in?next=/projects/{LATE}/strategy")
    page.get_by_label("Label Studio key").fill(KEY)
    page.get_by_role("button", name="Sign in with key").click()
    expect(page.locator("#comparison .verdict")).to_contain_text("right 3.0 points more often than with what you have")
    assert page_width(page) <= 390, "a wide table scrolls by itself"
    page.locator("#comparison").get_by_role("button", name="Use margin").first.click()
    expect(page.locator("#strategies [aria-current]")).to_contain_text("margin")

    field = page.locator("#classes textarea").first
    name = page.locator("#classes label").first.inner_text()
    expect(page.locator("#class-1-found")).to_contain_text("of the open texts")
    field.fill("Everything about invoices & <b>payments</b>")
    page.get_by_role("button", name="Try without saving").click()
    expect(page.locator("#classes-notes")).to_contain_text("not saved")
    expect(page.locator("#classes-notes")).to_contain_text("You changed")
    page.get_by_role("button", name="Save descriptions").click()
    expect(page.locator("#classes-notes")).not_to_contain_text("not saved")
    expect(field).to_have_value("Everything about invoices & <b>payments</b>")
    project = server.store.project(LATE)
    assert project is not None
    stored = ProjectSettings.usable(project.settings)
    assert stored.strategy == "margin"
    assert (stored.class_descriptions or {})[name] == "Everything about invoices & <b>payments</b>"
    context.close()
    server.stop()
