"""Progress of a command: a bar on a terminal, one line per minute in a log."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from simulator.cli.console import print_line

Item = TypeVar("Item")
Done = Callable[[int], None]
"""Called with how many more are done."""

LOG_SECONDS = 60.0


class TerminalProgress:
    """Reports progress on a console, which may be a file."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bars: Progress | None = None

    def say(self, line: str) -> None:
        """Print one line."""
        print_line(self._console, line)

    def follow(self, what: str, items: Iterator[Item], total: int) -> Iterator[Item]:
        """Yield the items as they come, and show how many of `total` are done and the time left; what: a title."""
        return self._followed(what, items, total) if total else items

    def count(self, what: str, total: int) -> AbstractContextManager[Done]:
        """Show how many of `total` are done and the time left, as the work reports it; what: a title.

        It may be part of one of the items that `follow` shows. In a log it has no line if it takes less than a minute.
        """
        return self._bar(what, total) if self._console.is_terminal else self._lines(what, total, at_the_end=False)

    def _followed(self, what: str, items: Iterator[Item], total: int) -> Iterator[Item]:
        counted = self._bar(what, total) if self._console.is_terminal else self._lines(what, total, at_the_end=True)
        with counted as done:
            for item in items:
                yield item
                done(1)

    @contextmanager
    def _bar(self, what: str, total: int) -> Iterator[Done]:
        if self._bars is not None:
            bars, task = self._bars, self._bars.add_task(what, total=total)
            try:
                yield lambda n: bars.advance(task, n)
            finally:
                bars.remove_task(task)
            return
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            # Runs take very different times, so the time left is estimated from the last 15 minutes only.
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=self._console, speed_estimate_period=900) as bars:
            self._bars, task = bars, bars.add_task(what, total=total)
            try:
                yield lambda n: bars.advance(task, n)
            finally:
                self._bars = None

    @contextmanager
    def _lines(self, what: str, total: int, at_the_end: bool) -> Iterator[Done]:
        started = last_line = time.monotonic()
        done = 0

        def add(n: int) -> None:
            nonlocal done, last_line, at_the_end
            done += n
            now = time.monotonic()
            if now - last_line >= LOG_SECONDS or (at_the_end and done >= total):
                # After a first line, the last one is awaited.
                last_line, at_the_end = now, True
                left = (now - started) / done * (total - done)
                self.say(f"{what}: {done:,} of {total:,}, {_clock(now - started)} elapsed, {_clock(left)} left")

        yield add


def _clock(seconds: float) -> str:
    minutes = round(seconds) // 60
    return f"{minutes // 60}:{minutes % 60:02d}:{round(seconds) % 60:02d}"
