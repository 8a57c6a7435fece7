"""A bar for long work, for people who watch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

Report = Callable[[int], None]


def silent(_: int) -> None:
    """Report to nobody."""


@contextmanager
def bar(title: str, total: int, shown: bool) -> Iterator[Report]:
    """A function to call with the number of things done since the last call; it draws only where `shown`."""
    if not shown:
        yield silent
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns) as progress:
        task = progress.add_task(title, total=total)
        yield lambda done: progress.advance(task, done)
