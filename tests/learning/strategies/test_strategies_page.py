"""docs/strategies.md lists what there is, in the words of the strategies themselves."""

import inspect
import re
from pathlib import Path

import pytest

from ml_backend.learning import initial, strategies

TEXT = (Path(__file__).parents[3] / "docs" / "strategies.md").read_text()


def table() -> str:
    """The table of strategies as it must stand in the docs."""
    lines = ["| strategy | what it does | when | costs | needs | paper |", "|---|---|---|---|---|---|"]
    for name in strategies.names():
        s = strategies.get(name)
        needs = ", ".join(word for word, there in (("head", s.NEEDS_HEAD), ("multi", s.MULTI_LABEL)) if there)
        lines.append(f"| `{name}` | {s.SUMMARY} | {s.WHEN} | {s.COST} | {needs} | {s.PAPER} |")
    return "\n".join(lines)


def test_the_table_of_strategies_is_that_of_the_code():
    assert table() in TEXT, f"docs/strategies.md must hold this table:\n{table()}"


def test_the_initial_pools_are_those_of_the_code():
    section = TEXT.split("## Initial pools")[1].split("\n## ")[0]
    assert re.findall(r"^\| `(\w+)`", section, re.MULTILINE) == initial.names()


@pytest.mark.parametrize("name", ["typiclust", "max_herding", "uherding", "probcover", "bait"])
def test_the_exact_sizes_are_those_of_the_code(name):
    default = inspect.signature(strategies.get(name).select).parameters["exact_up_to"].default
    line = next(
        line for line in TEXT.splitlines() if line.startswith("| ") and f"`{name}`" in line and "exact_up_to` =" in line
    )
    assert f"`exact_up_to` = {default:,} " in line
