"""How the server answers others while strangers are slow, many or large.

    python benchmarks/attacks.py

Starts `python -m ml_backend serve --no-worker` for each attack, without credentials, and asks for /health every 50 ms
while the attack lasts. Memory is the peak of the process that handles requests.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from processes import tree
from rich.console import Console
from rich.table import Table

from ml_backend.commands.demo.label_studio_process import free_port, wait_until_up
from ml_backend.settings import variables

MEGABYTE = 2**20
TIMEOUT = 5.0
"""Seconds after which a request to /health counts as unanswered."""


def connect(port: int) -> socket.socket:
    """A connection to the server."""
    return socket.create_connection(("127.0.0.1", port), timeout=60)


def half_open(port: int, n: int, seconds: float, first: bytes = b"POST /webhook HTTP/1.1\r\n") -> None:
    """Connections that send the beginning of a request and nothing more, opened again when they are closed."""
    end = time.monotonic() + seconds
    sockets: list[socket.socket] = []
    while time.monotonic() < end:
        while len(sockets) < n:
            sockets.append(connect(port))
            sockets[-1].sendall(first)
        time.sleep(0.2)
        sockets = [s for s in sockets if not _is_closed(s)]
    for s in sockets:
        s.close()


def slow_bodies(port: int, n: int, seconds: float) -> None:
    """Connections that send one byte of a body a second."""
    head = b"POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n"
    sockets = [connect(port) for _ in range(n)]
    for s in sockets:
        s.sendall(head)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for s in sockets:
            with _ignored():
                s.sendall(b" ")
        time.sleep(1)
    for s in sockets:
        s.close()


def slow_readers(port: int, n: int, seconds: float) -> None:
    """Connections that ask for many pages and read none."""
    sockets = [connect(port) for _ in range(n)]
    for s in sockets:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        with _ignored():
            s.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 200)
    time.sleep(seconds)
    for s in sockets:
        s.close()


def bodies(port: int, path: str, content: bytes, n: int) -> list[str]:
    """The status lines for the same body, sent over n connections at once."""
    answers = [""] * n

    def send(number: int) -> None:
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nConnection: close\r\n"
        try:
            with connect(port) as s:
                s.sendall(f"{head}Content-Length: {len(content)}\r\n\r\n".encode())
                with _ignored():
                    s.sendall(content)
                answers[number] = s.recv(500).split(b"\r\n")[0].decode()[9:12]
        except OSError as problem:
            answers[number] = type(problem).__name__

    threads = [threading.Thread(target=send, args=(number,)) for number in range(n)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def methods(port: int, n: int) -> None:
    """Requests with invented methods, over one connection."""
    for number in range(n):
        with connect(port) as s:
            s.sendall(f"M{number:06d} /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
            s.recv(1000)


def _tasks(megabytes: int) -> bytes:
    task = b'{"id": 1, "data": {"text": "' + b"word, " * 150 + b'"}, "meta": {}, "created_by": null, "project": 7}'
    n = megabytes * MEGABYTE // (len(task) + 2) - 1
    return b'{"action": "TASKS_CREATED", "project": {"id": 7}, "tasks": [' + b", ".join([task] * n) + b"]}"


def _objects(megabytes: int) -> bytes:
    return b'{"project": 7, "tasks": [' + b",".join([b"{}"] * (megabytes * MEGABYTE // 3 - 20)) + b"]}"


ATTACKS: dict[str, Callable[[int], object]] = {
    "none": lambda _port: time.sleep(5),
    "8 half-open connections": lambda port: half_open(port, 8, 15),
    "200 half-open connections": lambda port: half_open(port, 200, 15),
    "8 connections that send nothing": lambda port: half_open(port, 8, 15, b""),
    "100 slow bodies": lambda port: slow_bodies(port, 100, 15),
    "50 callers that read nothing": lambda port: slow_readers(port, 50, 10),
    "3,584 invented methods": lambda port: methods(port, 3584),
    "100 MB of {} to /predict": lambda port: bodies(port, "/predict", _objects(100), 1),
    "63 MB of {} to /predict": lambda port: bodies(port, "/predict", _objects(63), 1),
    "63 MB webhook": lambda port: bodies(port, "/webhook", _tasks(63), 1),
    "8 webhooks of 63 MB": lambda port: bodies(port, "/webhook", _tasks(63), 8),
}


@contextmanager
def _ignored() -> Iterator[None]:
    try:
        yield
    except OSError:
        return


def _is_closed(s: socket.socket) -> bool:
    s.setblocking(False)
    try:
        return s.recv(1, socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


@contextmanager
def server(folder: Path) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """A running server and its port."""
    port = free_port(0)
    environment = dict.fromkeys(variables(), "") | {"MODEL_DIR": str(folder), "PORT": str(port)}
    command = [sys.executable, "-m", "ml_backend", "serve", "--no-worker"]
    log = folder / "log"
    with log.open("wb") as file:
        process = subprocess.Popen(command, env=os.environ | environment, stdout=file, stderr=file)
    try:
        wait_until_up(f"http://127.0.0.1:{port}/health", process, log, 60.0)
        yield port, process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def watch(port: int, stop: threading.Event) -> list[float]:
    """Milliseconds of each /health, infinite for one that was not answered."""
    taken = []
    while not stop.is_set():
        started = time.perf_counter()
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=TIMEOUT).read()
            taken.append(1000 * (time.perf_counter() - started))
        except OSError:
            taken.append(np.inf)
        stop.wait(0.05)
    return taken


def _peak(pid: int) -> float:
    """Megabytes of memory that the process had at most."""
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM"))


def measure(attack: Callable[[int], object]) -> tuple[list[float], float, object]:
    """Latencies of /health during an attack, the growth of the server's memory in MB, and the attack's answers."""
    with tempfile.TemporaryDirectory() as folder, server(Path(folder)) as (port, process):
        pid = max(p.pid for p in tree(process.pid))
        before = _peak(pid)
        stop = threading.Event()
        taken: list[float] = []
        watcher = threading.Thread(target=lambda: taken.extend(watch(port, stop)))
        watcher.start()
        answers = attack(port)
        stop.set()
        watcher.join()
        return taken, _peak(pid) - before, answers


def main(only: Annotated[str, typer.Option(help="Attacks whose name contains this.")] = "") -> None:
    """p50, p99 and unanswered /health under each attack, and the growth of the server's memory."""
    table = Table("attack", "/health p50 ms", "p99 ms", f"none in {TIMEOUT:.0f} s", "memory", "answers")
    console = Console()
    for name, attack in ATTACKS.items():
        if only not in name:
            continue
        with console.status(name):
            taken, memory, answers = measure(attack)
        answered = [t for t in taken if np.isfinite(t)]
        p50, p99 = (f"{x:.0f}" for x in np.percentile(answered, [50, 99])) if answered else ("", "")
        lost = len(taken) - len(answered)
        print(name, p50, p99, lost, len(taken), round(memory), answers, flush=True)
        table.add_row(name, p50, p99, f"{lost} of {len(taken)}", f"+{memory:.0f} MB", str(answers or ""))
    console.print(table)


if __name__ == "__main__":
    typer.run(main)
