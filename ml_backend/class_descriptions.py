"""Descriptions of classes as people write them: a JSON object, or a line `class: description` for each class."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

LONGEST_DESCRIPTION = 1000
"""Characters; embedding models read about as many."""
MOST_CHARACTERS = 100_000
"""Of all classes and descriptions of a project together: they are in each of its settings' copies."""

_COLON = re.compile("[:：]")
_LINE_BREAK = re.compile(r"\r\n|\r|\n")
_CONTROL_CHARACTER = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_EXAMPLE = 'write a line for each class, such as "billing: Questions about invoices and payments."'


def parse_descriptions(written: str) -> dict[str, Any]:
    """Class → description from a JSON object or from lines; a class without a description has an empty one.

    A class with a colon in its name is written in double quotes, as in JSON. Raises ValueError for text that is
    neither, and for a class that two lines describe differently.
    """
    if written.lstrip().startswith("{"):
        try:
            found = json.loads(written)
        except (ValueError, RecursionError) as problem:
            raise ValueError(f"class_descriptions begins with {{ and is not JSON: {problem}"[:300]) from None
        return dict(found)
    descriptions: dict[str, Any] = {}
    for number, line in enumerate(_LINE_BREAK.split(written), start=1):
        if not line.strip():
            continue
        name, description = _name_and_description(line.strip(), number)
        if descriptions.get(name) and description and descriptions[name] != description:
            raise ValueError(f"line {number} of class_descriptions describes {name!r} a second time: join both lines")
        descriptions[name] = description or descriptions.get(name, "")
    return descriptions


def clean_descriptions(descriptions: Mapping[str, str]) -> dict[str, str]:
    """The descriptions without superfluous white space and without empty ones.

    Raises ValueError if one of them, or all together, are too long.
    """
    cleaned = {name.strip(): _one_line(text) for name, text in descriptions.items() if _one_line(text)}
    for name, text in cleaned.items():
        if len(text) > LONGEST_DESCRIPTION:
            raise ValueError(
                f"the description of {name[:100]!r} has {len(text):,} characters: write at most {LONGEST_DESCRIPTION:,}"
            )
    if (characters := sum(len(name) + len(text) for name, text in cleaned.items())) > MOST_CHARACTERS:
        raise ValueError(
            f"class_descriptions has {characters:,} characters in all: at most {MOST_CHARACTERS:,} are kept, so "
            "describe only the classes whose names say little"
        )
    return cleaned


def description_lines(classes: Iterable[str], descriptions: Mapping[str, str]) -> str:
    """A line `class: description` for each class, then for those that are described but not among the classes."""
    names = dict.fromkeys([*classes, *descriptions])
    return "\n".join(f"{_written_name(name)}: {descriptions.get(name, '')}".rstrip() for name in names)


def _name_and_description(line: str, number: int) -> tuple[str, str]:
    if line.startswith('"'):
        try:
            name, end = json.JSONDecoder().raw_decode(line)
            after = line[end:].lstrip()
            if _COLON.match(after):
                return str(name).strip(), _one_line(after[1:])
        except ValueError:
            pass  # a name that begins with a quotation mark
    parts = _COLON.split(line, maxsplit=1)
    if len(parts) != 2 or not parts[0].strip():
        raise ValueError(f"line {number} of class_descriptions ({line[:60]!r}) has no class before a colon: {_EXAMPLE}")
    return parts[0].strip(), _one_line(parts[1])


def _one_line(text: str) -> str:
    return " ".join(_CONTROL_CHARACTER.sub(" ", text).split())


def _written_name(name: str) -> str:
    needs_quotes = _COLON.search(name) or _CONTROL_CHARACTER.search(name) or name.startswith(('"', "{"))
    return json.dumps(name, ensure_ascii=False) if needs_quotes else name
