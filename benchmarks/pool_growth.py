"""Seconds and memory of a query as the pool grows to a million texts.

    python benchmarks/pool_growth.py
    python benchmarks/pool_growth.py --sizes 100000x384 --only badge,coreset

Each query runs in a process of its own. Memory is the highest resident size during the query minus that just before it,
when the matrix, the labels and the head are in memory. 77 classes, 500 labels, 100 to choose.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table
from synthetic_pool import clusters, first_labels

from ml_backend.learning import Head, Pool, initial, strategies

CLASSES, LABELED, BATCH = 77, 500, 100


def main(
    sizes: Annotated[str, typer.Option(help="Rows × dimensions, with commas between.")] = (
        "10000x384,100000x384,1000000x384,100000x4096"
    ),
    only: Annotated[str, typer.Option(help="Strategies to run, with commas between; all by default.")] = "",
    starts: Annotated[bool, typer.Option(help="Run the initial methods too.")] = True,
    half: Annotated[bool, typer.Option(help="Keep the matrix in float16.")] = False,
    one: Annotated[str, typer.Option(hidden=True)] = "",
) -> None:
    """Print a table with a row for each strategy and, for each size, seconds and MB."""
    if one:
        print(json.dumps(_query(*one.split(":"))))
        return
    chosen = [f"strategy:{name}" for name in (only.split(",") if only else strategies.names())]
    if starts:
        chosen += [f"initial:{name}" for name in initial.names()]
    results: dict[str, list[str]] = {name: [] for name in chosen}
    console = Console(width=140)
    for size in sizes.split(","):
        rows, dimensions = map(int, size.split("x"))
        with tempfile.TemporaryDirectory() as folder:
            x, y = clusters(rows, dimensions, CLASSES, file=Path(folder) / "x.npy")
            if half:
                np.save(Path(folder) / "x.npy", np.asarray(x, dtype=np.float16))
            np.save(Path(folder) / "labels.npy", first_labels(y, LABELED))
            del x
            for name in chosen:
                with console.status(f"{size} {name}"):
                    results[name] += _in_a_process(name, folder)
    table = Table(title=f"{BATCH} texts to choose, {LABELED} labels (initial: none), {CLASSES} classes")
    table.add_column("query")
    for size in sizes.split(","):
        table.add_column(f"{size} s", justify="right")
        table.add_column("MB", justify="right")
    for name, cells in results.items():
        table.add_row(name, *cells)
    console.print(table)


def _in_a_process(name: str, folder: str) -> list[str]:
    command = [sys.executable, __file__, "--one", f"{name}:{folder}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return [f"failed ({done.returncode})", done.stderr.strip().splitlines()[-1][:60] if done.stderr else ""]
    seconds, megabytes = json.loads(done.stdout)
    return [f"{seconds:.2f}", f"{megabytes:,.0f}"]


def _query(kind: str, name: str, folder: str) -> tuple[float, float]:
    x, labels = np.load(Path(folder) / "x.npy"), np.load(Path(folder) / "labels.npy")
    is_labeled = labels >= 0
    if kind == "strategy":
        select = strategies.select
        pool = Pool(x, labels, CLASSES, Head().fit(x[is_labeled], labels[is_labeled], CLASSES))
    else:
        select, pool = initial.select, Pool(x, np.full(len(x), -1), CLASSES)
    Path("/proc/self/clear_refs").write_text("5")
    before = _resident("VmRSS")
    started = time.perf_counter()
    select(name, pool, BATCH, np.random.default_rng(0))
    seconds = time.perf_counter() - started
    return seconds, (_resident("VmHWM") - before) / 1e3


def _resident(field: str) -> float:
    """A field of /proc/self/status in kB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return float(next(line for line in lines if line.startswith(f"{field}:")).split()[1])


if __name__ == "__main__":
    typer.run(main)
