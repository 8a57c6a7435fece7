"""Progress of a command: a bar on a terminal, one line per minute in a log."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from simulator.cli.console import print_line

Item = TypeVar("Item")

LOG_SECONDS = 60.0


class TerminalProgress:
    """Reports progress on a console, which may be a file."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def say(self, line: str) -> None:
        """Print one line."""
        print_line(self._console, line)

    def follow(self, what: str, items: Iterator[Item], total: int) -> Iterator[Item]:
        """Yield the items as they come, and show how many of `total` are done and the time left; what: a title."""
        if not total:
            return items
        return self._bar(what, items, total) if self._console.is_terminal else self._lines(what, items, total)

    def _bar(self, what: str, items: Iterator[Item], total: int) -> Iterator[Item]:
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            # Runs take very different times, so the time left is estimated from the last 15 minutes only.
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=self._console, speed_estimate_period=900) as progress:
            yield from progress.track(items, total=total, description=what)

    def _lines(self, what: str, items: Iterator[Item], total: int) -> Iterator[Item]:
        started = last_line = time.monotonic()
        for done, item in enumerate(items, start=1):
            yield item
            now = time.monotonic()
            if now - last_line >= LOG_SECONDS or done == total:
                last_line = now
                left = (now - started) / done * (total - done)
                self.say(f"{what}: {done:,} of {total:,}, {_clock(now - started)} elapsed, {_clock(left)} left")


def _clock(seconds: float) -> str:
    minutes = round(seconds) // 60
    return f"{minutes // 60}:{minutes % 60:02d}:{round(seconds) % 60:02d}"
