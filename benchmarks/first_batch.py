"""Seconds from the start of the backend to a project's first batch, as a newcomer waits for it in the terminal.

    python benchmarks/first_batch.py --data DATA

Starts a Label Studio with a project of real texts; then, several times, `serve` with an empty folder and at once
`connect`, and notes when each line of its progress appeared.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer
from data_folder import DEFAULT, DataFolder
from rich.console import Console
from rich.table import Table

from ml_backend.commands.demo.backend_process import BackendProcess
from ml_backend.commands.demo.label_studio_process import LabelStudioProcess, free_port, installed
from ml_backend.commands.demo.messages import label_config
from ml_backend.labelstudio.client import LabelStudio

REPOSITORY = Path(__file__).parents[1]
STEPS = {
    "the worker reads tasks": "reading tasks",
    "it embeds texts": "embedding texts",
    "the model learns": "learning from",
    "the batch is published": "batch 1 is published",
}
"""What began or happened → the words of the line that says so; a short step may pass between two looks of `connect`."""


def import_texts(label_studio: LabelStudioProcess, frame: pd.DataFrame) -> int:
    """Make a project with these texts and the classes of their labels; returns its id."""
    client = LabelStudio(label_studio.url, label_studio.token)
    classes = sorted(str(label) for label in frame["label"].unique())
    project = client.request("POST", "api/projects", body={"title": "texts", "label_config": label_config(classes)})
    client.request("POST", f"api/projects/{project['id']}/import", body=[{"text": t} for t in frame["text"]])
    client.close()
    return int(project["id"])


def seconds_to_steps(label_studio: LabelStudioProcess, folder: Path, project: int) -> dict[str, float]:
    """Start a backend with an empty folder and connect the project: seconds since then, by step of STEPS."""
    folder.mkdir()
    backend = BackendProcess(folder, free_port(0), label_studio.url, label_studio.token, {"LOG_LEVEL": "WARNING"})
    environment = os.environ | backend.settings | {"PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "ml_backend"]
    started, found = time.perf_counter(), {}
    with backend.log.open("wb") as log:
        serve = subprocess.Popen([*command, "serve"], env=environment, stdout=log, stderr=log)
    try:
        connect = subprocess.Popen(
            [*command, "connect", str(project), "--backend-url", backend.url],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert connect.stdout is not None
        lines = []
        for line in connect.stdout:
            lines.append(line)
            found |= {step: time.perf_counter() - started for step, says in STEPS.items() if says in line}
        if connect.wait() or "the batch is published" not in found:
            raise RuntimeError(f"connect printed:\n{''.join(lines)}\nserve printed:\n{backend.log.read_text()[-2000:]}")
    finally:
        serve.terminate()
        serve.wait()
    return found


def main(
    data: DataFolder = DEFAULT,
    dataset: Annotated[str, typer.Option(help="Name of the data set.")] = "banking77",
    tasks: Annotated[int, typer.Option(min=1, help="Texts in the project.")] = 1500,
    times: Annotated[int, typer.Option(min=1, help="Backends that are started, one after the other.")] = 5,
) -> None:
    """Seconds from the start of the backend to the first batch."""
    console = Console()
    frame = pd.read_parquet(data / f"{dataset}.parquet").drop_duplicates("text").head(tasks)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        label_studio = LabelStudioProcess(
            installed(REPOSITORY / ".venv-labelstudio"), folder / "label-studio", free_port(0)
        )
        with console.status("starting Label Studio"):
            label_studio.start()
        try:
            measured = []
            for n in range(times):
                with console.status(f"backend {n + 1} of {times}"):
                    project = import_texts(label_studio, frame)
                    measured.append(seconds_to_steps(label_studio, folder / f"backend-{n}", project))
        finally:
            label_studio.stop()
    table = Table("step", "median s", "fastest", "slowest")
    for step in STEPS:
        seconds = [m[step] for m in measured if step in m]
        if seconds:
            table.add_row(step, *(f"{of(seconds):.1f}" for of in (statistics.median, min, max)))
    console.print(table)
    console.print(f"{len(frame):,} texts of {dataset}, {os.cpu_count()} cores, {times} backends.")


if __name__ == "__main__":
    typer.run(main)
