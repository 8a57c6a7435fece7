"""Two servers and two workers on PostgreSQL and Redis are upgraded one after the other while people label.

    git worktree add /tmp/older REVISION    # with schema version 0003 or newer
    python benchmarks/rolling_upgrade.py /tmp/older

People label in the fake Label Studio of the tests, which sends its webhooks to a proxy in front of the two servers. The
older version starts everything and connects the project; then a worker, both servers, and the other worker are stopped
with SIGTERM and started again from this checkout. Texts are embedded by random projection, so that no model is loaded.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

REPOSITORY = Path(__file__).parents[1]
sys.path.append(str(REPOSITORY / "tests"))

from fake_label_studio import FakeLabelStudio  # noqa: E402
from on_postgresql import DEFAULT_SERVER, database  # noqa: E402
from two_server_proxy import Proxy, is_ready  # noqa: E402

from ml_backend.commands.demo.label_studio_process import free_port, stop_group  # noqa: E402
from ml_backend.commands.demo.messages import label_config  # noqa: E402
from ml_backend.labelstudio.client import LabelStudio  # noqa: E402
from ml_backend.settings import variables  # noqa: E402
from ml_backend.store import Store  # noqa: E402

CLASSES = ["billing", "delivery", "returns"]
PATIENCE = 240.0


@dataclass
class Part:
    """A server (with a port) or a worker of one checkout."""

    name: str
    command: list[str]
    environment: dict[str, str]
    log: Path
    port: int | None = None
    process: subprocess.Popen[bytes] | None = None

    def start(self, code: Path) -> None:
        """Start it from this checkout, and wait until a server is ready."""
        environment = os.environ | self.environment | {"PYTHONPATH": str(code)}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "ml_backend", *self.command],
                cwd=code,
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        if self.port is not None:
            wait_until(f"{self.name} is ready", lambda: is_ready(self.port or 0))

    def stop(self) -> None:
        """Send SIGTERM and wait until it has ended."""
        if self.process is not None:
            stop_group(self.process, seconds=60.0)
            self.process = None


class People:
    """Threads that label what Label Studio serves, one label after the other, until they are stopped."""

    def __init__(self, label_studio: FakeLabelStudio, project: int, people: int, pause: float) -> None:
        self._stopping = threading.Event()
        self.labels = 0
        self.nothing_served = 0
        self._pause = pause
        keys = [f"{i:040}" for i in range(people)]
        for i, key in enumerate(keys):
            label_studio.add_user(f"person{i}@example.com", key)
        clients = [LabelStudio(label_studio.url, key) for key in keys]
        self._threads = [
            threading.Thread(target=self._label, args=(client, project, np.random.default_rng(seed)))
            for seed, client in enumerate(clients)
        ]

    def start(self) -> None:
        """Let them begin."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Let them finish the label that they are at."""
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def _label(self, client: LabelStudio, project: int, rng: np.random.Generator) -> None:
        while not self._stopping.wait(self._pause * rng.uniform(0.5, 1.5)):
            task = client.next_task(project)
            if task is None:
                self.nothing_served += 1
                continue
            chosen = CLASSES[task.id % len(CLASSES)]
            result = [{"from_name": "topic", "to_name": "message", "type": "choices", "value": {"choices": [chosen]}}]
            client.annotate(project, task.id, result)
            self.labels += 1


def wait_until(description: str, happened: Any) -> None:
    """Wait until `happened()` is true. Raises RuntimeError after PATIENCE seconds."""
    deadline = time.monotonic() + PATIENCE
    while not happened():
        if time.monotonic() > deadline:
            raise RuntimeError(f"not within {PATIENCE:.0f} s: {description}")
        time.sleep(0.2)


@contextmanager
def redis_server(folder: Path) -> Iterator[str]:
    """The address of a Redis of its own."""
    port = free_port(0)
    command = ["redis-server", "--port", str(port), "--save", "", "--dir", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)
    try:
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        stop_group(process)


def parts(folder: Path, environment: dict[str, str]) -> tuple[list[Part], list[Part]]:
    """Two servers and two workers."""
    servers, workers = [], []
    for i in (1, 2):
        port = free_port(0)
        (folder / f"machine{i}").mkdir()
        of_machine = {**environment, "MODEL_DIR": str(folder / f"machine{i}"), "PORT": str(port)}
        log = folder / f"machine{i}" / "log"
        servers.append(Part(f"server {i}", ["serve", "--no-worker"], of_machine, log, port))
        workers.append(Part(f"worker {i}", ["worker"], of_machine, log))
    return servers, workers


def report(store: Store, label_studio: FakeLabelStudio, project: int, proxy: Proxy, people: People, end: float) -> None:
    """Print what was refused and lost, and the longest time without a new batch."""
    submitted = {a.id for a in label_studio.tables.annotations.values() if a.project == project}
    wait_until("all events are processed", lambda: store.event_count() == 0)
    began = time.monotonic()
    while len(store.annotations(project)) < len(submitted) and time.monotonic() - began < 90:
        time.sleep(0.5)
    kept = {annotation.annotation_id for annotation in store.annotations(project)}
    refused = [(path, status) for _, path, status in proxy.answers if status >= 400]
    batches = store.batches(project, limit=10_000)
    published = sorted(b.published_at for b in batches if b.published_at and b.published_at < end)
    gaps = [after - before for before, after in zip(published, [*published[1:], end], strict=True)]
    print(f"requests through the proxy: {len(proxy.answers):,}; refused: {len(refused)} {refused[:5]}")
    print(
        f"labels submitted: {len(submitted):,}; lost: {len(submitted - kept)}; empty answers: {people.nothing_served}"
    )
    print(f"batches: {len(published)}; longest time without a new one: {max(gaps):.1f} s")
    events = sum(path.endswith("/webhook") for _, path, _ in proxy.answers)
    print(f"webhooks delivered: {events:,}; labels a second: {people.labels / (end - published[0]):.2f}")


def main(
    older: Annotated[Path, typer.Argument(help="Checkout of the older version.")],
    people: Annotated[int, typer.Option(help="Number of people.")] = 4,
    pause: Annotated[float, typer.Option(help="Mean seconds between two labels of a person.")] = 1.5,
    between: Annotated[float, typer.Option(help="Seconds between two steps of the upgrade.")] = 10.0,
    texts: Annotated[int, typer.Option(help="Number of texts.")] = 2000,
    server: Annotated[str, typer.Option(help="Address of a PostgreSQL server.")] = DEFAULT_SERVER,
) -> None:
    """Requests refused, labels lost, and the longest time without a new batch."""
    label_studio = FakeLabelStudio()
    client = LabelStudio(label_studio.url, label_studio.token)
    body = {"title": "rolling", "label_config": label_config(CLASSES)}
    project = int(client.request("POST", "api/projects", body=body)["id"])
    client.request("POST", f"api/projects/{project}/import", body=[{"text": f"text {i}"} for i in range(texts)])
    with (
        tempfile.TemporaryDirectory() as scratch,
        database(server, "rolling") as url,
        redis_server(Path(scratch)) as redis,
    ):
        address = url.render_as_string(hide_password=False)
        environment = dict.fromkeys(variables(), "") | {
            "LABEL_STUDIO_URL": label_studio.url,
            "LABEL_STUDIO_API_KEY": label_studio.token,
            "DATABASE_URL": address,
            "REDIS_URL": redis,
            "EMBEDDING_MODEL": "random-projection",
            "LOG_LEVEL": "WARNING",
        }
        servers, workers = parts(Path(scratch), environment)
        proxy = Proxy([part.port or 0 for part in servers])
        try:
            for part in [*workers, *servers]:  # a server is ready once a worker was seen
                part.start(older.resolve())
            connect = Part("connect", ["connect", str(project), "--backend-url", proxy.url, "--set", "retrain_every=5"],
                           servers[0].environment, Path(scratch) / "connect.log")  # fmt: skip
            connect.start(older.resolve())
            assert connect.process is not None
            if connect.process.wait():
                raise RuntimeError(connect.log.read_text())
            store = Store(address)
            wait_until("a first batch", lambda: client.project(project).model_version.startswith("batch "))
            annotators = People(label_studio, project, people, pause)
            annotators.start()
            time.sleep(between)
            for part in [workers[0], *servers, workers[1]]:
                print(f"{part.name}: upgrading", flush=True)
                part.stop()
                part.start(REPOSITORY)
                time.sleep(between)
            annotators.stop()
            report(store, label_studio, project, proxy, annotators, time.time())
            store.close()
        finally:
            for part in [*servers, *workers]:
                part.stop()
            proxy.stop()
            for part in servers:
                if part.log.exists():
                    print(part.log.read_text()[-1500:])
    client.close()
    label_studio.stop()


if __name__ == "__main__":
    typer.run(main)
