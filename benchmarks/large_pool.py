"""One run's own work on a large pool, without Label Studio: time and memory to read, fit and query.

    python benchmarks/large_pool.py --tasks 1000000

Synthetic tasks and vectors are put into a SQLite store by another process; then the arrays are read as a worker does at
its start, and one more label is added and learned from, as in every later run.
"""

from __future__ import annotations

import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from processes import tree
from rich.console import Console
from rich.table import Table

from ml_backend.annotation import Annotation
from ml_backend.commands.demo.messages import label_config
from ml_backend.labelstudio.client import LabelStudio, ProjectInfo
from ml_backend.labelstudio.label_config import parse
from ml_backend.learning import Embedder
from ml_backend.pipeline.array_cache import ArrayCache
from ml_backend.pipeline.context import RunContext, Services
from ml_backend.pipeline.counts import counts
from ml_backend.pipeline.learning_data import learning_data, situation
from ml_backend.pipeline.retrain_policy import reason_to_learn
from ml_backend.pipeline.select import propose
from ml_backend.pipeline.task_rows import NO_ROWS
from ml_backend.project_settings import ProjectSettings
from ml_backend.store import Store
from ml_backend.store.records import TaskRecord

PROJECT, MODEL, DIMENSIONS = 1, "synthetic", 384
CLASSES = [f"class {i}" for i in range(10)]
CONFIG = parse(label_config(CLASSES))
AT_ONCE = 20_000


def fill(url: str, n: int, labels: int) -> None:
    """n tasks of different texts with unit vectors, and the first labels."""
    store = Store(url)
    store.create()
    store.ensure_project(PROJECT)
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(len(CLASSES), DIMENSIONS)).astype(np.float32)
    for start in range(0, n, AT_ONCE):
        ids = range(start + 1, min(n, start + AT_ONCE) + 1)
        hashes = [f"{i:032x}" for i in ids]
        vectors = rng.standard_normal((len(ids), DIMENSIONS), dtype=np.float32) + centres[[i % 10 for i in ids]]
        records = [TaskRecord(PROJECT, i, h, None, None) for i, h in zip(ids, hashes, strict=True)]
        store.upsert_tasks(PROJECT, records, {})
        store.put_embeddings(MODEL, hashes, vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
    annotate(store, *range(1, labels + 1))
    store.close()


def annotate(store: Store, *task_ids: int) -> None:
    """Give tasks their gold labels, one a second."""
    store.replace_annotations(PROJECT, {task_id: [gold(task_id)] for task_id in task_ids})


def gold(task_id: int) -> Annotation:
    """The annotation of a task with its gold label."""
    value = {"choices": [CLASSES[task_id % 10]]}
    result = [{"from_name": "topic", "to_name": "message", "type": "choices", "value": value}]
    return Annotation(task_id, task_id, 1, False, result, "", created_at=float(task_id))


class Clock:
    """Measures the time of each step and the process's memory after it."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def step(self, name: str, work: Callable[[], Any]) -> Any:
        """Run `work`, and add a row with its seconds and the process's memory."""
        started = time.perf_counter()
        value = work()
        seconds = time.perf_counter() - started
        me = next(p for p in tree(os.getpid()) if p.pid == os.getpid())
        self._table.add_row(name, f"{seconds:.3f}", f"{me.resident / 2**20:,.0f}", f"{me.peak / 2**20:,.0f}")
        return value


def run_of(store: Store, cache: ArrayCache) -> RunContext:
    """A run of the project, which sends Label Studio no request."""
    nowhere = LabelStudio("http://localhost:9", "key")
    services = Services(store, nowhere, cache, lambda _: Embedder(MODEL), MODEL, webhook_secret="")
    project = store.ensure_project(PROJECT)
    info = ProjectInfo(PROJECT, "", "", "", "", 0, 0, 0)
    return RunContext(services, project, info, ProjectSettings(), CONFIG, reasons=())


def main(
    tasks: Annotated[int, typer.Option(min=1000, help="Tasks in the pool.")] = 200_000,
    labels: Annotated[int, typer.Option(min=20, help="Labels so far.")] = 500,
    strategies: Annotated[str, typer.Option(help="Query strategies, separated by commas.")] = "margin",
) -> None:
    """Seconds and memory of one run's own work on a large pool."""
    console = Console()
    table = Table("step", "seconds", "resident MB", "peak MB")
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'store.db'}"
        with console.status(f"filling the store with {tasks:,} tasks"):
            filler = multiprocessing.get_context("spawn").Process(target=fill, args=(url, tasks, labels))
            filler.start()
            filler.join()
        store = Store(url)
        cache, clock = ArrayCache(store), Clock(table)
        clock.step("before", lambda: None)
        clock.step("read all, at the worker's start", lambda: cache.arrays(PROJECT, MODEL))
        annotate(store, labels + 1)
        clock.step("read one label", lambda: cache.arrays(PROJECT, MODEL))
        run = run_of(store, cache)
        data = clock.step("labels, changes and pool", lambda: learning_data(run, MODEL))
        clock.step(
            "whether to learn", lambda: reason_to_learn(situation(run, data, None, False, False, False, NO_ROWS))
        )
        clock.step("counts", lambda: counts(data, run.settings, CONFIG, None, missing=0, changed=0))
        clock.step("store the labels of the fit", lambda: store.put_fitted_labels(PROJECT, data.changed))
        clock.step("labels, changes and pool, next run", lambda: learning_data(run, MODEL))
        for strategy in strategies.split(","):
            settings = ProjectSettings(strategy=strategy)
            clock.step(
                f"fit and query, {strategy}", lambda s=settings: propose(s, data.pool, len(CLASSES), 0, reserve=0)
            )
        store.close()
    console.print(table)
    console.print(
        f"{tasks:,} tasks × {DIMENSIONS} float32 = {tasks * DIMENSIONS * 4 / 2**20:,.0f} MB of vectors, {labels:,} "
        f"labels, 10 classes, batch of 20, SQLite, {os.cpu_count()} cores. A worker's encoder comes on top."
    )


if __name__ == "__main__":
    typer.run(main)
