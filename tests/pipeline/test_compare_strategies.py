"""The job that compares strategies runs the simulator as a program, follows it, and ends it."""

from __future__ import annotations

import json
import os
import select
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ml_backend.commands.demo.messages import label_config
from ml_backend.labelstudio.label_config import parse
from ml_backend.pipeline.jobs import compare_strategies
from ml_backend.pipeline.jobs.job import Job, JobFailed, JobStopped
from ml_backend.project_settings import ProjectSettings

CONFIG = parse(label_config(["billing", "delivery"]))
LINES = [
    {"note": "left out: 1 row"},
    {"doing": "simulated runs", "done": 0, "total": 2},
    {"doing": "simulated runs", "done": 2, "total": 2},
    {"advice": {"headline": "Use margin.", "rows": []}},
]


class Followed:
    """A job that remembers what it reported, and is stopped after `stop_after` reports."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.reported: list[tuple[int, int, str]] = []
        self.stop_after = stop_after

    def report(self, done: int, total: int, phase: str) -> None:
        self.reported.append((done, total, phase))
        if self.stop_after is not None and len(self.reported) >= self.stop_after:
            raise JobStopped


def advice(program: str, job: Followed | None = None) -> dict[str, Any]:
    return compare_strategies._advice(cast(Job, job or Followed()), [sys.executable, "-c", program])


def test_the_progress_is_reported_and_the_advice_returned():
    job = Followed()
    assert advice(f"import json\nfor line in {LINES!r}: print(json.dumps(line))", job) == LINES[-1]["advice"]
    assert job.reported[0] == (0, 0, "embedding the labelled texts")
    assert job.reported[-1][:2] == (2, 2)


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("import sys; sys.exit('there are 20 labels; advice needs 100')", "there are 20 labels; advice needs 100"),
        ("import sys; sys.exit('python: No module named simulator')", r"label-studio-active-learning\[simulator\]"),
        ("raise SystemExit(3)", "ended with status 3"),
        ("pass", "ended with status 0"),
    ],
)
def test_a_failure_is_told_with_its_remedy(program: str, words: str):
    with pytest.raises(JobFailed, match=words):
        advice(program)


def test_a_stopped_job_ends_the_program_and_what_it_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(compare_strategies, "LOOK_EVERY_SECONDS", 0.02)
    os.mkfifo(tmp_path / "open")
    child = (
        f"import time; file = open({str(tmp_path / 'open')!r}, 'w'); print(1, file=file, flush=True); time.sleep(600)"
    )
    program = f"import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', {child!r}]); time.sleep(600)"
    job = Followed(stop_after=3)

    def report(*told: Any) -> None:
        if not job.reported:
            job.file = (tmp_path / "open").open()  # type: ignore[attr-defined]
            assert job.file.readline() == "1\n"  # type: ignore[attr-defined]
        Followed.report(job, *told)

    monkeypatch.setattr(job, "report", report)
    with pytest.raises(JobStopped):
        advice(program, job)
    with job.file as pipe:  # type: ignore[attr-defined]
        ended, _, _ = select.select([pipe], [], [], 20)
        assert ended, "the child has ended: nobody holds the pipe open"
        assert pipe.read() == ""


def command(tmp_path: Path, **settings: Any) -> dict[str, str]:
    """The options of the command by name."""
    job = SimpleNamespace(
        settings=ProjectSettings(**settings), config=CONFIG, services=SimpleNamespace(default_model="minilm")
    )
    words = compare_strategies._command(cast(Job, job), tmp_path, [{"text": "t", "label": "billing"}])
    assert words[1:5] == ["-m", "simulator", "advise", "--json"]
    options = list(zip(words[5::2], words[6::2], strict=True))
    current = [value for name, value in options if name == "--current"]
    return {**dict(options), "--current": " ".join(current)}


def test_strategies_are_compared_as_the_project_would_use_them(tmp_path: Path):
    described = {"billing": "About invoices."}
    options = command(tmp_path, strategy="alfamix", initial="kmeans", subpool=50, class_descriptions=described)
    assert options["--strategies"].split(",")[-1] == "alfamix"
    assert (options["--initial"], options["--subpool"], options["--embeddings"]) == ("kmeans", "50", "minilm")
    assert options["--heads"] == "plain,named"
    assert options["--current"] == "strategy=alfamix initial=kmeans class_names=auto"
    descriptions = json.loads(Path(options["--class-descriptions"]).read_text())
    assert descriptions == {"billing": "About invoices.", "delivery": "delivery"}
    assert json.loads(Path(options["--data"]).read_text()) == [{"text": "t", "label": "billing"}]
    switched_off = command(tmp_path, class_names="off")
    assert switched_off["--heads"] == "plain,named", "whether to switch them on is compared too"
    assert switched_off["--current"].endswith("class_names=off")
