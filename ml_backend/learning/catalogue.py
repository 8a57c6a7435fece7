"""Which strategies and initial pools exist, and what each strategy says of itself, without importing any of them.

The server lists strategies on its pages and never loads numpy, which every strategy imports. So names come from the
files of `strategies/` and the metadata of installed packages, and descriptions are read from the source text.
"""

from __future__ import annotations

import ast
import logging
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

logger = logging.getLogger(__name__)

ENTRY_POINT_GROUP = "active_learning.strategies"
"""Other packages name their strategies in this group, each entry point a module with `INFO` and `select`."""

STRATEGY_FILES = Path(__file__).parent / "strategies"

INITIAL_POOLS = {
    "coreset": "ml_backend.learning.strategies.coreset",
    "kmeans": "ml_backend.learning.initial.kmeans",
    "max_herding": "ml_backend.learning.strategies.max_herding",
    "random": "ml_backend.learning.strategies.random",
    "typiclust": "ml_backend.learning.strategies.typiclust",
}
"""Initial pool → the module whose `select` chooses it. Four are strategies that need no head."""


@dataclass(frozen=True, kw_only=True)
class StrategyInfo:
    """What a strategy says of itself; the pages and docs/strategies.md show it.

    needs_head: it scores with the head's probabilities or weights; multi_label: it has a meaning for heads that give
    a text several labels (the docstring of its `select` says which); paper: authors, year and arXiv number or DOI;
    summary: what it does, in one or two sentences; when: when to choose it; cost: what it computes.
    """

    needs_head: bool
    multi_label: bool
    paper: str
    summary: str
    when: str
    cost: str


def strategy_names() -> list[str]:
    """Names of the built-in strategies and of those of other packages, sorted."""
    return sorted({*builtin_names(), *plugins()})


@cache
def builtin_names() -> frozenset[str]:
    """Names of the strategies in `strategies/`: those of its files."""
    return frozenset(path.stem for path in STRATEGY_FILES.glob("*.py") if not path.stem.startswith("_"))


@cache
def plugins() -> dict[str, EntryPoint]:
    """The strategies of other packages by name, without those of `name_clashes`, which are logged as errors."""
    for sentence in name_clashes().values():
        logger.error("%s", sentence)
    return {name: points[0] for name, points in _entry_points().items() if name not in name_clashes()}


@cache
def name_clashes() -> dict[str, str]:
    """Strategy names of other packages that are taken, by a built-in strategy or by two packages → a sentence."""
    clashes = {}
    for name, points in _entry_points().items():
        # A package that lies on the path twice, as in an editable install, is not a clash.
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
    """The `INFO` of a built-in strategy, read from its file.

    Raises ValueError when the file has no `INFO = StrategyInfo(...)` of literal values.
    """
    tree = ast.parse((STRATEGY_FILES / f"{name}.py").read_text(encoding="utf-8"))
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "INFO":
            assert isinstance(statement.value, ast.Call)
            return StrategyInfo(**{str(k.arg): ast.literal_eval(k.value) for k in statement.value.keywords})
    raise ValueError(f"strategy {name!r} must have INFO = StrategyInfo(...) at the top of its file")


def summary(name: str) -> str:
    """What a strategy does, for a list on a page; of another package's strategy, which package it is from."""
    if name in builtin_names():
        return builtin_info(name).summary
    return f"From the package {package_of(plugins()[name])}."


def when(name: str) -> str:
    """When to choose a strategy, for a list on a page; empty for another package's strategy, which is not loaded."""
    return builtin_info(name).when if name in builtin_names() else ""
