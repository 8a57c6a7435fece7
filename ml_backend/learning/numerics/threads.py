"""Matrix products whose results are the same to the last bit on any machine's number of threads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from typing import Any, TypeVar

ROWS_AT_A_TIME = 2048
"""Rows of a block: 2,048 × 384 float32 is 3 MB, which a core's cache holds together with a product's other side."""

BLOCK_ROWS = 16_384
"""Rows handled at a time wherever a whole matrix is scored: a block of 16,384 × 384 float32 is 25 MB."""

HELD_BYTES = 256 * 2**20
"""Rows that are no more than this as float32 are copied out of a larger matrix once, and not at every pass."""

Item = TypeVar("Item")

_lock = threading.Lock()
_inside = 0
_limit: Any = None


@contextmanager
def one_thread() -> Iterator[None]:
    """Within it numpy's BLAS uses one thread; 10 µs to enter. May be nested, and entered by several Python threads.

    The limit is the process's: other threads' products are slower meanwhile, and never wrong.
    """
    global _inside, _limit  # noqa: PLW0603
    with _lock:
        # Only the first in and the last out touch the setting; each restoring what it found would leave it at one.
        if not _inside:
            _limit = _controller().limit(limits=1)
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if not _inside:
                _limit.restore_original_limits()
                _limit = None


def blocks(n: int, rows: int = ROWS_AT_A_TIME) -> list[slice]:
    """Slices that cut 0..n-1 into blocks of `rows`."""
    return [slice(start, min(start + rows, n)) for start in range(0, n, rows)]


def over_blocks(work: Callable[[slice], object], n: int, rows: int = ROWS_AT_A_TIME) -> None:
    """Call `work` for the `blocks` of 0..n-1, on as many threads as BLAS has been given.

    The blocks do not depend on the number of threads, and inside them products use one thread. So the result does not
    depend on it either, as long as each call writes only to its own rows.
    """
    over_each(work, blocks(n, rows))


def over_each(work: Callable[[Item], object], items: Sequence[Item]) -> None:
    """Call `work` for each item, as `over_blocks` does for each block."""
    with one_thread():
        workers = min(_threads_outside(), len(items))
        if workers <= 1:
            for item in items:
                work(item)
            return
        with ThreadPoolExecutor(workers) as pool:
            for _ in pool.map(work, items):
                pass


def _threads_outside() -> int:
    with _lock:
        found = None if _limit is None else _limit.get_original_num_threads().get("blas")
    return int(found or 1)


@cache
def _controller() -> Any:
    # It brings a BLAS of its own, and only libraries that are loaded by now are limited later on.
    import scipy.linalg
    from threadpoolctl import ThreadpoolController

    assert scipy.linalg
    return ThreadpoolController().select(user_api="blas")
