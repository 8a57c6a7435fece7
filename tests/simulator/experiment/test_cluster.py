"""The grid on a real Dask scheduler with two worker processes."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
import pytest
from deadly_data import stored
from small_texts import hashed

from simulator.data import vector_cache as prepare
from simulator.experiment import execution as play
from simulator.experiment.budget import Budget
from simulator.experiment.definition import Experiment
from simulator.experiment.execution import NoScheduler
from simulator.experiment.grid import Cell
from simulator.experiment.results import same_results
from simulator.experiment.runner import run
from simulator.experiment.simulate import SimulatedRun


@dataclass
class Cluster:
    """A scheduler and its workers, all processes of their own."""

    address: str
    workers: list[subprocess.Popen[bytes]]


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp("dask")
    dask, address = str(Path(sys.executable).parent / "dask"), f"tcp://127.0.0.1:{free_port()}"
    log = (folder / "log").open("wb")

    def start(*arguments: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen([dask, *arguments], cwd=folder, stdout=log, stderr=log)

    processes = [start("scheduler", "--host", address, "--no-dashboard")]
    worker = ["worker", address, "--nworkers", "1", "--nthreads", "1", "--no-nanny", "--no-dashboard"]
    processes += [start(*worker, "--local-directory", str(folder / name)) for name in ("a", "b")]
    yield Cluster(address, processes[1:])
    for process in reversed(processes):
        process.kill()
        process.wait()
    log.close()


class Watching:
    """Progress that does something after so many runs."""

    def __init__(self, after: int, do: object) -> None:
        self.after, self.do = after, do

    def say(self, line: str) -> None: ...

    def follow(self, what: str, items: Iterator, total: int) -> Iterator:
        for done, item in enumerate(items, start=1):
            yield item
            if what == "runs" and done == self.after:
                self.do()


@pytest.fixture
def experiment(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Experiment:
    monkeypatch.setattr(prepare, "embed", hashed)
    return Experiment(
        datasets=["mail", "chat"],
        embeddings=["minilm"],
        strategies=["random", "margin", "typiclust"],
        initials=["random"],
        seeds=3,
        out=tmp_path / "local",
        data=data,
        budget=Budget(10, 10, 6),
        cache=tmp_path / "cache",
    )


def table_of(experiment: Experiment) -> pd.DataFrame:
    return pd.read_parquet(experiment.out / "results.parquet")


def test_a_cluster_gives_what_this_machine_gives_and_a_killed_worker_costs_only_time(
    cluster: Cluster, experiment: Experiment, tmp_path: Path
):
    local = run(experiment, Watching(0, None))
    spread = replace(experiment, out=tmp_path / "spread", scheduler=cluster.address)
    outcome = run(spread, Watching(5, cluster.workers[0].kill))
    assert not local.failed
    assert not outcome.failed
    assert outcome.played == local.played == 18
    assert cluster.workers[0].wait(10) == -9
    assert cluster.workers[1].poll() is None
    assert same_results(table_of(experiment), table_of(spread))


def test_without_a_scheduler_the_error_names_it(experiment: Experiment, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(play, "WORKERS_SECONDS", 1)
    nobody = f"tcp://127.0.0.1:{free_port()}"
    with pytest.raises(NoScheduler, match=f"no Dask scheduler answers at {nobody}.*start one by `dask scheduler`"):
        run(replace(experiment, scheduler=nobody), Watching(0, None))


@pytest.fixture
def sole_worker(tmp_path: Path) -> Iterator[str]:
    """A scheduler that gives a task up with the first worker that dies of it; its one worker is started anew."""
    with (tmp_path / "log").open("wb") as log:
        dask, address = str(Path(sys.executable).parent / "dask"), f"tcp://127.0.0.1:{free_port()}"
        environment = os.environ | {
            "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "0",
            "PYTHONPATH": str(Path(__file__).parents[1]),
        }
        commands = [
            ["scheduler", "--host", address, "--no-dashboard"],
            ["worker", address, "--nworkers", "1", "--nthreads", "2", "--no-dashboard"],
        ]
        processes = [
            subprocess.Popen([dask, *command], cwd=tmp_path, stdout=log, stderr=log, env=environment)
            for command in commands
        ]
        yield address
        for process in reversed(processes):
            process.terminate()
            process.wait()


def test_a_run_that_kills_its_worker_is_told_and_the_others_are_played(sole_worker: str, tmp_path: Path):
    places = stored(tmp_path, {"mail": 0, "huge": 99})
    cells = [Cell(name, "minilm", "random", "margin", seed) for seed in range(2) for name, _ in places]
    found = {p.cell: p.outcome for p in play.run_cells(cells[:3], places, Budget(6, 3, 2), 1, sole_worker)}
    assert {cell.dataset for cell, outcome in found.items() if isinstance(outcome, play.Failure)} == {"huge"}
    assert {cell.dataset for cell, outcome in found.items() if isinstance(outcome, SimulatedRun)} == {"mail"}


def test_a_scheduler_without_workers_is_told(experiment: Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(play, "WORKERS_SECONDS", 5)
    dask, address = str(Path(sys.executable).parent / "dask"), f"tcp://127.0.0.1:{free_port()}"
    with (tmp_path / "log").open("wb") as log:
        scheduler = subprocess.Popen(
            [dask, "scheduler", "--host", address, "--no-dashboard"], cwd=tmp_path, stdout=log, stderr=log
        )
        try:
            with pytest.raises(
                NoScheduler, match=rf"at {address} has had no worker for 5 s; start one by .*dask worker"
            ):
                run(replace(experiment, scheduler=address), Watching(0, None))
        finally:
            scheduler.kill()
            scheduler.wait()


def test_a_worker_that_cannot_read_what_was_prepared_says_so(tmp_path: Path):
    gone = prepare.CachedDataset(str(tmp_path / "gone.npy"), str(tmp_path / "gone.npz"), 3)
    with pytest.raises(prepare.CannotRead, match=r"--cache a folder that all of them share"):
        gone.open()
