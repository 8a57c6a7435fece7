"""Cuts texts into chunks that take about a second each, however fast the model is."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

Texts = list[tuple[str, str]]
"""(hash, text) of texts."""

CHUNK_SECONDS = 1.0
FIRST_CHUNK_TEXTS = 8
LARGEST_GROWTH = 4.0
"""A chunk is at most so many times as large as the one before, since the first ones tell little."""
CHARACTERS_COUNTED = 2000
"""Characters of a text that cost time: models cut long texts."""
CHARACTERS_PER_TEXT = 20
"""What a text costs besides its characters."""


class Chunks:
    """Measures how long each chunk took until the next one is asked for, or no other, and sizes the next one by it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._budget: float | None = None

    def of(self, texts: Sequence[tuple[str, str]]) -> Iterator[Texts]:
        """Yields all the texts in chunks, short ones first, since similar lengths need little padding."""
        waiting = sorted(texts, key=lambda text: len(text[1]))
        while waiting:
            chunk = self._first(waiting)
            del waiting[: len(chunk)]
            started = self._clock()
            try:
                yield chunk
            finally:  # also if no other chunk is asked for
                self._measured(sum(map(_cost, chunk)), self._clock() - started)

    def _first(self, texts: Texts) -> Texts:
        if self._budget is None:
            return texts[:FIRST_CHUNK_TEXTS]
        chunk, cost = texts[:1], _cost(texts[0])
        for text in texts[1:]:
            cost += _cost(text)
            if cost > self._budget:
                break
            chunk.append(text)
        return chunk

    def _measured(self, cost: float, seconds: float) -> None:
        self._budget = cost * min(LARGEST_GROWTH, CHUNK_SECONDS / max(seconds, 1e-3))


def _cost(text: tuple[str, str]) -> float:
    return CHARACTERS_PER_TEXT + min(len(text[1]), CHARACTERS_COUNTED)
