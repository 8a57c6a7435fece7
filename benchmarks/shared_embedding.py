"""How fast 1, 2 and 4 workers embed one project together.

    python benchmarks/shared_embedding.py                  # an embedder that sleeps 10 ms a text
    python benchmarks/shared_embedding.py --model minilm   # the packaged model, each worker with one thread of torch

Each worker is a process of its own: one leads, as the worker does that runs the project, and the others help.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated, Any, cast

import numpy as np
import typer
from on_postgresql import DEFAULT_SERVER, database

from ml_backend.labelstudio.client import LabelStudio
from ml_backend.learning import Embedder
from ml_backend.learning.embedding.names import canonical_name
from ml_backend.pipeline.array_cache import ArrayCache
from ml_backend.pipeline.context import Services
from ml_backend.pipeline.embed import Limit, Work
from ml_backend.store import Store
from ml_backend.store.records import TaskRecord

PROJECT = 1
SLEEPING = "sleeping"
SECONDS_PER_TEXT = 0.01
LOOK_EVERY = 0.05


class Sleeping:
    """Takes 10 ms a text, and no processor time."""

    name = SLEEPING

    def encode(self, texts: list[str]) -> Any:
        """(N, 32) float32."""
        time.sleep(SECONDS_PER_TEXT * len(texts))
        return np.ones((len(texts), 32), dtype=np.float32)


def load(model: str) -> Embedder:
    """The embedder, which has embedded one text already."""
    if model == SLEEPING:
        return cast(Embedder, Sleeping())
    import torch

    torch.set_num_threads(1)
    embedder = Embedder(model)
    embedder.encode(["a text"])
    return embedder


def work(url: str, model: str, role: str, go: Path) -> None:
    """Lead or help, from the moment on at which the file `go` exists."""
    store, embedder = Store(url), load(model)
    services = Services(store, cast(LabelStudio, None), ArrayCache(store), lambda _: embedder, model, "")
    own = Work(services, PROJECT, embedder)
    print("ready", flush=True)
    while not go.exists():
        time.sleep(0.01)
    if role == "lead":
        missing = store.count_missing_embeddings(PROJECT, embedder.name)
        own.as_leader(missing, Limit(float("inf"), float("inf")), lambda: False, lambda _missing, _said: None)
        return
    while store.count_missing_embeddings(PROJECT, embedder.name):
        if not own.as_helper(lambda: False):
            time.sleep(LOOK_EVERY)


def measure(server: str, model: str, n: int, workers: int) -> float:
    """Seconds until n texts of 5 to 60 words have vectors."""
    rng = np.random.default_rng(0)
    texts = [" ".join(f"word{w}" for w in rng.integers(2000, size=rng.integers(5, 60))) + f" {i}" for i in range(n)]
    with database(server, "shared") as address, tempfile.TemporaryDirectory() as scratch:
        url, go = address.render_as_string(hide_password=False), Path(scratch) / "go"
        store = Store(url)
        store.create()
        records = [TaskRecord(PROJECT, i, f"h{i}", None, "2026") for i in range(n)]
        store.upsert_tasks(PROJECT, records, {f"h{i}": text for i, text in enumerate(texts)})
        command = [sys.executable, __file__, "--url", url, "--model", model, "--go", str(go), "--role"]
        processes = [
            subprocess.Popen([*command, "help" if i else "lead"], stdout=subprocess.PIPE) for i in range(workers)
        ]
        for process in processes:
            assert process.stdout is not None
            process.stdout.readline()
        go.touch()
        started = time.perf_counter()
        while store.count_embedded_texts(PROJECT, canonical_name(model)) < n:
            if any(process.poll() for process in processes):
                raise RuntimeError("a worker failed")
            time.sleep(LOOK_EVERY)
        seconds = time.perf_counter() - started
        for process in processes:
            process.wait()
        store.close()
    return seconds


def main(
    model: Annotated[str, typer.Option(help="The embedding model, or `sleeping`.")] = SLEEPING,
    texts: Annotated[int, typer.Option(help="Number of texts.")] = 3000,
    workers: Annotated[str, typer.Option(help="Numbers of workers, separated by commas.")] = "1,2,4",
    server: Annotated[str, typer.Option(help="Address of a PostgreSQL server.")] = DEFAULT_SERVER,
    url: Annotated[str | None, typer.Option(hidden=True)] = None,
    role: Annotated[str, typer.Option(hidden=True)] = "",
    go: Annotated[Path, typer.Option(hidden=True)] = Path(),
) -> None:
    """Seconds and texts a second, for each number of workers."""
    if url is not None:
        work(url, model, role, go)
        return
    first: float | None = None
    for count in map(int, workers.split(",")):
        seconds = measure(server, model, texts, count)
        first = first or seconds
        print(
            f"{count} workers: {seconds:.1f} s, {texts / seconds:.0f} texts/s, {first / seconds:.2f} times as fast as "
            f"{workers.split(',')[0]}, on {os.cpu_count()} cores",
            flush=True,
        )


if __name__ == "__main__":
    typer.run(main)
