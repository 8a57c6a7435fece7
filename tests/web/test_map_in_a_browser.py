"""The map in a real Chromium, which draws with WebGL in software: what is hovered, chosen and asked for."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from mapped_project import HOSTILE, PROJECT, fit, label, make_project, texts, worker
from page_server import page_server
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from ml_backend.settings import Settings
from ml_backend.store import Store
from ml_backend.web.app import create_app
from ml_backend.worker.queue import TaskQueue

pytestmark = pytest.mark.browser

KEY = "label-studio-key"
N = 24
PLACE = """async (task) => {
    const { arrays, positions } = await import("/static/map/data.js");
    const { points, tasks } = positions(await arrays(document.getElementById("map").dataset.positions));
    const i = tasks.indexOf(task);
    const far = (side) => Math.max(...points.filter((_, k) => k % 2 === side).map((p) => 2 * Math.abs(p - 0.5)));
    return [points[2 * i], points[2 * i + 1], far(0), far(1)];
}"""
"""Where a task lies on the whole map, in 0..1, and the size of what the points cover."""
HOSTILE_TASK = N + 1


@dataclass
class Map:
    """The page of the map in a window, signed in."""

    page: Page
    url: str

    def open(self, query: str = "") -> None:
        self.page.goto(f"{self.url}{query}")
        expect(self.page.locator("#map-message")).to_have_text(f"{N + 1} texts")

    def move_to(self, x: float, y: float) -> None:
        """Move the mouse to a place on the canvas, in shares of its size."""
        box = self.page.locator("#map-points").bounding_box()
        assert box is not None
        self.page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])

    def select_everything(self, tool: str = "Box") -> None:
        self.page.get_by_role("button", name=tool).click()
        first, *others = {
            "Box": [(0.01, 0.01), (0.5, 0.5), (0.99, 0.99)],
            "Lasso": [(0.01, 0.01), (0.99, 0.01), (0.99, 0.99), (0.01, 0.99)],
        }[tool]
        self.move_to(*first)
        self.page.mouse.down()
        for place in others:
            self.move_to(*place)
        self.page.mouse.up()

    def pixels(self) -> int:
        """How many pixels of the map have another colour than its background."""
        image = np.array(Image.open(BytesIO(self.page.locator(".map-frame").screenshot())).convert("RGB"))
        return int((image != image[20, 20]).any(axis=2).sum())


@pytest.fixture
def chart(browser: Browser, sqlite_store: Store, tmp_path: Path) -> Iterator[Map]:
    make_project(sqlite_store, [*texts(N), HOSTILE])
    label(sqlite_store, {1: "bug", 2: "kind_words"})
    fit(sqlite_store, texts(N))
    settings = Settings(model_dir=tmp_path, label_studio_api_key=KEY)
    queue = TaskQueue(settings)
    server = page_server(create_app(settings, sqlite_store, queue))
    server.daemon_threads = True  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    context = browser.new_context(viewport={"width": 1200, "height": 900})
    window = context.new_page()
    problems: list[str] = []
    window.on("pageerror", lambda problem: problems.append(str(problem)))
    url = f"http://localhost:{server.server_port}"
    known = sqlite_store.project(PROJECT)
    assert known is not None
    sqlite_store.update_project(PROJECT, counts=replace(known.counts, labeled=2))
    with worker(sqlite_store, queue):
        window.goto(f"{url}/sign-in?next=/projects/{PROJECT}/map")
        window.get_by_label("Label Studio key").fill(KEY)
        window.get_by_role("button", name="Sign in with key").click()
        yield Map(window, f"{url}/projects/{PROJECT}/map")
        context.close()
    server.shutdown()
    thread.join()
    server.server_close()
    assert problems == []


def test_texts_are_drawn_read_chosen_and_asked_for(chart: Map, sqlite_store: Store):
    chart.open()
    rows = chart.page.locator("#map-groups tr")
    expect(rows).to_have_text([re.compile("bug1 ?0"), re.compile("kind_words1 ?0"), re.compile(f"not labelled{N - 1}")])
    chart.page.locator("#map-points").focus()
    for key in "++-0+":
        chart.page.keyboard.press(key)
    chart.page.keyboard.press("ArrowLeft")
    chart.page.keyboard.press("0")
    chart.select_everything()
    expect(chart.page.locator("#map-chosen")).to_have_text(f"{N + 1} selected, {N - 1} of them can be labelled")
    expect(chart.page.locator("#map-list li")).to_have_count(N + 1)
    expect(chart.page.locator("#map-list")).to_contain_text(HOSTILE)
    chart.page.get_by_role("button", name=f"Label these {N - 1} next").click()
    expect(chart.page.locator("#said")).to_contain_text(f"{N - 1} tasks are served next")
    assert sqlite_store.requested_tasks(PROJECT) == dict.fromkeys(range(3, HOSTILE_TASK + 1), "map: a region")


def test_a_hostile_text_is_shown_as_text_when_it_is_hovered_and_pinned(chart: Map):
    chart.open()
    x, y, width, height = chart.page.evaluate(PLACE, HOSTILE_TASK)
    box = chart.page.locator("#map-points").bounding_box()
    assert box is not None
    scale = 0.94 * min(box["width"] / width, box["height"] / height)
    chart.move_to(0.5 + (x - 0.5) * scale / box["width"], 0.5 - (y - 0.5) * scale / box["height"])
    expect(chart.page.locator("#map-tip")).to_have_text(f"not labelled{HOSTILE}")
    chart.page.mouse.down()
    chart.page.mouse.up()
    pinned = chart.page.locator("#map-pinned")
    expect(pinned).to_contain_text(HOSTILE)
    expect(pinned.get_by_role("link", name="More like this")).to_have_attribute(
        "href", f"/projects/{PROJECT}/find?like={HOSTILE_TASK}"
    )
    expect(pinned.get_by_role("link", name="Open in Label Studio")).to_have_attribute(
        "href", re.compile(rf"/projects/{PROJECT}/data\?task={HOSTILE_TASK}$")
    )
    expect(chart.page.locator("#map img")).to_have_count(0)
    assert chart.page.evaluate("window.hit") is None


def test_a_group_is_shown_alone_and_its_open_texts_are_chosen_by_keyboard(chart: Map):
    chart.open("?by=prediction")
    expect(chart.page.get_by_label("Colour by")).to_have_value("prediction")
    whole = chart.pixels()
    long = chart.page.get_by_role("button", name="kind_words", exact=True)
    assert long.locator("wbr").count() == 1, "a narrow legend breaks names at their underscores"
    only = chart.page.get_by_role("button", name="bug", exact=True)
    only.press("Enter")
    expect(only).to_have_attribute("aria-pressed", "true")
    assert 0 < chart.pixels() < whole
    chart.page.get_by_role("button", name="Show all groups").press("Enter")
    chart.page.get_by_role("button", name="Select the open texts of bug").press("Enter")
    expect(chart.page.locator("#map-chosen")).to_contain_text("of them can be labelled")
    expect(chart.page.locator("#map-selection")).to_be_focused()
    expect(chart.page.locator("#map-list li").first).to_contain_text("crashes")


def test_without_webgl_the_same_points_are_drawn(chart: Map):
    chart.open("?webgl=off")
    assert chart.page.evaluate("document.getElementById('map-points').getContext('2d') !== null")
    assert chart.pixels() > 1000
    chart.select_everything("Lasso")
    expect(chart.page.locator("#map-chosen")).to_contain_text(f"{N + 1} selected")


def test_a_better_layout_is_made_from_the_page_and_drawn_when_it_is_there(chart: Map, sqlite_store: Store):
    chart.open()
    chart.page.get_by_role("button", name="Make a better layout").click()
    expect(chart.page.locator("#map-layout")).to_have_text("")
    assert sqlite_store.files(PROJECT, "map/positions")[0].about["kind"] == "neighbours"
    expect(chart.page.locator("#map-message")).to_have_text(f"{N + 1} texts")
