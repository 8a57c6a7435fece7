"""Time from a submitted annotation to the next batch being served, with a real Label Studio and `retrain_every=1`.

    python benchmarks/live_loop.py --pools 1000,10000,50000

For each pool size: a project of generated texts in Label Studio, a backend of its own on embedded storage, labels
given one at a time through Label Studio's API. The store is filled beforehand with the tasks and with synthetic vectors
under the model's name, as reading and embedding would leave it: that saves minutes and changes nothing measured here.

The clock starts when the annotation is sent to Label Studio and stops when its project serves by the new version.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from processes import tree
from rich.console import Console
from rich.table import Table

from ml_backend.commands.connect import connect_project
from ml_backend.commands.demo.backend_process import BackendProcess
from ml_backend.commands.demo.label_studio_process import LabelStudioProcess, free_port, installed
from ml_backend.commands.demo.messages import label_config
from ml_backend.labelstudio.client import LabelStudio
from ml_backend.labelstudio.label_config import parse
from ml_backend.labelstudio.predictions import annotation_result
from ml_backend.labelstudio.texts import text_hash
from ml_backend.learning.embedding.embedder import PACKAGED
from ml_backend.settings import Settings
from ml_backend.store import Store
from ml_backend.store.learning_records import BatchRecord, RunRecord
from ml_backend.store.records import TaskRecord

REPOSITORY = Path(__file__).parents[1]
CLASSES = [f"class {i}" for i in range(10)]
DIMENSIONS = 384
WARM_UP = 4
"""Labels before the measured ones: until there are two classes the initial method chooses."""
IMPORT_AT_ONCE = 10_000
PATIENCE = 300.0
LOOK_EVERY = 0.004
STEPS = ("wait", "sync", "embed", "pool", "fit", "query", "publish")


@dataclass(frozen=True)
class Text:
    """A generated text and the class that its words were drawn for."""

    text: str
    label: int


@dataclass
class Label:
    """One label, in seconds.

    total: until the next batch was served; post: until Label Studio answered the annotation; next: its answer to /next
    after the switch; remote: its answers to the requests of the run; steps: of the run, remote included.
    """

    total: float
    post: float
    next: float
    remote: float
    requests: int
    steps: dict[str, float]

    @property
    def ours(self) -> float:
        """Seconds spent outside Label Studio, but for the webhook's few milliseconds, which are part of `post`."""
        return self.total - self.post - self.remote


@dataclass
class Measured:
    """Measurements of one pool size."""

    pool: int
    import_seconds: float
    first_batch: float
    labels: list[Label] = field(default_factory=list)
    memory: dict[str, float] = field(default_factory=dict)

    def median(self, value: Any) -> float:
        """The median of `value(label)` over the labels."""
        return float(np.median([value(label) for label in self.labels]))


def texts(n: int, seed: int = 0) -> list[Text]:
    """n different short texts: words of a class mixed with words of all."""
    rng = np.random.default_rng(seed)
    common = [f"word{i}" for i in range(400)]
    special = [[f"topic{c}term{i}" for i in range(40)] for c in range(len(CLASSES))]
    labels = rng.integers(len(CLASSES), size=n)
    words, marks = rng.integers(400, size=(n, 9)), rng.integers(40, size=(n, 3))
    return [
        Text(" ".join([*(common[w] for w in words[i]), *(special[c][m] for m in marks[i]), f"no{i}"]), int(c))
        for i, c in enumerate(labels)
    ]


def vectors(sample: Sequence[Text], seed: int = 0) -> np.ndarray:
    """Unit vectors around a centre for each class, (n, 384) float32."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(len(CLASSES), DIMENSIONS)).astype(np.float32)
    embeddings = rng.standard_normal((len(sample), DIMENSIONS), dtype=np.float32)
    embeddings += centres[[text.label for text in sample]]
    return embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)


class Annotator:
    """One project in Label Studio, and a person who labels in it."""

    def __init__(self, label_studio: LabelStudioProcess, backend: BackendProcess, store: Store, n: int) -> None:
        self.client = LabelStudio(label_studio.url, label_studio.token)
        self.backend = backend
        self.store = store
        self.texts = texts(n)
        self.gold: dict[int, str] = {}
        xml = label_config(CLASSES)
        self.config = parse(xml)
        body = {"title": f"{n} texts", "label_config": xml}
        self.project_id = int(self.client.request("POST", "api/projects", body=body)["id"])

    def import_tasks(self, advance: Callable[[int], None] = lambda _n: None) -> float:
        """Import the texts; returns the seconds that Label Studio took. advance: told how many were imported."""
        seconds = 0.0
        path = f"api/projects/{self.project_id}/import?return_task_ids=true"
        for start in range(0, len(self.texts), IMPORT_AT_ONCE):
            chunk = self.texts[start : start + IMPORT_AT_ONCE]
            started = time.perf_counter()
            ids = self.client.request("POST", path, body=[{"text": t.text} for t in chunk])["task_ids"]
            seconds += time.perf_counter() - started
            self.gold.update({i: CLASSES[t.label] for i, t in zip(ids, chunk, strict=True)})
            advance(len(chunk))
        return seconds

    def fill_store(self) -> None:
        """Write into the store what reading the tasks and embedding the texts would have written."""
        newest = self.client.newest_update(self.project_id)
        hashes = [text_hash(t.text) for t in self.texts]
        records = [
            TaskRecord(self.project_id, task_id, h, None, newest) for task_id, h in zip(self.gold, hashes, strict=True)
        ]
        self.store.upsert_tasks(self.project_id, records, {h: t.text for h, t in zip(hashes, self.texts, strict=True)})
        self.store.put_embeddings(PACKAGED, hashes, vectors(self.texts))
        self.store.ensure_project(self.project_id, watermark=newest, text_source="Text:text")

    def connect(self, chosen: list[str]) -> float:
        """Connect the project; returns the seconds until its first batch is served."""
        started = time.perf_counter()
        settings = Settings(
            label_studio_url=self.backend.label_studio_url,
            label_studio_api_key=self.backend.api_key,
            database_url=self.backend.environment.get("DATABASE_URL", ""),
            model_dir=self.backend.folder,
            port=self.backend.port,
        )
        list(connect_project(settings, self.project_id, self.backend.url, chosen))
        self._batch_after(0)
        return time.perf_counter() - started

    def label(self) -> Label:
        """Label what Label Studio serves next and wait until the next batch is served."""
        before = self._batch_when_idle()
        task = self._next(before)
        result = annotation_result([self.gold[task]], self.config)
        started = time.perf_counter()
        self.client.annotate(self.project_id, task, result, lead_time=1.0)
        posted = time.perf_counter()
        batch = self._batch_after(before.number)
        served = time.perf_counter()
        self._next(batch)
        answered = time.perf_counter()
        run = self._run_of(batch)
        return Label(
            total=served - started,
            post=posted - started,
            next=answered - served,
            remote=run.label_studio.seconds,
            requests=run.label_studio.requests,
            steps=run.seconds,
        )

    def _next(self, batch: BatchRecord) -> int:
        task = self.client.next_task(self.project_id)
        if task is None or task.id not in batch.task_ids:
            served = "no task" if task is None else f"task {task.id}"
            raise RuntimeError(f"Label Studio served {served}, and not one of batch {batch.number}")
        return task.id

    def _batch_after(self, number: int) -> BatchRecord:
        def newer() -> BatchRecord | None:
            batch = self.store.current_batch(self.project_id)
            return batch if batch is not None and batch.number > number else None

        next_batch: BatchRecord = self._wait(newer, f"a batch after number {number}")
        return next_batch

    def _run_of(self, batch: BatchRecord) -> RunRecord:
        def written() -> RunRecord | None:
            runs = self.store.runs(self.project_id, limit=1)
            return runs[-1] if runs and runs[-1].batch == batch.number else None

        run: RunRecord = self._wait(written, f"the history of batch {batch.number}")
        return run

    def _batch_when_idle(self) -> BatchRecord:
        """Wait until no run is under way or requested, as it is while a person reads the next text."""

        def quiet() -> bool:
            return not (self.store.lease_owners() or self.store.pending_projects() or self.store.event_count())

        self._wait(quiet, "the end of all runs")
        batch = self.store.current_batch(self.project_id)
        assert batch is not None
        return batch

    def _wait(self, happened: Any, description: str) -> Any:
        deadline = time.monotonic() + PATIENCE
        while not (value := happened()):
            if time.monotonic() > deadline:
                raise RuntimeError(
                    f"not within {PATIENCE:.0f} s: {description}; the log: {self.backend.log.read_text()[-3000:]}"
                )
            time.sleep(LOOK_EVERY)
        return value


def measure(
    label_studio: LabelStudioProcess, folder: Path, n: int, labels: int, strategy: str, show_status: Any
) -> Measured:
    """Measure one pool size, from an empty project to the last label."""
    backend = BackendProcess(folder, free_port(0), label_studio.url, label_studio.token, {"LOG_LEVEL": "WARNING"})
    backend.folder.mkdir(parents=True)
    store = Store(f"sqlite:///{backend.folder / 'active_learning.db'}")
    store.create()
    annotator = Annotator(label_studio, backend, store, n)
    try:
        show_status(f"{n:,} tasks: importing")
        measured = Measured(n, annotator.import_tasks(), 0.0)
        annotator.fill_store()
        show_status(f"{n:,} tasks: the first batch")
        backend.start()
        measured.first_batch = annotator.connect(["retrain_every=1", f"strategy={strategy}"])
        for i in range(WARM_UP + labels):
            show_status(f"{n:,} tasks: label {i + 1} of {WARM_UP + labels}")
            label = annotator.label()
            if i >= WARM_UP:
                measured.labels.append(label)
        measured.memory = memory(backend)
    finally:
        backend.stop()
        store.close()
        annotator.client.close()
    return measured


def memory(backend: BackendProcess) -> dict[str, float]:
    """Resident MB of server and worker, and the most that the worker ever had."""
    assert backend.process is not None
    processes = tree(backend.process.pid)
    worker = [p for p in processes if p.is_worker]
    return {
        "server": sum(p.resident for p in processes if not p.is_worker) / 2**20,
        "worker": sum(p.resident for p in worker) / 2**20,
        "worker peak": sum(p.peak for p in worker) / 2**20,
    }


def print_results(console: Console, measurements: list[Measured], strategy: str) -> None:
    """Print the tables."""
    times = Table(
        "pool", "label → served s", "slowest", "ours", "Label Studio", "of it saving the label", "requests", "/next s"
    )
    for m in measurements:
        times.add_row(
            f"{m.pool:,}",
            f"[bold]{m.median(lambda label: label.total):.2f}[/]",
            f"{max(label.total for label in m.labels):.2f}",
            f"{m.median(lambda label: label.ours):.2f}",
            f"{m.median(lambda label: label.post + label.remote):.2f}",
            f"{m.median(lambda label: label.post):.2f}",
            f"{m.median(lambda label: label.requests):.0f}",
            f"{m.median(lambda label: label.next):.2f}",
        )
    console.print(times)
    steps = Table("seconds of the run", *(f"{m.pool:,}" for m in measurements))
    for step in STEPS:
        steps.add_row(step, *(f"{m.median(lambda label, s=step: label.steps.get(s, 0.0)):.3f}" for m in measurements))
    steps.add_row("of it Label Studio", *(f"{m.median(lambda label: label.remote):.3f}" for m in measurements))
    console.print(steps)
    resources = Table("pool", "import by Label Studio s", "first batch s", "server MB", "worker MB", "worker peak MB")
    for m in measurements:
        memory_columns = [f"{m.memory[name]:,.0f}" for name in ("server", "worker", "worker peak")]
        resources.add_row(f"{m.pool:,}", f"{m.import_seconds:.1f}", f"{m.first_batch:.1f}", *memory_columns)
    console.print(resources)
    console.print(
        f"Medians of {len(measurements[0].labels)} labels after {WARM_UP} to warm up; strategy {strategy}, 10 classes, "
        f"batches of 20, retrain_every=1, SQLite, on {os.cpu_count()} cores that Label Studio shares. Texts are "
        f"generated; tasks and synthetic vectors of {DIMENSIONS} dimensions were put into the store beforehand. "
        "Resident memory counts shared pages in each process."
    )


@contextmanager
def running(folder: Path) -> Iterator[LabelStudioProcess]:
    """A Label Studio of its own."""
    process = LabelStudioProcess(installed(REPOSITORY / ".venv-labelstudio"), folder, free_port(0))
    process.start()
    try:
        yield process
    finally:
        process.stop()


def main(
    pools: Annotated[str, typer.Option(help="Pool sizes, separated by commas.")] = "1000,10000,50000",
    labels: Annotated[int, typer.Option(min=1, help="Labels measured for each pool.")] = 12,
    strategy: Annotated[str, typer.Option(help="The query strategy.")] = "badge",
) -> None:
    """Seconds from a submitted annotation to the next batch being served, by step, and resident memory."""
    console = Console()
    measurements: list[Measured] = []
    with (
        tempfile.TemporaryDirectory() as scratch,
        console.status("starting Label Studio") as status,
        running(Path(scratch) / "label-studio") as label_studio,
    ):
        for n in [int(size) for size in pools.split(",")]:
            measurements.append(measure(label_studio, Path(scratch) / str(n), n, labels, strategy, status.update))
    print_results(console, measurements, strategy)


if __name__ == "__main__":
    typer.run(main)
