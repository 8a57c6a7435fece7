"""Names of classes as people would write them, and names that are codes and say nothing."""

from __future__ import annotations

import re

PATH_SEPARATOR = " / "
"""Between the parts of the name of a nested class, such as "fruit / apple"."""
GENERIC_WORDS = (
    *("label", "class", "category", "cat", "cluster", "group", "topic", "type", "tag", "option", "choice", "answer"),
    *("level", "grade", "score", "rating", "rank", "code", "item", "value", "id", "idx", "index", "nr", "no"),
    *("intent", "target", "output", "bucket", "bin"),
)
"""Words that say nothing about a class where only a number or a letter follows."""
TAGGERS_CODES = frozenset(
    (
        *("abbr", "addr", "adj", "adp", "adv", "amt", "aux", "cconj", "conj", "desc", "det", "dept", "ent", "enty"),
        *("fac", "gpe", "hum", "intj", "loc", "misc", "neg", "neu", "norp", "num", "obj", "org", "per", "pos", "prep"),
        *("pron", "propn", "punct", "qty", "ref", "req", "sconj", "subj", "sym"),
    )
)
"""Abbreviations that well-known label sets have as classes; models of texts have hardly seen them."""
NUMBER_WORDS = frozenset(("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"))

_GENERIC = re.compile(
    rf"({'|'.join(GENERIC_WORDS)})([\s_.:#-]*\d+|[\s_.:#-]+([a-z]|[ivx]+|{'|'.join(NUMBER_WORDS)}))", re.IGNORECASE
)
_CODE = re.compile(r"[a-z]{1,3}[-_.:#]?\d+([.-]\d+)*|[a-z] \d+|\d+[a-c]", re.IGNORECASE)
_HEX = re.compile(r"(?=.*\d)[0-9a-f]{6,}|(?=.*\d)[0-9a-f]{4,}(-[0-9a-f]{4,}){2,}", re.IGNORECASE)
_ROMAN = re.compile(r"[IVX]{1,5}")
_CAMEL_CASE = re.compile(r"(?<=[a-z\d])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_SHORTEST_CAMEL_CASE = 9
"""Shorter names in camel case are brands more often than not: YouTube, PayPal, GitHub."""
_FEWEST_LETTERS_OF_A_WORD = 5
"""Shorter words in capitals only are acronyms more often than not."""


def is_code(name: str) -> bool:
    """Whether a name says nothing about its class: no word, a number, a letter, or a code such as C12 or label_0.

    In doubt it is a word: AI, UK, B2B, 5 stars and a single Chinese character are. Of a path the last part decides.
    """
    name = name.rsplit(PATH_SEPARATOR, maxsplit=1)[-1].lstrip("#").strip(" \t\r\n\"'()[]{}<>.,:;?!*_-")
    if not any(character.isalpha() for character in name):
        # An emoji is neither a letter nor ASCII, and says something.
        return name.isascii() or any(character.isdigit() for character in name)
    if len(name) == 1:
        return name.lower() != name.upper()
    return (
        name.lower() in TAGGERS_CODES | NUMBER_WORDS
        or _ROMAN.fullmatch(name) is not None
        or any(pattern.fullmatch(name) for pattern in (_GENERIC, _CODE, _HEX))
    )


def readable(name: str) -> str:
    """Returns a name as a person would write it: words between spaces, without the marks of an identifier.

    "card_arrival?" → "card arrival", "WrittenWork" → "written work", "sci.space" → "sci space". A path keeps its parts:
    "fruit / apple" → "fruit: apple". A name of signs only is returned unchanged.
    """
    parts = [_readable_part(part) for part in name.split(PATH_SEPARATOR)]
    return ": ".join(part for part in parts if part) or name.strip()


def _readable_part(name: str) -> str:
    name = name.strip().rstrip("?").strip()
    if " " not in name:
        name = _without_marks(name)
    return " ".join(name.split())


def _without_marks(name: str) -> str:
    """A name without spaces, its words separated by spaces."""
    name = name.replace("_", " ")
    # Not "e-mail", "COVID-19" or "3.5": next to a digit or a single letter, a dash or dot belongs to the word.
    name = re.sub(r"(?<=[^\W\d]{2})[.-]+(?=[^\W\d]{2})", " ", name)
    return " ".join(word for part in name.split() for word in _words(part))


def _words(part: str) -> list[str]:
    words = _CAMEL_CASE.sub(" ", part).split() if len(part) >= _SHORTEST_CAMEL_CASE else [part]
    if len(words) > 1:
        return [word if word.isupper() and len(word) > 1 else word.lower() for word in words]
    return [part.lower() if part.isupper() and len(part) >= _FEWEST_LETTERS_OF_A_WORD and part.isalpha() else part]
