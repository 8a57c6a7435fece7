"""The advice as JSON lines, for programs that run `advise`."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from math import isfinite
from typing import Any, TypeVar

from simulator.advise.advice import ComparedCombination
from simulator.advise.recommendation import Recommendation
from simulator.advise.replay import Labelled

Item = TypeVar("Item")

REPORT_SECONDS = 0.5


class JsonLines:
    """Writes one object a line to standard output: notes, how far the simulation has come, and the advice."""

    def say(self, line: str) -> None:
        """Write a note."""
        _write({"note": line})

    def follow(self, what: str, items: Iterator[Item], total: int) -> Iterator[Item]:
        """Yield the items as they come, and write how many of `total` are done, twice a second; what: a title."""
        with self.count(what, total) as add:
            for item in items:
                yield item
                add(1)

    @contextmanager
    def count(self, what: str, total: int) -> Iterator[Callable[[int], None]]:
        """Write how many of `total` are done, twice a second, as the work reports how many more are; what: a title."""
        done, last = 0, time.monotonic()
        _write({"doing": what, "done": done, "total": total})

        def add(n: int) -> None:
            nonlocal done, last
            done += n
            if time.monotonic() - last >= REPORT_SECONDS or done == total:
                last = time.monotonic()
                _write({"doing": what, "done": done, "total": total})

        yield add

    def write_advice(
        self,
        labelled: Labelled,
        compared: Sequence[ComparedCombination],
        recommendation: Recommendation,
        project: int | None,
    ) -> None:
        """Write the advice; docs/simulator.md lists its keys. Values that are no number are null."""
        _write(
            {
                "advice": {
                    "headline": recommendation.headline,
                    "line": recommendation.line(project),
                    "reason": recommendation.reason,
                    "saves": recommendation.saves,
                    "is_change": recommendation.is_change,
                    "settings": recommendation.settings(),
                    "labels": len(labelled.texts),
                    "classes": len(labelled.classes),
                    "recommended": _row(recommendation.chosen),
                    "rows": [_row(row) for row in compared],
                }
            }
        )


def _row(compared: ComparedCombination) -> dict[str, Any]:
    row = asdict(compared)
    row = {**row.pop("combination")._asdict(), **row}
    return {name: None if isinstance(value, float) and not isfinite(value) else value for name, value in row.items()}


def _write(line: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()
