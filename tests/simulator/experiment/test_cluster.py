"""The grid on a real Dask scheduler with worker processes that die."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import distributed
import pandas as pd
import pytest
from deadly_calls import deadly
from quiet_progress import Quiet
from small_experiments import small_experiment
from small_texts import hashed

from simulator.data import vector_cache
from simulator.data.cached_dataset import CachedDataset, CannotRead
from simulator.experiment import processes
from simulator.experiment.budget import Budget
from simulator.experiment.definition import Experiment
from simulator.experiment.processes import Call, Failure, NoScheduler, distribute
from simulator.experiment.results import same_results
from simulator.experiment.runner import run


def free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])


@dataclass
class Scheduler:
    """A scheduler that gives up a call with the first worker that it kills, and the workers that tests start."""

    address: str
    folder: Path
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start `dask` with these arguments."""
        environment = os.environ | {
            "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "0",
            # Workers load the deadly call from the folder of the tests.
            "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[1]), *sys.path]),
        }
        dask = str(Path(sys.executable).parent / "dask")
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen([dask, *arguments], cwd=self.folder, stdout=log, stderr=log, env=environment)
        self.processes.append(process)
        return process

    def workers_alive(self) -> int:
        """How many workers run."""
        return sum(process.poll() is None for process in self.processes[1:])

    def worker(self) -> subprocess.Popen[bytes]:
        """Start one more worker, a process that nothing restarts."""
        local = str(self.folder / f"worker-{len(self.processes)}")
        return self.start(
            "worker", self.address, "--nthreads", "1", "--no-nanny", "--no-dashboard", "--local-directory", local
        )


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scheduler]:
    started = Scheduler(f"tcp://127.0.0.1:{free_port()}", tmp_path_factory.mktemp("dask"))
    started.start("scheduler", "--host", started.address, "--no-dashboard")
    yield started
    for process in reversed(started.processes):
        process.kill()
        process.wait()


class Watching(Quiet):
    """Progress that calls `do` after the run number `after`."""

    def __init__(self, after: int, do: object) -> None:
        self.after, self.do = after, do

    def follow(self, what: str, items: Iterator, total: int) -> Iterator:
        for done, item in enumerate(items, start=1):
            yield item
            if what == "runs" and done == self.after:
                self.do()


@pytest.fixture
def experiment(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Experiment:
    monkeypatch.setattr(vector_cache, "embed", hashed)
    return small_experiment(
        data,
        tmp_path,
        datasets=["mail", "chat"],
        strategies=["random", "margin", "typiclust"],
        out=tmp_path / "local",
        budget=Budget(10, 10, 6),
    )


def table_of(experiment: Experiment) -> pd.DataFrame:
    return pd.read_parquet(experiment.out / "results.parquet")


def test_a_scheduler_without_workers_is_named_with_the_remedy(
    scheduler: Scheduler, experiment: Experiment, monkeypatch: pytest.MonkeyPatch
):
    with distributed.Client(scheduler.address, timeout=60):
        monkeypatch.setattr(processes, "WORKERS_SECONDS", 1)
        with pytest.raises(
            NoScheduler, match=rf"at {scheduler.address} has had no worker for 1 s; start one by .*dask worker"
        ):
            run(replace(experiment, scheduler=scheduler.address), Watching(0, None))


def test_a_cluster_gives_the_results_of_one_machine_although_a_worker_is_killed(
    scheduler: Scheduler, experiment: Experiment, tmp_path: Path
):
    first, second = scheduler.worker(), scheduler.worker()
    local = run(experiment, Watching(0, None))
    spread = replace(experiment, out=tmp_path / "spread", scheduler=scheduler.address)
    outcome = run(spread, Watching(5, first.kill))
    assert not local.failed
    assert not outcome.failed
    assert outcome.finished == local.finished == 12
    assert first.wait(10) == -9
    assert second.poll() is None
    assert same_results(table_of(experiment), table_of(spread))


def test_a_call_that_kills_its_workers_is_reported_and_the_others_finish(scheduler: Scheduler, tmp_path: Path):
    # Two for the deadly call, which is tried twice, and one for the others.
    while scheduler.workers_alive() < 3:
        scheduler.worker()
    calls = {}
    for name, deaths in (("mail", 0), ("huge", 99), ("chat", 0)):
        (tmp_path / name).mkdir()
        calls[name] = Call(deadly, (tmp_path / name, deaths))
    returned = dict(distribute(calls, jobs=1, scheduler=scheduler.address))
    assert isinstance(returned.pop("huge"), Failure)
    assert returned == {"mail": "mail", "chat": "chat"}
    assert len(list((tmp_path / "huge").iterdir())) == 2


def test_an_address_without_a_scheduler_is_named_with_the_remedy(
    experiment: Experiment, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(processes, "WORKERS_SECONDS", 1)
    nobody = f"tcp://127.0.0.1:{free_port()}"
    with pytest.raises(NoScheduler, match=f"no Dask scheduler responds at {nobody}.*start one by `dask scheduler`"):
        run(replace(experiment, scheduler=nobody), Watching(0, None))


def test_a_worker_that_cannot_read_the_cache_names_the_remedy(tmp_path: Path):
    gone = CachedDataset(str(tmp_path / "gone.npy"), str(tmp_path / "gone.npz"), 3)
    with pytest.raises(CannotRead, match=r"--cache a folder that all of them share"):
        gone.open()
