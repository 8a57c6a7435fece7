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
_NOT_TEXT = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
"""Control characters and lone surrogates, which models refuse."""
_OBJECT = 'an object of classes and sentences, such as {"billing": "Questions about invoices and payments."}'
_EXAMPLE = 'write a line for each class, such as "billing: Questions about invoices and payments."'


def parse_descriptions(written: str) -> dict[str, Any]:
    """Class → description from a JSON object or from lines; a class without a description has an empty one.

    A class with a colon in its name is written in double quotes, as in JSON. Raises ValueError for text that is
    neither, and for a class that is described twice in different words.
    """
    if written.lstrip().startswith("{"):
        try:
            found = json.loads(written, object_pairs_hook=_without_repeats)
        except _Repeated as problem:
            raise ValueError(str(problem)) from None
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


def check_types(given: Any) -> dict[str, str] | None:
    """The descriptions without those that are null; None stays None. Raises ValueError unless they are all text."""
    if given is None:
        return None
    if not isinstance(given, dict):
        raise ValueError(f"class_descriptions must be {_OBJECT}, not {json.dumps(given, default=str)[:100]}")
    for name, text in given.items():
        if text is not None and not isinstance(text, str):
            raise ValueError(
                f"class_descriptions: the description of {str(name)[:100]!r} must be a sentence in quotation marks, "
                f"not {json.dumps(text, default=str)[:100]}"
            )
    return {name: text for name, text in given.items() if text is not None}


def clean_descriptions(descriptions: Mapping[str, str]) -> dict[str, str]:
    """The descriptions without superfluous white space and without empty ones.

    Raises ValueError if one of them, or all together, are too long, and for two of the same class.
    """
    cleaned: dict[str, str] = {}
    for written_name, written in descriptions.items():
        name, text = written_name.strip(), one_line(written)
        if text and cleaned.setdefault(name, text) != text:
            raise ValueError(str(_Repeated(name)))
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


def one_line(text: str) -> str:
    """The text without superfluous white space and what is no text; empty if nothing of it can be seen."""
    line = " ".join(_NOT_TEXT.sub(" ", text).split())
    return line if any(character.isprintable() and character != " " for character in line) else ""


class _Repeated(Exception):
    """A class that is described twice in different words."""

    def __init__(self, name: str) -> None:
        super().__init__(f"class_descriptions describes {name[:100]!r} twice: keep one of the two")


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if found.setdefault(name, value) != value:
            raise _Repeated(name)
    return found


def _name_and_description(line: str, number: int) -> tuple[str, str]:
    if line.startswith('"'):
        try:
            name, end = json.JSONDecoder().raw_decode(line)
            after = line[end:].lstrip()
            if _COLON.match(after):
                return str(name).strip(), one_line(after[1:])
        except ValueError:
            pass  # a name that begins with a quotation mark
    parts = _COLON.split(line, maxsplit=1)
    if len(parts) != 2 or not parts[0].strip():
        raise ValueError(f"line {number} of class_descriptions ({line[:60]!r}) has no class before a colon: {_EXAMPLE}")
    return parts[0].strip(), one_line(parts[1])


def _written_name(name: str) -> str:
    needs_quotes = _COLON.search(name) or _NOT_TEXT.search(name) or name.startswith(('"', "{"))
    return json.dumps(name, ensure_ascii=False) if needs_quotes else name
