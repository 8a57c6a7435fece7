"""Run the cells of a grid, on processes of this machine or on a Dask cluster."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import joblib

from ml_backend.learning.cycle import Cycle
from simulator.data.vector_cache import CachedDataset
from simulator.experiment.budget import Budget
from simulator.experiment.embedding_quality import Quality, quality
from simulator.experiment.grid import Cell
from simulator.experiment.simulate import SimulatedRun, simulate

WORKERS_SECONDS = 30
DIED = (
    "its worker process died, and again when nothing else was running: most likely it needs more memory than there is. "
    "Give it a smaller --pool-size or a larger machine."
)


class NoScheduler(ConnectionError):
    """The Dask scheduler does not answer, or has no workers; the message says what to do."""


@dataclass(frozen=True)
class Failure:
    """A run that failed: the error in a line, and where it happened."""

    message: str
    trace: str = ""


@dataclass(frozen=True)
class CellOutcome:
    """What became of a run, and the seconds that it took; NaN where its process died."""

    cell: Cell
    outcome: SimulatedRun | Failure
    seconds: float


DatasetEmbedding = tuple[str, str]
"""The names of a dataset and an embedding."""


def run_cell(cell: Cell, cached: CachedDataset, budget: Budget) -> CellOutcome:
    """One run; an error in it is returned as a Failure, so that the others go on."""
    started = time.perf_counter()
    try:
        plan = Cycle(cell.strategy, cell.initial, batch_size=1, seed=cell.seed)
        outcome: SimulatedRun | Failure = simulate(cached.open(), plan, budget)
    except Exception as error:
        outcome = Failure(f"{type(error).__name__}: {error}", traceback.format_exc())
    return CellOutcome(cell, outcome, time.perf_counter() - started)


def run_cells(
    cells: Sequence[Cell],
    cached: Mapping[DatasetEmbedding, CachedDataset],
    budget: Budget,
    jobs: int,
    scheduler: str | None,
) -> Iterator[CellOutcome]:
    """All runs, each as soon as it is done. Raises NoScheduler."""
    calls = {cell: Call(run_cell, (cell, cached[cell.dataset, cell.embedding], budget)) for cell in cells}
    for cell, outcome in _distribute(calls, jobs, scheduler):
        yield CellOutcome(cell, outcome, float("nan")) if isinstance(outcome, Failure) else outcome


def measure_embeddings(
    cached: Mapping[DatasetEmbedding, CachedDataset], C: float, jobs: int, scheduler: str | None
) -> Iterator[tuple[DatasetEmbedding, Quality | Failure]]:
    """What each embedding is worth on each dataset, each as soon as it is done. Raises NoScheduler."""
    calls = {pair: Call(_measure, (files, C)) for pair, files in cached.items()}
    yield from _distribute(calls, jobs, scheduler)


def _measure(cached: CachedDataset, C: float) -> Quality | Failure:
    try:
        return quality(cached.open(), C)
    except Exception as error:
        return Failure(f"{type(error).__name__}: {error}", traceback.format_exc())


class Call(NamedTuple):
    """What a worker process is to do."""

    function: Callable[..., Any]
    arguments: tuple[Any, ...]


Key = TypeVar("Key")


def _distribute(calls: Mapping[Key, Call], jobs: int, scheduler: str | None) -> Iterator[tuple[Key, Any]]:
    """What each call returns, as soon as it does; a Failure where its process died of it."""
    if not calls:
        return iter(())
    return _on_this_machine(calls, jobs) if scheduler is None else _on_cluster(calls, scheduler)


def _on_this_machine(calls: Mapping[Key, Call], jobs: int) -> Iterator[tuple[Key, Any]]:
    # A process that dies takes the pool with it, and nobody says which call it was. Those that were under way are made
    # again one at a time: the one that breaks the pool once more is to blame, and alone it has all memory there is.
    left = dict(calls)
    while left:
        under_way: dict[Key, Call] = {}
        try:
            for key, returned in _in_parallel(left, under_way, jobs):
                del left[key]
                under_way.pop(key)
                yield key, returned
        except BrokenProcessPool:
            if not under_way:
                raise
        for key, call in list(under_way.items()):
            del left[key]
            try:
                yield from _in_parallel({key: call}, {}, jobs)
            except BrokenProcessPool as problem:
                yield key, Failure(DIED, str(problem))


def _in_parallel(calls: Mapping[Key, Call], under_way: dict[Key, Call], jobs: int) -> Iterator[tuple[Key, Any]]:
    """What calls return, by key; `under_way` holds each call that is handed out. Raises BrokenProcessPool."""

    def tasks() -> Iterator[Any]:
        for key, call in list(calls.items()):
            under_way[key] = call
            yield joblib.delayed(_with_key)(key, call)

    with joblib.parallel_config(backend="loky", n_jobs=jobs, inner_max_num_threads=1):
        # One task at a time to a worker: what is under way when the command is killed has to be run again.
        yield from joblib.Parallel(return_as="generator_unordered", batch_size=1, pre_dispatch="2*n_jobs")(tasks())


def _with_key(key: Key, call: Call) -> tuple[Key, Any]:
    return key, call.function(*call.arguments)


def _on_cluster(calls: Mapping[Key, Call], scheduler: str) -> Iterator[tuple[Key, Any]]:
    # Not through joblib, whose generator waits forever for a call that its worker died of.
    with _cluster(scheduler) as client:
        import distributed

        as_completed: Any = distributed.as_completed

        def submitted(key: Key) -> Any:
            return client.submit(calls[key].function, *calls[key].arguments, pure=False)

        waiting = {submitted(key): key for key in calls}
        suspects = []
        for future in as_completed(list(waiting)):
            key = waiting.pop(future)
            try:
                yield key, _result(future, scheduler)
            except distributed.KilledWorker:
                suspects.append(key)
        # Whatever a worker had taken when it died counts as its killer: alone it shows which was.
        for key in suspects:
            try:
                yield key, _result(submitted(key), scheduler)
            except distributed.KilledWorker as problem:
                yield key, Failure(DIED, str(problem))


def _result(future: Any, scheduler: str) -> Any:
    """What the call returned; a Failure for what kept it from being made, as code that the worker cannot load.

    Raises NoScheduler, and KilledWorker for what the scheduler has given up.
    """
    import distributed

    try:
        return future.result()
    except distributed.KilledWorker:
        raise
    except CancelledError:
        raise NoScheduler(
            f"the Dask scheduler at {scheduler} is gone; start it anew and give the same command again, it goes on "
            "where it stopped"
        ) from None
    except Exception as error:
        return Failure(f"{type(error).__name__}: {error}", traceback.format_exc())


def _cluster(scheduler: str) -> Any:
    """A client of the scheduler that has workers; closed by `with`. Raises NoScheduler."""
    try:
        import distributed
    except ImportError:
        raise NoScheduler(
            '--scheduler needs Dask: run `pip install "label-studio-active-learning[cluster]"` here and on the workers'
        ) from None
    make: Any = distributed.Client
    try:
        client = make(scheduler, timeout=WORKERS_SECONDS)
    except (OSError, ValueError) as problem:
        raise NoScheduler(
            f"no Dask scheduler answers at {scheduler} ({problem}); start one by `dask scheduler`"
        ) from problem
    try:
        client.wait_for_workers(1, timeout=WORKERS_SECONDS)
    except TimeoutError:
        client.close()
        raise NoScheduler(
            f"the Dask scheduler at {scheduler} has had no worker for {WORKERS_SECONDS} s; start one by "
            f"`dask worker {scheduler}` where the package is installed"
        ) from None
    return client
