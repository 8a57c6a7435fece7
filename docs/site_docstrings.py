"""A griffe extension of `make docs`: lines of a docstring that explain a parameter, as `name: …`, become a list."""

from __future__ import annotations

import re
from typing import Any

import griffe

PARAMETER = re.compile(r"^(\*{0,2}[A-Za-z_]\w*(?:, \*{0,2}[A-Za-z_]\w*)*): (?=\S)")


def with_lists(docstring: str) -> str:
    """The docstring as Markdown, with an item for each line that starts with `name: ` or `name, name: `."""
    lines: list[str] = []
    for line in docstring.splitlines():
        item = PARAMETER.sub(r"- `\1`: ", line)
        previous = lines[-1] if lines else ""
        if item != line and previous and not previous.startswith("- "):
            lines.append("")
        lines.append(item)
    return "\n".join(lines)


class ParameterLists(griffe.Extension):
    """Rewrites every docstring once, when its object is found."""

    def on_instance(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rewrite the docstring of a module, class, function or attribute."""
        if obj.docstring is not None:
            obj.docstring.value = with_lists(obj.docstring.value)
