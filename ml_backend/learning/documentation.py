"""Writes the table of strategies in docs/strategies.md: python -m ml_backend.learning.documentation"""

from __future__ import annotations

from pathlib import Path

from ml_backend.learning.catalogue import builtin_info, builtin_names

PAGE = Path(__file__).parents[2] / "docs" / "strategies.md"
HEADING = "| strategy | what it does | when | cost | needs | paper |\n|---|---|---|---|---|---|\n"


def strategy_table() -> str:
    """The built-in strategies as a Markdown table, one row per strategy, with the texts of their `INFO`."""
    rows = []
    for name in sorted(builtin_names()):
        info = builtin_info(name)
        needs = ", ".join(word for word, is_so in (("head", info.needs_head), ("multi", info.multi_label)) if is_so)
        rows.append(f"| `{name}` | {info.summary} | {info.when} | {info.cost} | {needs} | {info.paper} |\n")
    return HEADING + "".join(rows)


def with_table(page: str) -> str:
    """The text of the page with its table of strategies replaced by that of the current code.

    Raises ValueError when the page has no such table.
    """
    before, heading, rest = page.partition(HEADING)
    if not heading:
        raise ValueError(f"docs/strategies.md must have a table that begins with {HEADING!r}")
    lines = rest.splitlines(keepends=True)
    after = next((i for i, line in enumerate(lines) if not line.startswith("|")), len(lines))
    return before + strategy_table() + "".join(lines[after:])


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
