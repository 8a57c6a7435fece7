"""What run.json says of a call of the command: its wall time and its runs, also if it is stopped or killed."""

from __future__ import annotations

import json
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from simulator.data.atomic_files import write_atomically

SAVED_EVERY = 10.0
"""Seconds after which the time so far is written again; a killed call loses at most these and its last run."""


class CallRecord:
    """One call, from now on; its entry is in the list `calls` of run.json.

    An entry has the command, its grid (lists of names and seeds of which it makes all combinations), started and
    finished (time of day, UTC), wall_seconds, runs (their number), and run_seconds, the sum of their wall times: each
    run has one core. An entry without `finished` is of a call that was stopped, or is running; its seconds are those at
    the last moment of writing.
    """

    def __init__(self) -> None:
        self.command = ["python", "-m", "simulator", *sys.argv[1:]]
        self.grid: dict[str, list[Any]] = {}
        self._started = _now("microseconds")
        self._clock = self._saved = time.monotonic()
        self._runs, self._run_seconds = 0, 0.0

    def add(self, seconds: float) -> None:
        """Count a run with this wall time."""
        self._runs += 1
        self._run_seconds += seconds

    def entry(self, *, finished: bool = False) -> dict[str, Any]:
        """The entry of this moment."""
        return {
            "command": self.command,
            "grid": self.grid,
            "started": self._started,
            **({"finished": _now("seconds")} if finished else {}),
            "wall_seconds": round(time.monotonic() - self._clock, 1),
            "runs": self._runs,
            "run_seconds": round(self._run_seconds, 1),
        }

    def among(self, calls: list[dict[str, Any]], *, finished: bool = False) -> list[dict[str, Any]]:
        """The entries of all calls, with that of this one renewed."""
        others = [call for call in calls if call.get("started") != self._started]
        return [*others, self.entry(finished=finished)]

    def save(self, path: Path) -> None:
        """Renew the entry in run.json if SAVED_EVERY seconds have passed. Raises CannotSave."""
        if time.monotonic() - self._saved < SAVED_EVERY:
            return
        self._saved = time.monotonic()
        record = json.loads(path.read_text())
        record["calls"] = self.among(record.get("calls", []))
        write_atomically(path, json.dumps(record, indent=1).encode())


def _now(precision: str) -> str:
    return datetime.now(UTC).isoformat(timespec=precision)
