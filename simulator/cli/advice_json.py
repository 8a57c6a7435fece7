"""The advice as JSON lines, for programs that run `advise`."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from math import isfinite
from typing import Any, TypeVar

from simulator.advise.advice import StrategyAdvice, recommended, sentence
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
        _write({"doing": what, "done": 0, "total": total})
        last = time.monotonic()
        for done, item in enumerate(items, start=1):
            yield item
            if time.monotonic() - last >= REPORT_SECONDS or done == total:
                last = time.monotonic()
                _write({"doing": what, "done": done, "total": total})

    def write_advice(self, labelled: Labelled, advice: Sequence[StrategyAdvice]) -> None:
        """Write the advice: its sentence, the recommended combination (null without a significant one), and all.

        Values that are no number, such as p of random order, are null.
        """
        chosen = recommended(advice)
        _write(
            {
                "advice": {
                    "sentence": sentence(advice),
                    "labels": len(labelled.texts),
                    "classes": len(labelled.classes),
                    "recommended": None if chosen is None else _row(chosen),
                    "rows": [_row(row) for row in advice],
                }
            }
        )


def _row(advice: StrategyAdvice) -> dict[str, Any]:
    row = asdict(advice)
    return {name: None if isinstance(value, float) and not isfinite(value) else value for name, value in row.items()}


def _write(line: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()
