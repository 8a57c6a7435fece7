"""Calls spread over processes of this machine or a Dask cluster; a call that kills its process costs itself only."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import CancelledError
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import joblib

WORKERS_SECONDS = 30
DIED = (
    "its worker process died, and again when nothing else was running: most likely it needs more memory than there is. "
    "Give it a smaller --pool-size or a larger machine."
)


class NoScheduler(ConnectionError):
    """The Dask scheduler does not answer, or has no workers; the message says what to do."""


@dataclass(frozen=True)
class Failure:
    """A call that failed: the error in a line, and where it happened."""

    message: str
    trace: str = ""

    @classmethod
    def of(cls, error: Exception) -> Failure:
        """The error that is being handled."""
        return cls(f"{type(error).__name__}: {error}", traceback.format_exc())


class Call(NamedTuple):
    """What a worker process is to do."""

    function: Callable[..., Any]
    arguments: tuple[Any, ...]


Key = TypeVar("Key")


def distribute(calls: Mapping[Key, Call], jobs: int, scheduler: str | None) -> Iterator[tuple[Key, Any]]:
    """What each call returns, as soon as it does; a Failure where its process died of it. Raises NoScheduler.

    jobs: processes of this machine; scheduler: the address of a Dask scheduler, whose workers are used instead.
    """
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
        return Failure.of(error)


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
