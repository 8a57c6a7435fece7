"""Processes that are killed, frozen and started again, a Redis of one's own, and a disk that fills up."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from ml_backend.commands.demo.label_studio_process import stop_group

ENTRY = Path(__file__).with_name("entry.py")
DISK_MEGABYTES = 200
SMALLEST_FILE = 4096
"""Bytes to which files are limited if no file system of limited size can be mounted."""


@dataclass
class BackendProcess:
    """A server or a worker in a process group of its own.

    lease_seconds, clock: see `entry.py`; arguments: of the command line.
    """

    name: str
    lease_seconds: float
    arguments: list[str]
    environment: dict[str, str]
    log: Path
    clock: Path
    process: subprocess.Popen[bytes] | None = None
    was_killed: bool = False

    def start(self) -> None:
        """Start it without waiting until it is ready."""
        self.was_killed = False
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(ENTRY), str(self.lease_seconds), str(self.clock), *self.arguments],
                env=os.environ | self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def has_ended(self) -> bool:
        """Whether it ended by itself, for example since it was started while the database could not be used."""
        return self.process is not None and not self.was_killed and self.process.poll() is not None

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the whole group."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)

    def kill(self) -> None:
        """Kill it, so that it cannot tidy up."""
        self.was_killed = True
        self.signal(signal.SIGKILL)
        if self.process is not None:
            self.process.wait()

    def stop(self) -> None:
        """Stop it."""
        if self.process is not None:
            self.signal(signal.SIGCONT)
            stop_group(self.process)

    def limit_files(self, size: int) -> None:
        """Let writes beyond `size` bytes of a file fail, of the processes that run now."""
        if self.process is None:
            return
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        with suppress(OSError):
            for pid in [self.process.pid, *map(int, children.read_text().split())]:
                _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
                resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, hard))


@dataclass
class Redis:
    """A Redis on a free port."""

    port: int
    folder: Path
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it without waiting."""
        command = ["redis-server", "--port", str(self.port), "--dir", str(self.folder), "--save", "", "--bind"]
        self.process = subprocess.Popen([*command, "127.0.0.1"], stdout=subprocess.DEVNULL, start_new_session=True)

    def stop(self) -> None:
        """Stop it; it forgets everything."""
        if self.process is not None:
            stop_group(self.process)
            self.process = None


@dataclass
class Disk:
    """The folder of the database, on a small file system if this user may mount one."""

    folder: Path
    is_mounted: bool = field(init=False, default=False)

    def mount(self) -> None:
        """Mount the small file system."""
        self.folder.mkdir(parents=True, exist_ok=True)
        command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MEGABYTES}m", "chaos", str(self.folder)]
        with suppress(OSError):
            self.is_mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0

    def unmount(self) -> None:
        """Unmount it."""
        if self.is_mounted:
            subprocess.run(["umount", "--lazy", str(self.folder)], check=False)

    def fill(self, processes: list[BackendProcess]) -> None:
        """Leave no room."""
        if not self.is_mounted:
            for process in processes:
                process.limit_files(SMALLEST_FILE)
            return
        with suppress(OSError), (self.folder / "filler").open("wb", buffering=0) as filler:
            while True:
                filler.write(b"\0" * (1 << 20))
        with suppress(OSError), (self.folder / "filler").open("ab", buffering=0) as filler:
            while True:
                filler.write(b"\0" * SMALLEST_FILE)

    def empty(self, processes: list[BackendProcess]) -> None:
        """Make room again."""
        if not self.is_mounted:
            for process in processes:
                process.limit_files(resource.RLIM_INFINITY)
        (self.folder / "filler").unlink(missing_ok=True)
