"""Runs of several heads in one table: a strategy with a head that knows the class names is a strategy of its own."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

PLAIN, NAMED = "plain", "named"
"""Values of the column `head`: a head that learns from labels only, and one that knows the class names too."""
SUFFIX = f" ({NAMED})"


def heads_of(results: pd.DataFrame, planned: Sequence[str] = ()) -> list[str]:
    """The heads of results and of a plan, sorted; results without the column `head` are of the plain head."""
    return sorted({*(results["head"] if "head" in results else [PLAIN] if len(results) else []), *planned})


def with_heads_in_strategies(results: pd.DataFrame, heads: Sequence[str]) -> pd.DataFrame:
    """Results without the column `head`; with several heads, a strategy has the suffix of its own: "margin (named)"."""
    if "head" not in results:
        return results
    table = results.drop(columns="head")
    if len(heads) < 2:
        return table
    return table.assign(strategy=[of_head(*names) for names in zip(results["strategy"], results["head"], strict=True)])


def of_head(strategy: str, head: str) -> str:
    """The name of a strategy with this head, where there are several heads."""
    return strategy if head == PLAIN else strategy + SUFFIX


def head_of(name: str) -> str:
    """The head of a name from `of_head`."""
    return NAMED if name.endswith(SUFFIX) else PLAIN


def strategy_of(name: str) -> str:
    """The strategy of a name from `of_head`."""
    return name.removesuffix(SUFFIX)


def by_head(values: pd.Series) -> pd.Series:
    """Values with index RUN, with the level `head` in addition, and strategies without the suffix of their head."""
    table = values.rename("value").reset_index()
    table["head"] = table["strategy"].map(head_of)
    table["strategy"] = table["strategy"].map(strategy_of)
    return table.set_index([*values.index.names, "head"])["value"]
