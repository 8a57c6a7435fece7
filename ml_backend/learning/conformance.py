"""Checks that every strategy has to pass, whoever wrote it; the tests apply them to those of this package."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning import strategies
from ml_backend.learning.catalogue import BrokenStrategy
from ml_backend.learning.head import Head
from ml_backend.learning.head.held_out import HeldOut
from ml_backend.learning.pool import Pool
from ml_backend.learning.strategy_file import StrategyFile

N_CLASSES = 3


def check_conformance(strategy: str | StrategyFile) -> None:
    """Raise BrokenStrategy, which says on which pool, for a strategy that does not do what the cycle relies on.

    On small pools: as many different unlabelled rows as asked for (integers, best first), one, several and all; only
    rows that may be chosen; nothing written into the pool; the same picks for the same generator, and for embeddings
    in half precision; equal rows, very large and very small values, and a class without a label are no error.
    """
    strategies.get(strategy)  # what cannot be loaded is not the fault of a pool
    for kind, pool in _pools():
        for size in (1, 7, len(pool.unlabeled)):
            first, second = (_picks(strategy, kind, pool, size) for _ in range(2))
            if not np.array_equal(first, second):
                raise BrokenStrategy(
                    f"strategy {str(strategy)!r} chose other rows for the same pool and the same generator ({kind}): "
                    "take every random number from `rng`, and keep nothing between two calls"
                )
    half, single = (_picks(strategy, "half precision", _pool(x), 7) for x in _half_precision())
    if not np.array_equal(half, single):
        raise BrokenStrategy(
            f"strategy {str(strategy)!r} chose other rows for embeddings in half precision than for the same numbers "
            "in single precision: read them by `pool.rows(numbers)`, which gives float32"
        )


def _picks(strategy: str | StrategyFile, kind: str, pool: Pool, size: int) -> NDArray[np.int64]:
    before = pool.embeddings.copy(), pool.labels.copy()
    try:
        picks = strategies.select(strategy, pool, size, np.random.default_rng(size))
    except Exception as error:
        raise BrokenStrategy(f"on a pool of {kind}, {size} rows asked for: {error}") from error
    if not (np.array_equal(before[0], pool.embeddings) and np.array_equal(before[1], pool.labels)):
        raise BrokenStrategy(f"strategy {str(strategy)!r} changed the arrays of the pool ({kind}): change a copy")
    return picks


def _pools() -> Iterator[tuple[str, Pool]]:
    x = _clusters()
    yield "clusters", _pool(x)
    yield "equal rows", _pool(np.ones_like(x))
    yield "rows of zeros", _pool(np.zeros_like(x))
    yield "very large values", _pool(x * np.float32(1e4))
    yield "very small values", _pool(x * np.float32(1e-4))
    yield "clusters of which a third may be chosen", _pool(x, candidates=np.arange(len(x)) % 3 == 0)
    yield "clusters with a class without a label", _pool(x, n_classes=N_CLASSES + 1)
    yield "clusters with three rows left", _pool(x, labeled=len(x) - 3)


def _clusters() -> NDArray[np.float32]:
    rng = np.random.default_rng(0)
    x: NDArray[np.float32] = rng.normal(size=(60, 5)).astype(np.float32)
    x += rng.normal(size=(N_CLASSES, 5))[np.arange(60) % N_CLASSES]
    return x


def _half_precision() -> tuple[NDArray[np.float16], NDArray[np.float32]]:
    half = _clusters().astype(np.float16)
    return half, half.astype(np.float32)


def _pool(
    x: NDArray[np.floating],
    labeled: int = 15,
    n_classes: int = N_CLASSES,
    candidates: NDArray[np.bool_] | None = None,
) -> Pool:
    """A pool with a head and its labels in folds, as a cycle makes it; x (N, D)."""
    labels = np.full(len(x), -1, dtype=np.int64)
    labels[:labeled] = np.arange(labeled) % N_CLASSES
    X, y = np.asarray(x[:labeled], dtype=np.float32), labels[:labeled]
    pool = Pool(x, labels, n_classes, Head().fit(X, y, n_classes), candidates)
    assert pool.head is not None
    pool.held_out = HeldOut(X, y, n_classes, pool.head.C, None, np.random.default_rng(0))
    return pool
