"""A quick run of the benchmarks, compared with the stored baseline: has something become slower?

    python benchmarks/compare.py                          # measure, and print baseline, now and ratio
    python benchmarks/compare.py --write                  # measure, and store the result as the new baseline
    python benchmarks/compare.py --only query,fit         # some of them

Needs neither Label Studio nor data sets: texts are the demo's messages, vectors are synthetic. The groups take turns
for `--rounds` rounds, and medians are compared. A ratio above 1 is slower than the baseline. Numbers from another
machine or from other versions are hardly comparable, so both are printed. The exit status is 0 whatever the ratios are.
"""

from __future__ import annotations

import asyncio
import datetime
import json
import logging
import os
import platform
import tempfile
import warnings
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Any

import head
import http_latency
import large_pool
import numpy as np
import simulated_runs
import synthetic_pool
import typer
from rich.console import Console
from rich.table import Table

import ml_backend.commands.demo
from ml_backend.commands.demo.backend_process import BackendProcess
from ml_backend.commands.demo.label_studio_process import free_port
from ml_backend.commands.demo.messages import messages
from ml_backend.learning import Head, Pool, strategies
from ml_backend.learning.embedding.embedder import load
from ml_backend.pipeline.array_cache import ArrayCache
from ml_backend.store import Store

BASELINE = Path(__file__).with_name("baseline.json")
PACKAGES = ("numpy", "scipy", "scikit-learn", "torch", "tokenizers", "sqlalchemy", "flask", "gunicorn")
FITS = ((200, 384, 6), (500, 384, 77), (500, 1024, 6))
ROWS, DIMENSIONS, CLASSES, LABELED, BATCH = 5_000, 384, 20, 200, 100
RUNS = ("random", "margin", "uherding")
CYCLES = 3
TASKS = 20_000
CALLERS, REQUESTS = 20, 600


@dataclass(frozen=True)
class Result:
    """One number. unit: "s", "ms" or "texts/s"; of texts/s, more is better."""

    value: float
    unit: str

    def slower_than(self, baseline: Result) -> float:
        """How many times slower: 1 is as fast, 2 is half as fast."""
        ratio = self.value / baseline.value
        return 1 / ratio if self.unit.endswith("/s") else ratio


@dataclass(frozen=True)
class Measured:
    """What is stored: the day, the machine, the versions, and the results by name."""

    day: str
    machine: str
    versions: dict[str, str]
    results: dict[str, Result]


def fits() -> Iterator[tuple[str, Result]]:
    """Seconds to fit the head."""
    for n, D, k in FITS:
        X, y = head.clusters(n, D, k)
        seconds = head.median_seconds(lambda X=X, y=y, k=k: Head(C=10.0).fit(X, y, k))
        yield f"fit, {n} × {D}, {k} classes", Result(seconds, "s")


def queries() -> Iterator[tuple[str, Result]]:
    """Seconds that each strategy takes to choose a batch."""
    x, y = synthetic_pool.clusters(ROWS, DIMENSIONS, CLASSES)
    labels = synthetic_pool.first_labels(y, LABELED)
    labeled = labels >= 0
    fitted = Head().fit(x[labeled], labels[labeled], CLASSES)
    for name in strategies.names():
        seconds = head.median_seconds(
            lambda name=name: strategies.select(name, Pool(x, labels, CLASSES, fitted), BATCH, np.random.default_rng(0))
        )
        yield f"query, {name}", Result(seconds, "s")


def embedding() -> Iterator[tuple[str, Result]]:
    """Texts that the packaged model embeds per second."""
    texts = [message.text for message in messages()]
    encode = load("minilm").encode
    encode(texts[:32])
    yield "embed, minilm", Result(len(texts) / head.median_seconds(lambda: encode(texts)), "texts/s")


def runs() -> Iterator[tuple[str, Result]]:
    """Seconds of a simulated run on the demo's messages."""
    with tempfile.TemporaryDirectory() as cache:
        folder = Path(ml_backend.commands.demo.__path__[0])
        arrays = simulated_runs.embedded(folder, "messages", Path(cache))
    for name in RUNS:
        yield f"simulated run, {name}", Result(simulated_runs.our_curve(arrays, name, CYCLES).seconds, "s")


def arrays() -> Iterator[tuple[str, Result]]:
    """Seconds to read a pool's arrays from the store: all of them, and what changed after one more label."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'store.db'}"
        large_pool.fill(url, TASKS)
        store = Store(url)
        first_read = head.median_seconds(lambda: ArrayCache(store).arrays(large_pool.PROJECT, large_pool.MODEL))
        yield f"read {TASKS:,} tasks", Result(first_read, "s")
        cache = ArrayCache(store)
        cache.arrays(large_pool.PROJECT, large_pool.MODEL)
        labels = iter(range(large_pool.LABELS + 1, TASKS))

        def one_label() -> None:
            large_pool.annotate(store, next(labels))
            cache.arrays(large_pool.PROJECT, large_pool.MODEL)

        yield f"read one label of {TASKS:,} tasks", Result(head.median_seconds(one_label), "s")
        store.close()


def requests() -> Iterator[tuple[str, Result]]:
    """Median milliseconds of a request with many callers at once and an idle worker."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {"WEBHOOK_SECRET": http_latency.SECRET, "LOG_LEVEL": "WARNING"}
        backend = BackendProcess(Path(folder), free_port(0), "http://127.0.0.1:9", "no-key", environment)
        try:
            backend.start()
            for call in http_latency.calls(auth=False):
                asyncio.run(http_latency.latencies(backend.port, call, CALLERS, 5 * CALLERS))
                taken = asyncio.run(http_latency.latencies(backend.port, call, CALLERS, REQUESTS))
                yield f"request, {call.name}", Result(float(np.median(taken)), "ms")
        finally:
            backend.stop()


GROUPS: dict[str, Callable[[], Iterator[tuple[str, Result]]]] = {
    "fit": fits,
    "query": queries,
    "embed": embedding,
    "run": runs,
    "read": arrays,
    "request": requests,
}


def measure(groups: list[str], rounds: int, show_status: Callable[[str], None]) -> Measured:
    """Medians over the rounds."""
    values: dict[str, list[Result]] = {}
    for number in range(rounds):
        for group in groups:
            show_status(f"round {number + 1} of {rounds}: {group}")
            for name, result in GROUPS[group]():
                values.setdefault(name, []).append(result)
    results = {
        name: Result(float(np.median([result.value for result in several])), several[0].unit)
        for name, several in values.items()
    }
    return Measured(datetime.date.today().isoformat(), machine(), versions(), results)


def machine() -> str:
    """Processor, cores and memory."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    processor = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{processor or platform.processor() or platform.machine()}, {os.cpu_count()} cores, {memory:.0f} GB"


def versions() -> dict[str, str]:
    """Python's version and those of the packages that decide how fast it is."""
    by_package = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            by_package[package] = version(package)
        except PackageNotFoundError:
            by_package[package] = "not installed"
    return by_package


def stored(file: Path) -> Measured | None:
    """The baseline, or None if none was stored yet."""
    if not file.exists():
        return None
    content: dict[str, Any] = json.loads(file.read_text())
    content["results"] = {name: Result(**result) for name, result in content["results"].items()}
    return Measured(**content)


def show(console: Console, baseline: Measured | None, now: Measured) -> None:
    """Print the table, and the machine and versions of both measurements."""
    table = Table("", "unit", "baseline", "now", "ratio")
    for column in table.columns[2:]:
        column.justify = "right"
    ratios = []
    for name, result in now.results.items():
        before = baseline.results.get(name) if baseline else None
        ratio = result.slower_than(before) if before else None
        ratios += [] if ratio is None else [ratio]
        table.add_row(
            name,
            result.unit,
            f"{before.value:.4g}" if before else "",
            f"{result.value:.4g}",
            f"{ratio:.2f}" if ratio else "",
        )
    console.print(table)
    if ratios:
        console.print(f"Median ratio {np.median(ratios):.2f}, worst {max(ratios):.2f}; above 1 is slower.")
    for title, measured in (("baseline", baseline), ("now", now)):
        if measured is not None:
            packages = ", ".join(f"{name} {number}" for name, number in measured.versions.items())
            console.print(f"{title}: {measured.day}, {measured.machine}; {packages}", soft_wrap=True)
    if baseline is None:
        console.print(f"No baseline in {BASELINE.name} yet: --write stores these numbers.")
    elif baseline.machine != now.machine:
        console.print("Another machine than the baseline's: only ratios of ratios mean something.")


def main(
    write: Annotated[bool, typer.Option("--write", help="Store the result as the new baseline.")] = False,
    only: Annotated[str, typer.Option(help=f"Groups, with commas between: {', '.join(GROUPS)}.")] = ",".join(GROUPS),
    rounds: Annotated[int, typer.Option(min=1, help="Times that every group is measured; medians count.")] = 3,
) -> None:
    """Measure, compare with the baseline, and print the table."""
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    groups = only.split(",")
    unknown = [group for group in groups if group not in GROUPS]
    if unknown:
        raise typer.BadParameter(f"unknown: {', '.join(unknown)}; groups: {', '.join(GROUPS)}", param_hint="--only")
    console = Console(width=120, highlight=False)
    baseline = stored(BASELINE)
    with console.status("") as status:
        now = measure(groups, rounds, status.update)
    show(console, baseline, now)
    if write:
        unmeasured = baseline.results if baseline and set(groups) != set(GROUPS) else {}
        content = asdict(Measured(now.day, now.machine, now.versions, {**unmeasured, **now.results}))
        BASELINE.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n")
        console.print(f"stored in {BASELINE}")


if __name__ == "__main__":
    typer.run(main)
