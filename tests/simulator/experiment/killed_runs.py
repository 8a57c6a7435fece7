"""Run a small experiment several times, each time killed while it writes another of its files.

    python killed_runs.py DATA FOLDER MOMENTS

Leaves FOLDER/killed-1 … with the caches beside them, and prints the signals that ended the processes. All are
forked from one interpreter, since starting one takes longer than all of the runs.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

from quiet_progress import Quiet
from small_experiments import small_experiment
from small_texts import hashed

from simulator.data import vector_cache
from simulator.experiment.runner import run


def run_until(moment: int, data: Path, folder: Path) -> None:
    """Run, and be killed during the write number `moment`, with a half-written temporary file."""
    left = iter(range(moment - 1))

    def fsync(_descriptor: int) -> None:
        if next(left, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)

    os.fsync = fsync
    experiment = small_experiment(
        data, folder, seeds=1, out=folder / f"killed-{moment}", cache=folder / f"cache-{moment}"
    )
    run(experiment, Quiet())


def main(data: str, folder: str, moments: str) -> None:
    vector_cache.embed = hashed
    ended_by = []
    for moment in range(1, int(moments) + 1):
        process = os.fork()
        if not process:
            run_until(moment, Path(data), Path(folder))
            os._exit(0)
        _, status = os.waitpid(process, 0)
        ended_by.append(os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0)
    print(json.dumps(ended_by))


main(*sys.argv[1:])
