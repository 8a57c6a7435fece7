"""What Label Studio's editor makes of a value with variables, such as "Book: $title ($year)", and a task's data.

Numbers, lists and objects are written as JavaScript's `String` writes them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

VARIABLE = re.compile(r"\$[\w\[\].{}]+", re.ASCII)
MISSING = object()
"""What a variable names that the task's data does not have."""
OBJECT = "[object Object]"
ONLY_OBJECTS = re.compile(r"\[object Object\](,\[object Object\])*")
MOST_DIGITS = 1_000


class TooLong(ValueError):
    """A text has more characters than are read."""


def variables(value: str) -> list[str]:
    """Names of the variables of a value, in their order, as often as they occur; without the dollar sign."""
    return [name[1:] for name in VARIABLE.findall(value)]


def only_variable(value: str) -> str | None:
    """The name of the variable that is the whole value; None if the value is anything else."""
    return value[1:] if VARIABLE.fullmatch(value) else None


def lookup(data: Mapping[str, Any], name: str) -> Any:
    """What a name such as `text`, `meta.title` or `turns[0].text` means in a task's data; MISSING if it is nothing."""
    if name in data:
        return data[name]
    if not re.search(r"[.\[\]]", name):
        return MISSING
    value: Any = data
    for key in _keys(name):
        value = _member(value, key)
    return value


def written(value: Any, most_characters: int) -> str:
    """A value as the editor writes it into a text: nothing for what is missing or null. Raises TooLong."""
    if isinstance(value, str):
        text = value
    elif isinstance(value, list):
        text = _list(value, most_characters)
    else:
        text = _scalar(value)
    if len(text) > most_characters:
        raise TooLong
    return text


def _keys(name: str) -> list[str]:
    """The parts of a name: `a.b[0]` → a, b, 0. A dot at the end is no part, and one at the start is an empty part."""
    keys, key, in_brackets = [""] if name.startswith(".") else [], "", False
    for character in name.removeprefix("."):
        ends_key = character == "]" if in_brackets else character in "[."
        if not ends_key:
            key += character
            continue
        if key or in_brackets:
            keys.append(key)
        key, in_brackets = "", character == "["
    return [*keys, key] if key else keys


def _member(value: Any, key: str) -> Any:
    if isinstance(value, Mapping):
        return value.get(key, MISSING)
    if not isinstance(value, str | list):
        return MISSING
    # JavaScript counts and numbers the characters of a string in units of UTF-16.
    items: Any = value.encode("utf-16-le", "surrogatepass") if isinstance(value, str) else value
    width = 2 if isinstance(value, str) else 1
    if key == "length":
        return len(items) // width
    index = int(key) if key.isascii() and key.isdigit() and len(key) < 10 else -1
    if str(index) != key or index >= len(items) // width:
        return MISSING
    return items[2 * index : 2 * index + 2].decode("utf-16-le", "surrogatepass") if width == 2 else items[index]


def _scalar(value: Any) -> str:
    if value is None or value is MISSING:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return _integer(value)
    return _number(value) if isinstance(value, float) else OBJECT


def _list(value: list[Any], most_characters: int) -> str:
    """The elements with commas between them, those of lists inside it too; without recursion, however deep it is."""
    pieces: list[str] = []
    comma = object()
    n_characters = 0
    left: list[Any] = [value]
    while left:
        item = left.pop()
        if isinstance(item, list):
            if len(item) > most_characters + 1:  # its commas alone are too many; it is not copied
                raise TooLong
            between = [part for element in reversed(item) for part in (element, comma)]
            left.extend(between[:-1])
            continue
        pieces.append("," if item is comma else _scalar(item))
        n_characters += len(pieces[-1])
        if n_characters > most_characters:
            raise TooLong
    return "".join(pieces)


def _integer(value: int) -> str:
    # Python refuses to write integers of several thousand digits.
    if value.bit_length() > 4 * MOST_DIGITS:
        raise TooLong
    return str(value)


def _number(value: float) -> str:
    if not math.isfinite(value):
        return {math.inf: "Infinity", -math.inf: "-Infinity"}.get(value, "NaN")
    if value == 0:
        return "0"
    if 1e-6 <= abs(value) < 1e21:
        return format(Decimal(repr(float(value))), "f").removesuffix(".0")
    mantissa, _, exponent = repr(float(value)).partition("e")
    return f"{mantissa}e{int(exponent):+d}"
