"""What is kept when the worker is killed again and again while a project is read and embedded for the first time.

    python benchmarks/killed_worker.py --texts 5000 --kill-every 6
    python benchmarks/killed_worker.py --code ../older-checkout

The worker is killed with SIGKILL and started again at once. Label Studio is the fake of the tests, and the model is the
packaged one. A kill comes a number of seconds after the start of the process, so a model that takes longer to load than
that never embeds a text. On a machine that others load, `--processor-time` counts the seconds that the worker used a
core instead, which it uses alone until the model is loaded.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

REPOSITORY = Path(__file__).parents[1]
sys.path.append(str(REPOSITORY / "tests"))

from fake_label_studio import FakeLabelStudio  # noqa: E402
from processes import tree  # noqa: E402

from ml_backend.labelstudio.client import LabelStudio  # noqa: E402
from ml_backend.learning.embedding.embedder import PACKAGED  # noqa: E402
from ml_backend.settings import variables  # noqa: E402
from ml_backend.store import Store  # noqa: E402

CONFIG = (
    '<View><Text name="t" value="$text"/><Choices name="c" toName="t"><Choice value="a"/><Choice value="b"/></Choices>'
    "</View>"
)
LOOK_EVERY = 0.05
REPORT_EVERY = 15.0


def texts(n: int, longest: int, seed: int = 0) -> list[str]:
    """n different texts of 5 to `longest` words."""
    rng = np.random.default_rng(seed)
    words = [f"word{i}" for i in range(2000)]
    return [
        " ".join([f"no{i}", *(words[w] for w in rng.integers(2000, size=rng.integers(5, longest)))]) for i in range(n)
    ]


class KilledWorker:
    """A worker of the checkout `code`, in its own folder with a database of its own."""

    def __init__(self, code: Path, folder: Path, label_studio: FakeLabelStudio) -> None:
        self._code, self._log = code, (folder / "worker.log").open("wb")
        settings = {
            **dict.fromkeys(variables(), ""),
            "LABEL_STUDIO_URL": label_studio.url,
            "LABEL_STUDIO_API_KEY": label_studio.token,
            "MODEL_DIR": str(folder),
            "LOG_LEVEL": "WARNING",
            "PYTHONPATH": str(code),
        }
        self._environment = os.environ | settings
        self.start()

    def start(self) -> None:
        """Start the process."""
        self.started = time.monotonic()
        command = [sys.executable, "-m", "ml_backend", "worker"]
        self._process = subprocess.Popen(
            command, cwd=self._code, env=self._environment, stdout=self._log, stderr=subprocess.STDOUT
        )

    def age(self, processor_time: bool) -> float:
        """Seconds since its start, or seconds of processor time."""
        if processor_time:
            return sum(process.cpu for process in tree(self._process.pid))
        return time.monotonic() - self.started

    def kill(self) -> None:
        """Send SIGKILL."""
        self._process.kill()
        self._process.wait()


def main(
    n: Annotated[int, typer.Option("--texts", help="Number of texts.")] = 5000,
    longest: Annotated[int, typer.Option(help="Words of the longest text.")] = 250,
    kill_every: Annotated[float, typer.Option(help="Seconds from a start of the worker to its SIGKILL.")] = 6.0,
    seconds: Annotated[float, typer.Option(help="When to stop if texts are still left.")] = 300.0,
    processor_time: Annotated[bool, typer.Option(help="Count processor time until a kill.")] = False,
    code: Annotated[Path, typer.Option(help="Checkout whose worker is measured.")] = REPOSITORY,
) -> None:
    """Tasks read and vectors kept over time, and the time of the first batch."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        label_studio = FakeLabelStudio()
        client = LabelStudio(label_studio.url, label_studio.token)
        project = int(client.request("POST", "api/projects", body={"title": "killed", "label_config": CONFIG})["id"])
        client.request("POST", f"api/projects/{project}/import", body=[{"text": t} for t in texts(n, longest)])
        label_studio.add_backend(project, "http://127.0.0.1:9")
        store = Store(f"sqlite:///{folder / 'active_learning.db'}")
        # The worker of an older checkout must find a database of its own schema.
        create = "from ml_backend.settings import load_settings; from ml_backend.store import Store; import sys; "
        create += (
            "s = Store(sys.argv[1]); s.create(); s.ensure_project(int(sys.argv[2]), backend_url='http://127.0.0.1:9')"
        )
        subprocess.run(
            [sys.executable, "-c", create, f"sqlite:///{folder / 'active_learning.db'}", str(project)],
            check=True,
            cwd=code,
            env=os.environ | {"PYTHONPATH": str(code)},
        )
        worker = KilledWorker(code.resolve(), folder, label_studio)
        began, kills, reported, first_vector, first_batch = time.monotonic(), 0, 0.0, None, None
        kept = 0
        while kept < n and time.monotonic() - began < seconds:
            time.sleep(LOOK_EVERY)
            elapsed = time.monotonic() - began
            tasks = store.task_count(project)
            kept = store.count_embedded_texts(project, PACKAGED)
            if kept and first_vector is None:
                first_vector = elapsed
                print(f"first vectors after {elapsed:.1f} s, {worker.age(processor_time):.1f} s after a start")
            if first_batch is None and _has_batch(folder):
                first_batch = elapsed
                print(f"first batch after {elapsed:.1f} s, {worker.age(processor_time):.1f} s after a start")
            if elapsed - reported > REPORT_EVERY:
                reported = elapsed
                print(f"{elapsed:4.0f} s: {kills} kills, {tasks:,} tasks read, {kept:,} vectors", flush=True)
            if worker.age(processor_time) > kill_every:
                worker.kill()
                kills += 1
                worker.start()
        print(f"{time.monotonic() - began:4.0f} s: {kills} kills, {kept:,} of {n:,} vectors")
        worker.kill()
        client.close()
        store.close()
        label_studio.stop()


def _has_batch(folder: Path) -> bool:
    import sqlite3

    with sqlite3.connect(folder / "active_learning.db") as connection:
        return bool(connection.execute("SELECT count(*) FROM batches WHERE state = 'published'").fetchone()[0])


if __name__ == "__main__":
    typer.run(main)
