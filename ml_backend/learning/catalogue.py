"""The names of the strategies and initial pools, and the description of each strategy, without importing any of them.

The server lists strategies on its pages but never loads numpy, which every strategy imports. Therefore the names are
taken from the files of `strategies/` and the metadata of installed packages, and the descriptions are read from the
source text.
"""

from __future__ import annotations

import ast
import logging
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from ml_backend.learning.unknown_names import unknown_name

logger = logging.getLogger(__name__)

ENTRY_POINT_GROUP = "active_learning.strategies"
"""Other packages register their strategies in this group; each entry point is a module with `INFO` and `select`."""

STRATEGY_FILES = Path(__file__).parent / "strategies"

INITIAL_POOLS = {
    "coreset": "ml_backend.learning.strategies.coreset",
    "kmeans": "ml_backend.learning.initial.kmeans",
    "max_herding": "ml_backend.learning.strategies.max_herding",
    "random": "ml_backend.learning.strategies.random",
    "typiclust": "ml_backend.learning.strategies.typiclust",
}
"""Name of an initial pool → the module whose `select` chooses it. Four of them are strategies that need no head."""


class UnknownStrategy(ValueError):
    """No strategy has that name; the message lists the names that exist."""


class BrokenStrategy(ValueError):
    """A strategy of another package or of a file cannot be used; the message names the package or the file."""


class UnknownInitial(ValueError):
    """No initial method has that name; the message lists the names that exist."""


@dataclass(frozen=True, kw_only=True)
class StrategyInfo:
    """The description of a strategy. The settings page shows parts of it, and docs/strategies.md all of it.

    needs_head: whether it needs a fitted head, because it uses the head's probabilities or weights.
    multi_label: whether it is defined for heads that can give a text several labels; the docstring of its `select` says
    how.
    paper: authors, year and arXiv number or DOI.
    summary: what it does, in one or two sentences.
    when: when to choose it.
    cost: what it computes.
    """

    needs_head: bool
    multi_label: bool
    paper: str
    summary: str
    when: str
    cost: str


def strategy_names() -> list[str]:
    """Names of all strategies, sorted: the built-in ones and those of other packages."""
    return sorted({*builtin_names(), *plugins()})


def initial_names() -> list[str]:
    """Names of all initial methods, sorted."""
    return sorted(INITIAL_POOLS)


def check_strategy(name: str) -> None:
    """Raise UnknownStrategy for a name that no strategy has.

    Whether the strategy of another package can be used is found only when it is loaded, see `strategies.get`.
    """
    if name not in builtin_names() and name not in plugins() and name not in name_clashes():
        raise UnknownStrategy(unknown_name("strategy", name, strategy_names()))


def check_initial(name: str) -> None:
    """Raise UnknownInitial for a name that no initial method has."""
    if name not in INITIAL_POOLS:
        raise UnknownInitial(unknown_name("initial method", name, initial_names()))


@cache
def builtin_names() -> frozenset[str]:
    """Names of the built-in strategies: the file names in `strategies/` without `.py`."""
    return frozenset(path.stem for path in STRATEGY_FILES.glob("*.py") if not path.stem.startswith("_"))


@cache
def plugins() -> dict[str, EntryPoint]:
    """Strategies of other packages: name → entry point. Names in `name_clashes` are left out and logged as errors."""
    for sentence in name_clashes().values():
        logger.error("%s", sentence)
    return {name: points[0] for name, points in _entry_points().items() if name not in name_clashes()}


@cache
def name_clashes() -> dict[str, str]:
    """Strategy names of other packages that cannot be used: name → a sentence that says why.

    The name belongs to a built-in strategy, or two packages define it.
    """
    clashes = {}
    for name, points in _entry_points().items():
        # An editable install can list the same package twice on the path; that is not a clash.
        packages = sorted({package_of(point) for point in points})
        if name in builtin_names():
            clashes[name] = f"strategy {name!r} of package {packages[0]} is ignored: a built-in strategy has that name"
        elif len(packages) > 1:
            clashes[name] = f"strategy {name!r} is ignored: packages {' and '.join(packages)} both define it"
    return clashes


def _entry_points() -> dict[str, list[EntryPoint]]:
    by_name: dict[str, list[EntryPoint]] = {}
    for point in entry_points(group=ENTRY_POINT_GROUP):
        by_name.setdefault(point.name, []).append(point)
    return by_name


def package_of(entry_point: EntryPoint) -> str:
    """Name of the installed package that an entry point belongs to."""
    return entry_point.dist.name if entry_point.dist is not None else entry_point.module


@cache
def builtin_info(name: str) -> StrategyInfo:
    """The `INFO` of a built-in strategy, read from its source file without importing it.

    Raises FileNotFoundError when there is no such strategy, and ValueError when its file has no
    `INFO = StrategyInfo(...)` or when a value in it is not a literal.
    """
    tree = ast.parse((STRATEGY_FILES / f"{name}.py").read_text(encoding="utf-8"))
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "INFO":
            assert isinstance(statement.value, ast.Call)
            return StrategyInfo(**{str(k.arg): ast.literal_eval(k.value) for k in statement.value.keywords})
    raise ValueError(f"strategy {name!r} must have INFO = StrategyInfo(...) at the top of its file")


def summary(name: str) -> str:
    """What a strategy does, for a list on a page; for a strategy of another package, the name of that package."""
    if name in builtin_names():
        return builtin_info(name).summary
    return f"From the package {package_of(plugins()[name])}."


def when(name: str) -> str:
    """When to choose a strategy, for a list on a page; empty for a strategy of another package, which is not loaded."""
    return builtin_info(name).when if name in builtin_names() else ""
