"""Runs matrix products in parallel so that the result, to the last bit, does not depend on the number of threads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from typing import Any, TypeVar

ROWS_AT_A_TIME = 2048
"""Rows per block of a matrix product.

2,048 × 384 float32 take 3 MB, which fits into the cache of a core together with the other operand.
"""

BLOCK_ROWS = 16_384
"""Rows per block when a whole matrix is scored: a block of 16,384 × 384 float32 takes 25 MB."""

HELD_BYTES = 256 * 2**20
"""Rows that take at most this many bytes as float32 are copied out of a larger matrix once, not in every pass."""

Item = TypeVar("Item")

_lock = threading.Lock()
_threads_inside = 0
_limit: Any = None


@contextmanager
def one_thread() -> Iterator[None]:
    """Context manager in which numpy's BLAS uses one thread.

    Entering takes 10 µs. It may be nested, and several Python threads may be inside at the same time. The limit holds
    for the whole process: products in other threads are slower during that time, but their results stay right.
    """
    global _threads_inside, _limit  # noqa: PLW0603
    with _lock:
        # Only the first thread that enters and the last that leaves change the setting. If each restored the setting it
        # met when it entered, the limit of one thread could remain.
        if not _threads_inside:
            _limit = _controller().limit(limits=1)
        _threads_inside += 1
    try:
        yield
    finally:
        with _lock:
            _threads_inside -= 1
            if not _threads_inside:
                _limit.restore_original_limits()
                _limit = None


def blocks(n: int, rows: int = ROWS_AT_A_TIME) -> list[slice]:
    """Returns slices that cut 0..n-1 into consecutive blocks of `rows` rows; the last may be shorter."""
    return [slice(start, min(start + rows, n)) for start in range(0, n, rows)]


def over_blocks(work: Callable[[slice], object], n: int, rows: int = ROWS_AT_A_TIME) -> None:
    """Call `work` once for each of the `blocks` of 0..n-1, on as many threads as BLAS is set to use.

    The blocks do not depend on the number of threads, and products inside a block use one thread. So the result does
    not depend on the number of threads either, as long as each call writes only to its own rows. An error that `work`
    raises is raised here.
    """
    over_each(work, blocks(n, rows))


def over_each(work: Callable[[Item], object], items: Sequence[Item]) -> None:
    """Call `work` once for each item, on as many threads as BLAS is set to use; see `over_blocks`."""
    with one_thread():
        workers = min(_original_thread_count(), len(items))
        if workers <= 1:
            for item in items:
                work(item)
            return
        with ThreadPoolExecutor(workers) as pool:
            for _ in pool.map(work, items):
                pass


def _original_thread_count() -> int:
    with _lock:
        original_threads = None if _limit is None else _limit.get_original_num_threads().get("blas")
    return int(original_threads or 1)


@cache
def _controller() -> Any:
    # scipy has a BLAS of its own. The controller limits only libraries that are loaded before it is created.
    import scipy.linalg
    from threadpoolctl import ThreadpoolController

    assert scipy.linalg
    return ThreadpoolController().select(user_api="blas")
