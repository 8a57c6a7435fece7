"""The words of a search, and where a text has them."""

from __future__ import annotations

import re
from collections.abc import Sequence

MOST_WORDS = 20
SNIPPET = 600
"""Characters of a text that are shown."""
BEFORE_A_WORD = 120
SHORTEST_MARKED = 4
"""Shorter words of a sentence, such as "the" or "was", are in every text."""
_PARTS = re.compile(r'"([^"]*)"|(\S+)')


def words_of(question: str) -> list[str]:
    """The words that a text must have; those between two quotation marks are one phrase. At most MOST_WORDS."""
    found = [(phrase if phrase.strip() else word).strip() for phrase, word in _PARTS.findall(question)]
    return list(dict.fromkeys(word for word in found if word))[:MOST_WORDS]


def marked(text: str, words: Sequence[str]) -> list[tuple[str, bool]]:
    """The beginning of a text, or what is around the first of the words, in parts: (part, whether it is a word).

    A text that is cut has an ellipsis there.
    """
    pattern = re.compile("|".join(re.escape(word) for word in sorted(words, key=len, reverse=True)), re.IGNORECASE)
    first = pattern.search(text) if words else None
    start = max(0, first.start() - BEFORE_A_WORD) if first and first.end() > SNIPPET else 0
    shown = text[start : start + SNIPPET]
    parts: list[tuple[str, bool]] = [("… ", False)] if start else []
    end = 0
    for word in pattern.finditer(shown) if words else ():
        if word.start() > end:
            parts.append((shown[end : word.start()], False))
        parts.append((word[0], True))
        end = word.end()
    if end < len(shown):
        parts.append((shown[end:], False))
    return [*parts, (" …", False)] if start + SNIPPET < len(text) else parts


def marked_by_meaning(question: str) -> list[str]:
    """The words to mark in what was found by the meaning of a sentence."""
    return [word for word in re.findall(r"\w+", question) if len(word) >= SHORTEST_MARKED][:MOST_WORDS]
