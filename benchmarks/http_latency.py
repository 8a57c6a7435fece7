"""How fast the server answers Label Studio with many callers at once: /health, /setup and /webhook.

    python benchmarks/http_latency.py

Starts `python -m ml_backend serve` on embedded storage in a temporary folder, once without and once with basic auth.
Callers run in one event loop of this process, each over a new connection for every request, as Label Studio does.
Full: each sends its next request when the last is answered, so that the server is always saturated. Steady: each
sends five per second, the most that people who label could. Idle: the worker has nothing to do. Busy: the worker
embeds texts all the time.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from processes import tree
from rich.console import Console
from rich.table import Table

from ml_backend.commands.demo.backend_process import BackendProcess
from ml_backend.commands.demo.label_studio_process import free_port
from ml_backend.commands.demo.messages import label_config
from ml_backend.labelstudio.connection import SECRET_HEADER
from ml_backend.labelstudio.texts import text_hash
from ml_backend.settings import Settings
from ml_backend.store import Store
from ml_backend.worker.queue import TaskQueue

PROJECT = 1
CONFIG = label_config([f"class {i}" for i in range(10)])
USER, PASSWORD, SECRET = "label-studio", "a-password", "a-secret-for-webhooks"
AIM_MS = 20.0
STEADY_SECONDS = 0.2
"""Between the requests of one caller: 20 callers send 100 per second."""


@dataclass(frozen=True)
class Call:
    """A request as Label Studio sends it, by the name it has in the table."""

    name: str
    method: str
    path: str
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()

    def raw(self, port: int) -> bytes:
        """The bytes on the wire."""
        lines = [f"{self.method} {self.path} HTTP/1.1", f"Host: localhost:{port}", "Connection: close"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        if self.body:
            lines += ["Content-Type: application/json", f"Content-Length: {len(self.body)}"]
        return "\r\n".join([*lines, "", ""]).encode() + self.body


def calls(auth: bool, secret_of_project: str) -> list[Call]:
    """The three calls; with `auth` they carry the credentials that the server then requires."""
    credentials = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    basic = (("Authorization", f"Basic {credentials}"),) if auth else ()
    secret = ((SECRET_HEADER, secret_of_project),) if auth else ()
    project = {"id": PROJECT, "title": "benchmark", "label_config": CONFIG, "sampling": "Uncertainty sampling"}
    setup = {
        "project": f"{PROJECT}.1795470497",
        "schema": CONFIG,
        "hostname": "",
        "access_token": "",
        "extra_params": None,
    }
    choice = {"from_name": "topic", "to_name": "message", "type": "choices", "value": {"choices": ["class 1"]}}
    annotation = {"id": 7, "task": 5, "was_cancelled": False, "result": [choice], "completed_by": 1}
    event = {"action": "ANNOTATION_CREATED", "annotation": annotation, "project": project}
    return [
        Call("/health", "GET", "/health"),
        Call("/setup", "POST", "/setup", json.dumps(setup).encode(), basic),
        Call("/webhook", "POST", "/webhook", json.dumps(event).encode(), secret),
    ]


async def latencies(port: int, call: Call, callers: int, requests: int, every: float = 0.0) -> np.ndarray:
    """Milliseconds from opening the connection to the last byte, (requests,) float64.

    every: seconds between the requests of one caller; 0 sends the next when the last is answered.
    Raises RuntimeError for any status but 200.
    """
    message = call.raw(port)
    left = iter(range(requests))
    taken: list[float] = []

    async def caller(number: int) -> None:
        # Callers start at different times, as people do.
        due = time.perf_counter() + every * number / callers
        for _ in left:
            await asyncio.sleep(max(0.0, due - time.perf_counter()) if every else 0)
            due += every
            started = time.perf_counter()
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(message)
            answer = await reader.read(-1)
            taken.append(1000 * (time.perf_counter() - started))
            writer.close()
            if not answer.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(f"{call.name} answered {answer[:200]!r}")

    await asyncio.gather(*(caller(number) for number in range(callers)))
    return np.array(taken)


class BusyWorker:
    """Keeps the worker embedding for as long as the block lasts."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def __enter__(self) -> None:
        self._queue = TaskQueue(self._settings)
        rng = np.random.default_rng(0)
        words = [f"word{i}" for i in range(500)]
        sent = [[" ".join(rng.choice(words, 30)) for _ in range(64)] for _ in range(60)]
        for texts in sent:
            self._queue.embed_soon("minilm", {text_hash(text): text for text in texts})
        _wait_until_embedded(self._settings, sent[0][0])

    def __exit__(self, *_: object) -> None:
        self._queue.huey.flush()
        time.sleep(3.0)


def _wait_until_embedded(settings: Settings, text: str) -> None:
    store = Store(settings.database_url)
    deadline = time.monotonic() + 60
    while not store.embeddings("sentence-transformers/all-MiniLM-L6-v2", [text_hash(text)]):
        if time.monotonic() > deadline:
            raise RuntimeError("the worker does not embed")
        time.sleep(0.1)
    store.close()


def add_project(settings: Settings) -> str:
    """Add the project, since events of others are not stored; returns the secret of its webhook."""
    store = Store(settings.database_url)
    store.ensure_project(PROJECT, label_config=CONFIG)
    secret = store.project_webhook_secret(PROJECT, store.webhook_secret(SECRET))
    store.close()
    return secret


def measure(console: Console, table: Table, auth: bool, callers: int, requests: int) -> None:
    """Start a server, measure it idle and busy, stop it."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {"WEBHOOK_SECRET": SECRET, "LOG_LEVEL": "WARNING", "THREADS": os.environ.get("THREADS", "")}
        if auth:
            environment |= {"BASIC_AUTH_USER": USER, "BASIC_AUTH_PASS": PASSWORD}
        # No Label Studio listens at this address: only the server is measured.
        backend = BackendProcess(Path(folder), free_port(0), "http://127.0.0.1:9", "no-key", environment)
        settings = Settings(model_dir=backend.folder)
        try:
            backend.start()
            secret = add_project(settings)
            for call in calls(auth, secret):
                asyncio.run(latencies(backend.port, call, callers, 10 * callers))
            time.sleep(3.0)
            _rows(table, "idle", auth, secret, backend, callers, requests)
            with console.status("worker busy"), BusyWorker(settings):
                _rows(table, "busy", auth, secret, backend, callers, requests)
        finally:
            backend.stop()


def _rows(
    table: Table, worker: str, auth: bool, secret: str, backend: BackendProcess, callers: int, requests: int
) -> None:
    # A steady load takes long: a fifth of the requests are enough for a p99.
    loads = [("full", 0.0, requests), ("steady", STEADY_SECONDS, requests // 5)]
    for call, (load, every, n) in itertools.product(calls(auth, secret), loads):
        started, cpu = time.perf_counter(), _server_cpu(backend)
        taken = asyncio.run(latencies(backend.port, call, callers, n, every))
        seconds, cpu = time.perf_counter() - started, _server_cpu(backend) - cpu
        p50, p99 = np.percentile(taken, [50, 99])
        table.add_row(
            call.name,
            "yes" if auth else "no",
            worker,
            load,
            f"{p50:.1f}",
            f"[{'green' if p99 <= AIM_MS else 'red'}]{p99:.1f}[/]",
            f"{n / seconds:,.0f}",
            f"{1000 * cpu / n:.2f}",
        )


def _server_cpu(backend: BackendProcess) -> float:
    assert backend.process is not None
    return sum(process.cpu for process in tree(backend.process.pid) if not process.is_worker)


def main(
    callers: Annotated[int, typer.Option(min=1, help="Callers at the same time.")] = 20,
    requests: Annotated[int, typer.Option(min=500, help="Requests of each kind at full load.")] = 2000,
) -> None:
    """p50 and p99 of /health, /setup and /webhook under parallel callers, worker idle and busy."""
    console = Console()
    table = Table("call", "auth", "worker", "load", "p50 ms", "p99 ms", "per s", "CPU ms")
    for auth in (False, True):
        measure(console, table, auth, callers, requests)
    console.print(table)
    console.print(
        f"{callers} callers, {requests:,} requests a row at full load and {requests // 5:,} steady "
        f"({callers / STEADY_SECONDS:.0f} a second in all), a new connection each, on {os.cpu_count()} cores that "
        f"server, worker and callers share; CPU is the server's a request; Python {sys.version.split()[0]}. "
        f"Aim: p99 ≤ {AIM_MS:.0f} ms."
    )


if __name__ == "__main__":
    typer.run(main)
