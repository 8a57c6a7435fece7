"""Distributing calls over processes of this machine or a Dask cluster; a call that kills its process fails alone."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import CancelledError
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

WORKERS_SECONDS = 30
DIED = (
    "its worker process died, and died again when no other run was active: it most likely needs more memory than the "
    "machine has. Use a smaller --pool-size or a larger machine."
)


class NoScheduler(ConnectionError):
    """The Dask scheduler does not respond, or has no workers; the message says what to do."""


@dataclass(frozen=True)
class Failure:
    """A call that failed. message: the error in one line; trace: the traceback, or empty."""

    message: str
    trace: str = ""

    @classmethod
    def of(cls, error: Exception) -> Failure:
        """The failure for an exception that is being handled."""
        return cls(f"{type(error).__name__}: {error}", traceback.format_exc())


class Call(NamedTuple):
    """A function and its arguments, to be called in a worker process."""

    function: Callable[..., Any]
    arguments: tuple[Any, ...]


Key = TypeVar("Key")


def distribute(calls: Mapping[Key, Call], jobs: int, scheduler: str | None) -> Iterator[tuple[Key, Any]]:
    """Yield the key and the returned value of each call as it ends; a Failure if the call killed its process.

    jobs: number of processes of this machine; scheduler: address of a Dask scheduler, whose workers are used instead.
    Raises NoScheduler.
    """
    if not calls:
        return iter(())
    return _on_this_machine(calls, jobs) if scheduler is None else _on_cluster(calls, scheduler)


def _on_this_machine(calls: Mapping[Key, Call], jobs: int) -> Iterator[tuple[Key, Any]]:
    # A process that dies breaks the whole pool, without telling which call it ran. The calls that were running are
    # repeated one at a time: the one that breaks the pool again is the cause, and alone it has all the memory.
    remaining = dict(calls)
    while remaining:
        running: dict[Key, Call] = {}
        try:
            for key, returned in _in_parallel(remaining, running, jobs):
                del remaining[key]
                running.pop(key)
                yield key, returned
        except BrokenProcessPool:
            if not running:
                raise
        for key, call in list(running.items()):
            del remaining[key]
            try:
                yield from _in_parallel({key: call}, {}, jobs)
            except BrokenProcessPool as problem:
                yield key, Failure(DIED, str(problem))


def _in_parallel(calls: Mapping[Key, Call], running: dict[Key, Call], jobs: int) -> Iterator[tuple[Key, Any]]:
    """Yield the key and the returned value of each call; calls are added to `running` as they are submitted.

    Raises BrokenProcessPool.
    """
    import joblib

    def tasks() -> Iterator[Any]:
        for key, call in list(calls.items()):
            running[key] = call
            yield joblib.delayed(_with_key)(key, call)

    with joblib.parallel_config(backend="loky", n_jobs=jobs, inner_max_num_threads=1):
        # One call at a time per worker, since calls that are running when the command is killed have to be run again.
        yield from joblib.Parallel(return_as="generator_unordered", batch_size=1, pre_dispatch="2*n_jobs")(tasks())


def _with_key(key: Key, call: Call) -> tuple[Key, Any]:
    return key, call.function(*call.arguments)


def _on_cluster(calls: Mapping[Key, Call], scheduler: str) -> Iterator[tuple[Key, Any]]:
    # Not through joblib: its generator waits forever for a call whose worker died.
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
        # Dask blames every call that a worker held when it died. Repeated alone, a call shows whether it was the cause.
        for key in suspects:
            try:
                yield key, _result(submitted(key), scheduler)
            except distributed.KilledWorker as problem:
                yield key, Failure(DIED, str(problem))


def _result(future: Any, scheduler: str) -> Any:
    """What the call returned; a Failure if it could not be made, for example because the worker cannot import its code.

    Raises NoScheduler, and KilledWorker for a call that the scheduler has given up.
    """
    import distributed

    try:
        return future.result()
    except distributed.KilledWorker:
        raise
    except CancelledError:
        raise NoScheduler(
            f"the Dask scheduler at {scheduler} has ended; start it, and run the same command again: it continues "
            "where it stopped"
        ) from None
    except Exception as error:
        return Failure.of(error)


def _cluster(scheduler: str) -> Any:
    """Connect to a scheduler that has workers; `with` closes the client. Raises NoScheduler."""
    try:
        import distributed
    except ImportError:
        raise NoScheduler(
            '--scheduler needs Dask: run `pip install "label-studio-active-learning[cluster]"` here and on the workers'
        ) from None
    client_class: Any = distributed.Client
    try:
        client = client_class(scheduler, timeout=WORKERS_SECONDS)
    except (OSError, ValueError) as problem:
        raise NoScheduler(
            f"no Dask scheduler responds at {scheduler} ({problem}); start one by `dask scheduler`"
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
