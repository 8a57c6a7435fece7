"""Processor time and memory of the backend's processes, read from /proc."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Process:
    """One process: its CPU seconds so far, and its resident bytes now and at their highest."""

    pid: int
    command: str
    cpu: float
    resident: int
    peak: int

    @property
    def is_worker(self) -> bool:
        return "ml_backend worker" in self.command


def tree(root: int) -> list[Process]:
    """The process and all its descendants that still run."""
    processes, waiting = [], [root]
    while waiting:
        pid = waiting.pop()
        try:
            processes.append(_read(pid))
            for children in Path(f"/proc/{pid}/task").glob("*/children"):
                waiting += [int(child) for child in children.read_text().split()]
        except (FileNotFoundError, ProcessLookupError):
            continue
    return processes


def _read(pid: int) -> Process:
    folder = Path(f"/proc/{pid}")
    fields = (folder / "stat").read_text().rpartition(")")[2].split()
    status = dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines() if ":" in line)
    return Process(
        pid=pid,
        command=(folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"),
        cpu=(int(fields[11]) + int(fields[12])) / TICKS,
        resident=1024 * int(status["VmRSS"].split()[0]),
        peak=1024 * int(status["VmHWM"].split()[0]),
    )
