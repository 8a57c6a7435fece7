"""The tables of docs/strategies.md are those of the strategies' own descriptions."""

import inspect
import re
from pathlib import Path

import pytest

from ml_backend.learning import initial, strategies
from ml_backend.learning.catalogue import builtin_info
from ml_backend.learning.documentation import strategy_table, with_table
from ml_backend.project_settings import strategy_summaries, strategy_uses

TEXT = (Path(__file__).parents[3] / "docs" / "strategies.md").read_text()


def test_the_documented_table_of_strategies_is_that_of_the_code():
    assert strategies.names() == sorted(set(re.findall(r"^\| `(\w+)`", strategy_table(), re.MULTILINE)))
    assert with_table(TEXT) == TEXT, "update it: python -m ml_backend.learning.documentation"


def test_only_an_outdated_table_is_replaced():
    stale = re.sub(r"\| `margin` .*\n", "", TEXT).replace("one scoring of the pool", "nothing")
    assert stale != TEXT
    assert with_table(stale) == TEXT
    with pytest.raises(ValueError, match="must have a table"):
        with_table("# Strategies\n")


@pytest.mark.parametrize("name", strategies.names())
def test_descriptions_read_from_the_source_are_those_of_the_module(name):
    assert builtin_info(name) == strategies.get(name).INFO
    assert strategy_summaries()[name] == strategies.get(name).INFO.summary
    assert strategy_uses()[name] == strategies.get(name).INFO.when


def test_the_documented_initial_methods_are_those_of_the_code():
    section = TEXT.split("## Initial pools")[1].split("\n## ")[0]
    assert re.findall(r"^\| `(\w+)`", section, re.MULTILINE) == initial.names()


@pytest.mark.parametrize("name", ["typiclust", "max_herding", "uherding", "probcover", "bait"])
def test_the_documented_exact_sizes_are_those_of_the_code(name):
    default = inspect.signature(strategies.get(name).select).parameters["exact_up_to"].default
    line = next(
        line for line in TEXT.splitlines() if line.startswith("| ") and f"`{name}`" in line and "exact_up_to` =" in line
    )
    assert f"`exact_up_to` = {default:,} " in line
