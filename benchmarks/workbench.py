"""How fast the pages of a large project are: server time, size, first paint, and the memory of server and worker.

    python benchmarks/workbench.py --tasks 100000

Starts `python -m ml_backend serve` on a database that holds a project with labels, a head, its evaluation and a batch;
Label Studio cannot be reached meanwhile, which no page needs. Each address is requested one after the other as a person
who is signed in; then a Chromium opens each page and tells when it first painted.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import statistics
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import httpx
import typer
from playwright.sync_api import Browser, Page, expect, sync_playwright
from processes import tree
from rich.console import Console
from rich.table import Table
from workbench_project import PROJECT, fill

from ml_backend.commands.demo.backend_process import BackendProcess
from ml_backend.commands.demo.label_studio_process import free_port
from ml_backend.settings import Settings

KEY = "a-key"
PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null"
NEXT_FRAME = "() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))"
HEADERS = {"Authorization": f"Token {KEY}", "Accept-Encoding": "gzip"}
PAGES = {
    "all projects": "/projects",
    "Now": f"/projects/{PROJECT}",
    "Quality": f"/projects/{PROJECT}/quality",
    "Look again": f"/projects/{PROJECT}/look-again",
    "Map": f"/projects/{PROJECT}/map",
    "Find": f"/projects/{PROJECT}/find",
    "Find, by meaning": f"/projects/{PROJECT}/find?q=the+parcel+never+came",
    "Find, by words": f"/projects/{PROJECT}/find?q=parcel+refund&by=words",
    "Strategy": f"/projects/{PROJECT}/strategy",
    "People": f"/projects/{PROJECT}/people",
    "Actions": f"/projects/{PROJECT}/actions",
    "Details": f"/projects/{PROJECT}/details",
}
DATA = {
    "status": f"/projects/{PROJECT}/status",
    "changes": f"/projects/{PROJECT}/changes",
    "map, positions": f"/projects/{PROJECT}/map/positions",
    "map, colours": f"/projects/{PROJECT}/map/colours?by=prediction",
}


@dataclass
class Measured:
    """Of one address: milliseconds of each request, bytes on the wire and unpacked, milliseconds to the first paint."""

    milliseconds: list[float] = field(default_factory=list)
    sent: int = 0
    size: int = 0
    paint: float | None = None

    def share(self, share: float) -> float:
        """A quantile of the milliseconds."""
        ordered = sorted(self.milliseconds)
        return ordered[min(len(ordered) - 1, round(share * len(ordered)))]


def measure(url: str, path: str, times: int) -> Measured:
    """Request an address so many times, after one request that is not counted. Raises httpx.HTTPStatusError."""
    measured = Measured()
    kind = "application/json" if path in DATA.values() else "text/html"
    with httpx.Client(base_url=url, headers={**HEADERS, "Accept": kind}, timeout=120) as client:
        client.get(path).raise_for_status()
        for _ in range(times):
            started = time.perf_counter()
            response = client.get(path)
            measured.milliseconds.append(1000 * (time.perf_counter() - started))
            response.raise_for_status()
        measured.sent = response.num_bytes_downloaded
        measured.size = len(response.content)
    return measured


def first_paints(url: str, tasks: int) -> tuple[dict[str, float], float]:
    """Page → milliseconds until Chromium first painted content; and milliseconds until the map was drawn.

    Medians of three new windows each.
    """
    program = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--headless", "--no-sandbox"])
        paints = {
            name: statistics.median(_first_paint(browser, url + path) for _ in range(3)) for name, path in PAGES.items()
        }
        drawn = statistics.median(_map_drawn(browser, url + PAGES["Map"], tasks) for _ in range(3))
        browser.close()
    return paints, drawn


def _window(browser: Browser) -> Page:
    return browser.new_context(extra_http_headers={"Authorization": f"Token {KEY}"}).new_page()


def _map_drawn(browser: Browser, address: str, tasks: int) -> float:
    page = _window(browser)
    started = time.perf_counter()
    page.goto(address, wait_until="commit")
    expect(page.locator("#map-message")).to_have_text(f"{tasks:,} texts", timeout=60_000)
    page.evaluate(NEXT_FRAME)
    milliseconds = 1000 * (time.perf_counter() - started)
    page.context.close()
    return milliseconds


def _first_paint(browser: Browser, address: str) -> float:
    page = _window(browser)
    page.goto(address)
    # The policy of the pages allows no script to be evaluated in them, as `wait_for_function` does.
    while (paint := page.evaluate(PAINT)) is None:
        page.wait_for_timeout(10)
    page.context.close()
    return float(paint)


def main(
    tasks: Annotated[int, typer.Option(min=1000, help="Tasks in the project.")] = 100_000,
    labels: Annotated[int, typer.Option(min=100, help="Labels so far.")] = 600,
    times: Annotated[int, typer.Option(min=5, help="Requests of each address.")] = 40,
) -> None:
    """Server time, size and first paint of each page of a large project."""
    console = Console()
    with tempfile.TemporaryDirectory() as folder:
        port = free_port(0)
        backend = BackendProcess(Path(folder), port, "http://localhost:9", KEY)
        with console.status(f"making a project of {tasks:,} tasks"):
            url = Settings(model_dir=Path(folder)).database_url
            filler = multiprocessing.get_context("spawn").Process(target=fill, args=(url, tasks, labels))
            filler.start()
            filler.join()
        backend.start()
        try:
            with console.status("requesting pages"):
                measured = {name: measure(backend.url, path, times) for name, path in (PAGES | DATA).items()}
                paints, map_drawn = first_paints(backend.url, tasks)
                for name, paint in paints.items():
                    measured[name].paint = paint
            _show(console, measured)
            _show_memory(console, backend)
        finally:
            backend.stop()
    console.print(f"{tasks:,} tasks, {labels:,} labels, SQLite, {os.cpu_count()} cores, {times} requests each.")
    console.print(f"The map of all texts is drawn, without a GPU, {map_drawn:.0f} ms after its address is opened.")


def _show(console: Console, measured: dict[str, Measured]) -> None:
    table = Table("page", "median ms", "p95 ms", "KB sent", "KB", "first paint ms")
    for name, m in measured.items():
        paint = "" if m.paint is None else f"{m.paint:.0f}"
        row = (f"{statistics.median(m.milliseconds):.0f}", f"{m.share(0.95):.0f}", f"{m.sent / 1000:.1f}")
        table.add_row(name, *row, f"{m.size / 1000:.1f}", paint)
    console.print(table)


def _show_memory(console: Console, backend: BackendProcess) -> None:
    assert backend.process is not None
    table = Table("process", "resident MB", "peak MB")
    for process in tree(backend.process.pid):
        name = "worker" if process.is_worker else "server"
        table.add_row(name, f"{process.resident / 2**20:,.0f}", f"{process.peak / 2**20:,.0f}")
    console.print(table)


if __name__ == "__main__":
    typer.run(main)
