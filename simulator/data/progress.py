"""How many texts are done of all, for whoever shows it: long-running work is told what to call."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from ml_backend.learning.embedding.progress import Report, silent

Count = Callable[[str, int], AbstractContextManager[Report]]
"""Called with a title and a total; while the work goes on, its `Report` is called with how many more are done."""


@contextmanager
def uncounted(_title: str, _total: int) -> Iterator[Report]:
    """A `Count` that shows nothing."""
    yield silent
