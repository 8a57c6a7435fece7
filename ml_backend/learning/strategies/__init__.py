"""Query strategies by name: each is one file, named like the strategy; other packages add theirs by entry point.

A strategy is a module that defines

    INFO = StrategyInfo(...)  # what it needs, what it does, which paper it is from; literal values
    def select(pool, batch_size, rng, *, option=default) -> (batch_size,) int64 rows, best first

`select` is only called with 1 ≤ batch_size ≤ number of unlabelled rows, and with a head in the pool if INFO says that
the strategy needs one. The arrays of the pool are read-only. docs/strategies.md shows how another package adds a
strategy.
"""

from __future__ import annotations

import importlib
import logging
import traceback
from functools import cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning.batch.class_balance import balanced
from ml_backend.learning.catalogue import (
    BrokenStrategy,
    StrategyInfo,
    UnknownStrategy,
    builtin_names,
    check_strategy,
    name_clashes,
    package_of,
    plugins,
    strategy_names,
)
from ml_backend.learning.numerics.threads import one_thread
from ml_backend.learning.pool import NeedsHead, Pool
from ml_backend.learning.strategy_file import StrategyFile

__all__ = ["BrokenStrategy", "Strategy", "UnknownStrategy", "get", "names", "select"]

logger = logging.getLogger(__name__)


class Strategy(Protocol):
    """What the module of a strategy defines."""

    INFO: StrategyInfo
    __doc__: str | None

    def select(self, pool: Pool, batch_size: int, rng: np.random.Generator, **options: Any) -> NDArray[np.int64]:
        """The rows to label next, (batch_size,) int64, best first."""


@cache
def names() -> list[str]:
    """Names of all usable strategies, sorted. Broken ones of other packages are left out and logged as errors."""
    return [name for name in strategy_names() if name in builtin_names() or _is_usable(name)]


@cache
def get(name: str | StrategyFile) -> Strategy:
    """The module of a strategy, by its name or in a file.

    Raises UnknownStrategy, which lists the names that exist, and BrokenStrategy for a strategy of another package that
    cannot be loaded or whose name two packages define, and for a file without a strategy.
    """
    if isinstance(name, StrategyFile):
        from_file: Any = name.load()
        return from_file  # type: ignore[no-any-return]
    check_strategy(name)
    if name in builtin_names():
        module: Any = importlib.import_module(f"{__name__}.{name}")
        return module  # type: ignore[no-any-return]
    if name in plugins():
        return _plugin(name)
    raise BrokenStrategy(name_clashes()[name])


def select(
    name: str | StrategyFile,
    pool: Pool,
    batch_size: int,
    rng: np.random.Generator,
    *,
    subpool: int | None = None,
    balance: int | None = None,
    **options: Any,
) -> NDArray[np.int64]:
    """Pick the rows to label next, (b,) int64, all unlabelled and different, best first.

    b is batch_size, or the number of unlabelled rows when there are fewer. The same inputs and the same state of the
    generator give the same picks on any number of threads. Two options work with every strategy:
    subpool: choose among that many unlabelled rows, drawn uniformly; None: among all.
    balance: ask the strategy for balance × batch_size rows and keep those whose predicted classes have the fewest
    labels, see `balanced`; needs a head and exclusive classes; None: off.
    options: keyword arguments of the strategy's own `select`.

    Raises UnknownStrategy; BrokenStrategy; NeedsHead; ValueError for sizes out of range, or when the pool is
    multi-label and the strategy or an option has no multi-label form; NotFinite when a row that is labelled or may be
    picked holds NaN or infinity.
    """
    strategy = get(name)
    _check_request(str(name), strategy, pool, batch_size, subpool, balance)
    pool.check_finite()
    if subpool is not None:
        pool = pool.sample(max(subpool, batch_size), rng)
    size = min(batch_size, len(pool.unlabeled))
    if size == 0:
        return np.empty(0, dtype=np.int64)
    n_ranked = size if balance is None else min(balance * size, len(pool.unlabeled))
    with one_thread():
        if isinstance(name, StrategyFile):
            picks = _picks_of_others(f"strategy {name.path}", strategy, pool, n_ranked, rng, options)
        elif name in plugins():
            whose = f"strategy {name!r} of package {package_of(plugins()[name])}"
            picks = _picks_of_others(whose, strategy, pool, n_ranked, rng, options)
        else:
            picks = np.asarray(strategy.select(pool, n_ranked, rng, **options), dtype=np.int64)
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
        raise BrokenStrategy(
            f"strategy {name!r} of package {package} must be a module with INFO, a StrategyInfo, and a function select"
        )
    return module  # type: ignore[no-any-return]


def _picks_of_others(
    whose: str, strategy: Strategy, pool: Pool, size: int, rng: np.random.Generator, options: dict[str, Any]
) -> NDArray[np.int64]:
    """The picks of a strategy of another package or of a file, (size,) int64; whose: which one, for messages.

    Our tests do not cover the code of others. Raises BrokenStrategy when the strategy raises an error, such as for
    writing into the pool, and when it does not return `size` different unlabelled rows.
    """
    try:
        picks = np.asarray(strategy.select(pool, size, rng, **options))
    except Exception as error:
        # numpy has no error of its own for writing into a read-only array.
        is_write = isinstance(error, ValueError) and "read-only" in str(error)
        remedy = "; the arrays of a pool cannot be written to: change a copy" if is_write else ""
        raise BrokenStrategy(f"{whose} failed: {error!r}{_where(error, strategy)}{remedy}") from error
    if wrong := _wrong_with(picks, pool, size):
        raise BrokenStrategy(f"{whose} must return {size} different unlabelled rows; it returned {wrong}")
    return picks.astype(np.int64)


def _wrong_with(picks: NDArray[Any], pool: Pool, size: int) -> str:
    """What keeps these picks from being `size` different unlabelled rows, or empty."""
    if picks.shape != (size,) or not np.issubdtype(picks.dtype, np.integer):
        return f"an array of shape {picks.shape} and type {picks.dtype}"
    if len(np.unique(picks)) != size:
        return f"a row more than once ({len(np.unique(picks))} different ones)"
    others = picks[~np.isin(picks, pool.unlabeled)]
    if len(others):
        return f"row {others[0]}, which may not be chosen: position i of the unlabelled rows is row pool.unlabeled[i]"
    return ""


def _where(error: Exception, strategy: Strategy) -> str:
    """The line of the strategy's file at which an error was raised, or empty if that was not in the file."""
    path = getattr(strategy, "__file__", None)
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == path]
    return f" in line {lines[-1]}" if lines else ""


def _check_request(
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
        raise ValueError("balance needs exclusive classes, and this pool is multi-label; leave balance out")
