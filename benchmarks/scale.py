"""A large project in a real Label Studio on PostgreSQL: import, first batch, label to next batch, memory, quiet sync.

    python benchmarks/scale.py                       # 20,000 short tasks
    python benchmarks/scale.py --tasks 200000

Reading from Label Studio, choosing and publishing are real. Vectors are synthetic and put into the backend's database
before it starts, since embedding is measured by `embedding.py` and takes minutes; `--embed` embeds for real, and then
`all vectors` is the time until the last text has its vector. Both databases are on PostgreSQL, the settings are the
defaults but for `retrain_every`, 1 here, so that each label makes a batch due.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from live_loop import WARM_UP, Annotator, Label, memory, vectors
from on_postgresql import DEFAULT_SERVER, PostgresServer, Stack, Template, bars, running_stack
from rich.console import Console
from rich.table import Table

from ml_backend.labelstudio.texts import text_hash
from ml_backend.learning.embedding.embedder import PACKAGED
from ml_backend.pipeline.run import run_project
from ml_backend.store.states import RunReason
from ml_backend.worker.process import services_of

VECTORS_AT_ONCE = 5_000
QUIET_RUNS = 5
PATIENCE = 7200.0
LONGEST_PAUSE = 600.0


@dataclass
class Measured:
    """Seconds, and MB of memory.

    quiet: whole runs in which nothing had changed; quiet_requests: how many each sent to Label Studio.
    """

    imported: float = 0.0
    first_batch: float = 0.0
    all_read: float = 0.0
    all_vectors: float = 0.0
    labels: list[Label] = field(default_factory=list)
    quiet: list[float] = field(default_factory=list)
    quiet_requests: int = 0
    memory: dict[str, float] = field(default_factory=dict)


def put_vectors(stack: Stack, annotator: Annotator, advance: Callable[[int], None]) -> None:
    """Store a synthetic vector for each text."""
    hashes, X = [text_hash(text.text) for text in annotator.texts], vectors(annotator.texts)
    for start in range(0, len(hashes), VECTORS_AT_ONCE):
        chunk = slice(start, start + VECTORS_AT_ONCE)
        stack.store.put_embeddings(PACKAGED, hashes[chunk], X[chunk])
        advance(len(hashes[chunk]))


def wait_until_prepared(stack: Stack, annotator: Annotator, measured: Measured, console: Console) -> None:
    """Wait until all tasks are read and all texts have a vector, with two progress bars."""
    started, total = time.monotonic(), len(annotator.texts)
    with bars(console) as progress:
        read_bar = progress.add_task("tasks read", total=total)
        embedded_bar = progress.add_task("texts with a vector", total=total)
        while time.monotonic() - started < PATIENCE:
            read = stack.store.task_count(annotator.project_id)
            embedded = read - stack.store.count_missing_embeddings(annotator.project_id, PACKAGED)
            progress.update(read_bar, completed=read)
            progress.update(embedded_bar, completed=embedded)
            if read == total and not measured.all_read:
                measured.all_read = time.monotonic() - started
            if embedded == total:
                measured.all_vectors = time.monotonic() - started
                break
            time.sleep(1.0)
        else:
            raise RuntimeError(f"not all texts have a vector after {PATIENCE:.0f} s")
    if not stack.wait_until_quiet(LONGEST_PAUSE):
        raise RuntimeError(f"after {LONGEST_PAUSE:.0f} s the backend is still at work")


def quiet_runs(stack: Stack, project_id: int, measured: Measured) -> None:
    """Run the project again and again in this process, when nothing has changed; the backend has to be stopped."""
    services = services_of(stack.settings)
    run_project(services, project_id, [RunReason.START])  # reads the arrays, as a worker does once
    for _ in range(QUIET_RUNS):
        services.client.take_request_stats()
        started = time.monotonic()
        run_project(services, project_id, [RunReason.EVERY_MINUTE])
        measured.quiet.append(time.monotonic() - started)
        measured.quiet_requests = services.client.take_request_stats()[0]
    services.client.close()
    services.store.close()


def measure(stack: Stack, tasks: int, labels: int, embed: bool, console: Console) -> Measured:
    """Measure one size, from an empty project to the last quiet run."""
    annotator = Annotator(stack.label_studio, stack.backend, stack.store, tasks)
    with bars(console) as progress:
        bar = progress.add_task("import by Label Studio", total=tasks)
        measured = Measured(annotator.import_tasks(lambda n: progress.advance(bar, n)))
        if not embed:
            bar = progress.add_task("synthetic vectors", total=tasks)
            put_vectors(stack, annotator, lambda n: progress.advance(bar, n))
    with console.status("the first batch"):
        stack.backend.start()
        measured.first_batch = annotator.connect(["retrain_every=1"])
    wait_until_prepared(stack, annotator, measured, console)
    with bars(console) as progress:
        bar = progress.add_task("labels", total=WARM_UP + labels)
        for i in range(WARM_UP + labels):
            label = annotator.label()
            if i >= WARM_UP:
                measured.labels.append(label)
            progress.advance(bar)
    measured.memory = memory(stack.backend)
    with console.status("runs in which nothing has changed"):
        stack.wait_until_quiet(LONGEST_PAUSE)
        stack.backend.stop()
        quiet_runs(stack, annotator.project_id, measured)
    annotator.client.close()
    return measured


def print_results(console: Console, measured: Measured, tasks: int, embed: bool) -> None:
    """Print the table."""
    totals = [label.total for label in measured.labels]
    table = Table("", f"{tasks:,} tasks")
    table.add_row("import by Label Studio s", f"{measured.imported:.1f}")
    table.add_row("first batch after connecting s", f"{measured.first_batch:.1f}")
    table.add_row("  all tasks read s after it", f"{measured.all_read:.0f}")
    table.add_row("  all vectors s after it", f"{measured.all_vectors:.0f}" if embed else "synthetic")
    table.add_row("label → next batch s, median / slowest", f"{np.median(totals):.2f} / {max(totals):.2f}")
    table.add_row("  of it outside Label Studio", f"{np.median([label.ours for label in measured.labels]):.2f}")
    table.add_row("  requests to Label Studio", f"{np.median([label.requests for label in measured.labels]):.0f}")
    table.add_row("next s, median", f"{np.median([label.next for label in measured.labels]):.2f}")
    table.add_row("sync when nothing changed s", f"{np.median(measured.quiet):.2f}")
    table.add_row("  requests to Label Studio", str(measured.quiet_requests))
    for process, megabytes in measured.memory.items():
        table.add_row(f"{process} MB", f"{megabytes:,.0f}")
    console.print(table)
    console.print(
        f"Label → next batch: {len(totals)} labels after {WARM_UP} to warm up, retrain_every=1. Sync when nothing "
        f"changed: median of {QUIET_RUNS} whole runs for the reason {RunReason.EVERY_MINUTE.value!r}. On "
        f"{os.cpu_count()} cores that PostgreSQL, Label Studio and the backend share; resident memory counts shared "
        "pages in each process."
    )


def main(
    tasks: Annotated[int, typer.Option(min=100, help="Texts in the project.")] = 20_000,
    labels: Annotated[int, typer.Option(min=1, help="Labels measured.")] = 8,
    embed: Annotated[bool, typer.Option("--embed", help="Embed the texts for real.")] = False,
    postgresql: PostgresServer = DEFAULT_SERVER,
    template: Template = None,
) -> None:
    """Times, memory and requests of a large project."""
    console = Console(highlight=False)
    with tempfile.TemporaryDirectory() as folder, running_stack(postgresql, Path(folder), console, template) as stack:
        measured = measure(stack, tasks, labels, embed, console)
    print_results(console, measured, tasks, embed)


if __name__ == "__main__":
    typer.run(main)
