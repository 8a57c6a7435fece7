"""Query strategies by name: one file each, found by its file name; other packages add theirs by entry point.

A strategy is a module that defines

    INFO = StrategyInfo(...)  # what it needs, what it does, whose it is; literal values
    def select(pool, batch_size, rng, *, option=default) -> (b,) int64 rows, best first

and may count on 1 ≤ batch_size ≤ number of unlabelled rows, and on a head where INFO says that it needs one.
docs/strategies.md shows how another package adds one.
"""

from __future__ import annotations

import importlib
import logging
from functools import cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning.batch.class_balance import balanced
from ml_backend.learning.catalogue import StrategyInfo, builtin_names, name_clashes, package_of, plugins, strategy_names
from ml_backend.learning.numerics.threads import one_thread
from ml_backend.learning.pool import NeedsHead, Pool

logger = logging.getLogger(__name__)


class Strategy(Protocol):
    """What a strategy's module defines."""

    INFO: StrategyInfo
    __doc__: str | None

    def select(self, pool: Pool, batch_size: int, rng: np.random.Generator, **options: Any) -> NDArray[np.int64]: ...


class UnknownStrategy(ValueError):
    """No strategy has that name; the message lists the names that exist."""


class BrokenStrategy(ValueError):
    """A strategy of another package cannot be used; the message names the package."""


@cache
def names() -> list[str]:
    """Names of all strategies, sorted. Broken strategies of other packages are left out, and logged as errors."""
    return [name for name in strategy_names() if name in builtin_names() or _is_usable(name)]


@cache
def get(name: str) -> Strategy:
    """The strategy's module.

    Raises UnknownStrategy listing the known names, and BrokenStrategy for one of another package that does not load or
    shares its name with that of a third.
    """
    if name in builtin_names():
        module: Any = importlib.import_module(f"{__name__}.{name}")
        return module  # type: ignore[no-any-return]
    if name in plugins():
        return _plugin(name)
    if name in name_clashes():
        raise BrokenStrategy(name_clashes()[name])
    raise UnknownStrategy(f"unknown strategy {name!r}; known: {', '.join(names())}")


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

    b is batch_size, or the number of unlabelled rows when there are fewer. Equal inputs and generator states give
    equal picks on any number of threads. Two options go with any strategy:
    subpool: choose among that many unlabelled rows, drawn uniformly; None: among all.
    balance: ask the strategy for balance × batch_size rows and keep those whose predicted classes have fewest labels,
    see `balanced`; needs a head and exclusive classes; None: off.
    options: the strategy's own, see its `select`.

    Raises UnknownStrategy; BrokenStrategy; NeedsHead; NotFinite naming a labelled or unlabelled row that holds NaN or
    infinity; ValueError for sizes out of range or a strategy that has no multi-label form.
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
        if name in plugins():
            picks = _picks_of_plugin(name, strategy, pool, asked, rng, options)
        else:
            picks = np.asarray(strategy.select(pool, asked, rng, **options), dtype=np.int64)
        return picks if balance is None else balanced(pool, picks, size)


def _is_usable(name: str) -> bool:
    try:
        get(name)
    except BrokenStrategy as problem:
        logger.error("%s", problem)
        return False
    return True


def _plugin(name: str) -> Strategy:
    package = package_of(plugins()[name])
    try:
        module: Any = plugins()[name].load()
    except Exception as error:
        raise BrokenStrategy(f"strategy {name!r} of package {package} cannot be loaded: {error!r}") from error
    if not isinstance(getattr(module, "INFO", None), StrategyInfo) or not callable(getattr(module, "select", None)):
        raise BrokenStrategy(f"strategy {name!r} of package {package} lacks INFO, a StrategyInfo, or a function select")
    return module  # type: ignore[no-any-return]


def _picks_of_plugin(
    name: str, strategy: Strategy, pool: Pool, size: int, rng: np.random.Generator, options: dict[str, Any]
) -> NDArray[np.int64]:
    """What a strategy of another package picks. No test of ours has seen it: whatever goes wrong names the package.

    Raises BrokenStrategy when it raises or does not return `size` different unlabelled rows.
    """
    package = package_of(plugins()[name])
    try:
        picks = np.asarray(strategy.select(pool, size, rng, **options))
    except Exception as error:
        raise BrokenStrategy(f"strategy {name!r} of package {package} failed: {error!r}") from error
    is_whole = picks.shape == (size,) and np.issubdtype(picks.dtype, np.integer)
    if not is_whole or len(np.unique(picks)) != size or not np.isin(picks, pool.unlabeled).all():
        raise BrokenStrategy(f"strategy {name!r} of package {package} must return {size} different unlabelled rows")
    return picks.astype(np.int64)


def _check(
    name: str, strategy: Strategy, pool: Pool, batch_size: int, subpool: int | None, balance: int | None
) -> None:
    if batch_size < 0:
        raise ValueError(f"batch_size must be 0 or more, got {batch_size}")
    for option, value in (("subpool", subpool), ("balance", balance)):
        if value is not None and value < 1:
            raise ValueError(f"{option} must be 1 or more, got {value}")
    if strategy.INFO.needs_head and pool.head is None:
        raise NeedsHead(f"strategy {name!r} needs a fitted head; label some tasks or use an initial method")
    if pool.multi_label and not strategy.INFO.multi_label:
        usable = [n for n in names() if get(n).INFO.multi_label]
        raise ValueError(f"strategy {name!r} has no multi-label form; use one of: {', '.join(usable)}")
    if balance is not None and pool.head is None:
        raise NeedsHead("balance needs a fitted head to predict classes; label some tasks first")
    if balance is not None and pool.multi_label:
        raise ValueError("balance needs exclusive classes; this pool is multi-label")
