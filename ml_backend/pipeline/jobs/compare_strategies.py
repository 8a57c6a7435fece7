"""Compares strategies by simulation on the labels of a project, in a process of its own.

The simulator is a program of its own, which an installation may lack: this process does not import it.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import numpy as np

from ml_backend.labelstudio.label_config import LabelConfig
from ml_backend.learning.defaults import DEFAULT_STRATEGY
from ml_backend.pipeline.class_names import texts_of_classes
from ml_backend.pipeline.jobs.job import Job, JobFailed
from ml_backend.pipeline.project_pool import ProjectPool
from ml_backend.project_settings import ClassNames, ProjectSettings

COMPARED = (DEFAULT_STRATEGY, "margin", "entropy", "badge", "typiclust")
"""Strategies that are compared with random order and the project's own; `advise` compares these too."""
PHASES = {"simulated runs": "simulating how each strategy would have done"}
"""Words for what `advise` is doing, where its own are not plain enough for a page."""
SEEDS = 20
MOST_LABELS = 1000
"""Of more labels as many are drawn at random, to bound the time."""
PROCESSES = 2
SEED_OF_DRAW = 0
LOOK_EVERY_SECONDS = 1.0
"""How often to look whether the job was stopped while the program writes nothing."""
LONGEST_ERROR = 1500
"""Characters of what the program wrote before it failed."""


def run(job: Job) -> dict[str, Any]:
    """Run `python -m simulator advise --json` on the labels so far.

    Returns its advice, see `simulator.cli.advice_json`, with `drawn_of`, the number of labels if only some of them were
    used, else None. Raises JobFailed with what the program wrote, and JobStopped.
    """
    if job.config.multi_label:
        raise JobFailed("Strategies can be compared only where each text has one label.")
    job.report(0, 0, "reading the labels")
    rows, drawn_of = _labelled_rows(job, job.pool())
    with tempfile.TemporaryDirectory(prefix="compare-strategies-") as folder:
        advice = _advice(job, _command(job, Path(folder), rows))
    return {**advice, "drawn_of": drawn_of}


def _labelled_rows(job: Job, pool: ProjectPool) -> tuple[list[dict[str, str]], int | None]:
    """Text and label of each labelled text, or of MOST_LABELS of them and the number of all."""
    rows, drawn_of = np.flatnonzero(pool.has_label), None
    if len(rows) > MOST_LABELS:
        drawn_of = len(rows)
        rows = np.sort(np.random.default_rng(SEED_OF_DRAW).choice(rows, MOST_LABELS, replace=False))
    label_of = dict(zip(pool.task_ids[rows].tolist(), pool.labels[rows].tolist(), strict=True))
    texts = job.store.texts_of_tasks(job.project_id, label_of)
    return [{"text": text, "label": job.config.classes[label_of[task]]} for task, text in texts.items()], drawn_of


def _command(job: Job, folder: Path, rows: Sequence[dict[str, str]]) -> list[str]:
    data = folder / "labels.json"
    data.write_text(json.dumps(rows), encoding="utf-8")
    settings = job.settings
    strategies = dict.fromkeys([*COMPARED, settings.strategy])
    options = {
        "--data": str(data),
        "--embeddings": settings.embedding_model or job.services.default_model,
        "--strategies": ",".join(strategies),
        "--initial": settings.initial,
        "--seeds": str(SEEDS),
        "--jobs": str(PROCESSES),
        **_head_options(job.config, settings, folder),
    }
    if settings.subpool is not None:
        options["--subpool"] = str(settings.subpool)
    if settings.balance is not None:
        options["--balance"] = str(settings.balance)
    current = [f"strategy={settings.strategy}", f"initial={settings.initial}", f"class_names={settings.class_names}"]
    words = [word for pair in options.items() for word in pair]
    words += [word for setting in current for word in ("--current", setting)]
    return [sys.executable, "-m", "simulator", "advise", "--json", *words]


def _head_options(config: LabelConfig, settings: ProjectSettings, folder: Path) -> dict[str, str]:
    """Heads with and without the class names, with what the project knows of the classes, if that says something."""
    class_texts = texts_of_classes(settings.merged({"class_names": ClassNames.AUTO}), config).texts
    if not class_texts:
        return {"--heads": "plain"}
    descriptions = folder / "descriptions.json"
    descriptions.write_text(json.dumps(dict(zip(config.classes, class_texts, strict=True))), encoding="utf-8")
    return {"--heads": "plain,named", "--class-descriptions": str(descriptions)}


def _advice(job: Job, command: Sequence[str]) -> dict[str, Any]:
    """What the program writes at its end; its progress is reported. Raises JobFailed and JobStopped."""
    advice: dict[str, Any] | None = None
    done = total = 0
    phase = "embedding the labelled texts"
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as errors,
        _started(command, errors) as process,
    ):
        for line in _lines(process):
            written = json.loads(line) if line else {}
            if "done" in written:
                done, total, phase = written["done"], written["total"], PHASES.get(written["doing"], written["doing"])
            advice = written.get("advice", advice)
            job.report(done, total, phase)
        process.wait()
        errors.seek(0)
        said = errors.read()[-LONGEST_ERROR:].strip()
    if process.returncode == 0 and advice is not None:
        return advice
    if "No module named simulator" in said:
        said = (
            "the simulator is not installed beside the backend: install the package with its extra, "
            "`label-studio-active-learning[simulator]`, and start the comparison again"
        )
    raise JobFailed(f"The comparison could not be made: {said or f'it ended with status {process.returncode}'}")


def _lines(process: subprocess.Popen[str]) -> Iterator[str]:
    """The lines that the program writes, and an empty one for each second without a line, so that it can be stopped."""
    lines: SimpleQueue[str | None] = SimpleQueue()
    assert process.stdout is not None
    written = process.stdout

    def read() -> None:
        with written:
            for line in written:
                lines.put(line)
        lines.put(None)

    threading.Thread(target=read, daemon=True).start()
    while True:
        try:
            line = lines.get(timeout=LOOK_EVERY_SECONDS)
        except Empty:
            line = ""
        if line is None:
            return
        yield line


@contextmanager
def _started(command: Sequence[str], errors: Any) -> Iterator[subprocess.Popen[str]]:
    """The program while it runs; it and what it started are ended when the job is. It inherits this thread's priority.

    errors: a file for its standard error.
    """
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, text=True, start_new_session=True
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
