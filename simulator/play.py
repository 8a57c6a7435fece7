"""Play the runs of a grid, on processes of this machine or on a Dask cluster."""

from __future__ import annotations

import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

import joblib

from ml_backend.learning.cycle import Cycle
from simulator.grid import Cell
from simulator.prepare import Stored
from simulator.protocol import Protocol
from simulator.quality import Quality, quality
from simulator.simulate import Run, simulate

WORKERS_SECONDS = 30


class NoScheduler(ConnectionError):
    """The Dask scheduler does not answer; the message says what to do."""


@dataclass(frozen=True)
class Failure:
    """A run that could not be played: the error in a line, and where it happened."""

    message: str
    trace: str = ""


@dataclass(frozen=True)
class Played:
    """What became of a run, and the seconds that it took."""

    cell: Cell
    outcome: Run | Failure
    seconds: float


Place = tuple[str, str]
"""A dataset and an embedding."""


def play(cell: Cell, stored: Stored, protocol: Protocol) -> Played:
    """One run; an error in it is an answer, so that the others go on."""
    started = time.perf_counter()
    try:
        plan = Cycle(cell.strategy, cell.initial, batch_size=1, seed=cell.seed)
        outcome: Run | Failure = simulate(stored.open(), plan, protocol)
    except Exception as error:
        outcome = Failure(f"{type(error).__name__}: {error}", traceback.format_exc())
    return Played(cell, outcome, time.perf_counter() - started)


def play_all(
    cells: Sequence[Cell], stored: Mapping[Place, Stored], protocol: Protocol, jobs: int, scheduler: str | None
) -> Iterator[Played]:
    """All runs, each as soon as it is done. Raises NoScheduler."""
    tasks = [joblib.delayed(play)(cell, stored[cell.dataset, cell.embedding], protocol) for cell in cells]
    yield from _spread(tasks, jobs, scheduler)


def measure_all(
    stored: Mapping[Place, Stored], C: float, jobs: int, scheduler: str | None
) -> Iterator[tuple[Place, Quality | Failure]]:
    """What each embedding is worth on each dataset, each as soon as it is done. Raises NoScheduler."""
    tasks = [joblib.delayed(_measure)(place, where, C) for place, where in stored.items()]
    yield from _spread(tasks, jobs, scheduler)


def _measure(place: Place, stored: Stored, C: float) -> tuple[Place, Quality | Failure]:
    try:
        return place, quality(stored.open(), C)
    except Exception as error:
        return place, Failure(f"{type(error).__name__}: {error}", traceback.format_exc())


def _spread(tasks: list[Any], jobs: int, scheduler: str | None) -> Iterator[Any]:
    if not tasks:
        return
    with _backend(jobs, scheduler):
        # One task at a time to a worker: what is in flight when the command is killed has to be played again.
        parallel = joblib.Parallel(return_as="generator_unordered", batch_size=1, pre_dispatch="2*n_jobs")
        yield from parallel(tasks)


@contextmanager
def _backend(jobs: int, scheduler: str | None) -> Iterator[None]:
    if scheduler is None:
        with joblib.parallel_config(backend="loky", n_jobs=jobs, inner_max_num_threads=1):
            yield
        return
    with _cluster(scheduler), joblib.parallel_config(backend="dask", wait_for_workers_timeout=WORKERS_SECONDS):
        yield


def _cluster(scheduler: str) -> AbstractContextManager[Any]:
    try:
        import distributed
    except ImportError:
        raise NoScheduler(
            '--scheduler needs Dask: run `pip install "label-studio-active-learning[cluster]"` here and on the workers'
        ) from None
    make: Any = distributed.Client
    try:
        client: AbstractContextManager[Any] = make(scheduler, timeout=WORKERS_SECONDS)
    except (OSError, ValueError) as problem:
        raise NoScheduler(
            f"no Dask scheduler answers at {scheduler} ({problem}); start one by `dask scheduler`"
        ) from problem
    return client
