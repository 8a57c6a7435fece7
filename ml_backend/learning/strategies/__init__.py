"""Query strategies by name: one file each, found by its file name.

A strategy file defines

    NEEDS_HEAD: bool          # scores with the head's probabilities or weights
    MULTI_LABEL: bool         # has a meaning for multi-label heads (its docstring says which)
    PAPER: str                # whose it is
    SUMMARY, WHEN, COST: str  # what it does in two sentences, when to choose it, what it costs; for pages and docs
    def select(pool, batch_size, rng, *, option=default) -> (b,) int64 rows, best first

and may count on 1 ≤ batch_size ≤ number of unlabelled rows, and on a head where it needs one.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning.balancing import balanced
from ml_backend.learning.numerics.threads import one_thread
from ml_backend.learning.pool import NeedsHead, Pool


class Strategy(Protocol):
    """What a strategy module offers."""

    NEEDS_HEAD: bool
    MULTI_LABEL: bool
    PAPER: str
    SUMMARY: str
    WHEN: str
    COST: str
    __doc__: str | None

    def select(self, pool: Pool, batch_size: int, rng: np.random.Generator, **options: Any) -> NDArray[np.int64]: ...


class UnknownStrategy(ValueError):
    """No strategy of that name; the message lists those there are."""


@cache
def names() -> list[str]:
    """Names of all strategies, sorted."""
    return sorted(m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_"))


@cache
def get(name: str) -> Strategy:
    """The strategy's module. Raises UnknownStrategy listing the known names."""
    if name not in names():
        raise UnknownStrategy(f"unknown strategy {name!r}; known: {', '.join(names())}")
    module: Any = importlib.import_module(f"{__name__}.{name}")
    return module  # type: ignore[no-any-return]


def select(
    name: str,
    pool: Pool,
    batch_size: int,
    rng: np.random.Generator,
    *,
    subpool: int | None = None,
    balance: int | None = None,
    **options: Any,
) -> NDArray[np.int64]:
    """Pick rows to label next, (b,) int64, unlabelled, no repeats, best first.

    b is batch_size, or all unlabelled rows when there are fewer. Equal inputs and generator states give equal picks
    on any number of threads. Any strategy may be wrapped:
    subpool: choose among that many unlabelled rows, drawn uniformly; by default among all.
    balance: ask the strategy for balance × batch_size rows and keep those whose predicted classes have fewest labels,
    see `balanced`; needs a head and exclusive classes; by default off.
    options: the strategy's own, see its `select`.

    Raises UnknownStrategy, NeedsHead, NotFinite naming a labelled or unlabelled row that holds NaN or infinity, or
    ValueError for sizes out of range or a strategy that has no multi-label form.
    """
    strategy = get(name)
    _check(name, strategy, pool, batch_size, subpool, balance)
    pool.check_finite()
    if subpool is not None:
        pool = pool.sample(max(subpool, batch_size), rng)
    size = min(batch_size, len(pool.unlabeled))
    if size == 0:
        return np.empty(0, dtype=np.int64)
    asked = size if balance is None else min(balance * size, len(pool.unlabeled))
    with one_thread():
        picks = np.asarray(strategy.select(pool, asked, rng, **options), dtype=np.int64)
        return picks if balance is None else balanced(pool, picks, size)


def _check(
    name: str, strategy: Strategy, pool: Pool, batch_size: int, subpool: int | None, balance: int | None
) -> None:
    if batch_size < 0:
        raise ValueError(f"batch_size must be 0 or more, got {batch_size}")
    for option, value in (("subpool", subpool), ("balance", balance)):
        if value is not None and value < 1:
            raise ValueError(f"{option} must be 1 or more, got {value}")
    if strategy.NEEDS_HEAD and pool.head is None:
        raise NeedsHead(f"strategy {name!r} needs a fitted head; label some tasks or use an initial method")
    if pool.multi_label and not strategy.MULTI_LABEL:
        usable = [n for n in names() if get(n).MULTI_LABEL]
        raise ValueError(f"strategy {name!r} has no multi-label form; use one of: {', '.join(usable)}")
    if balance is not None and pool.head is None:
        raise NeedsHead("balance needs a fitted head to predict classes; label some tasks first")
    if balance is not None and pool.multi_label:
        raise ValueError("balance needs exclusive classes; this pool is multi-label")
