"""A real server under callers that are slow, many or large: others are answered, and what is under way is finished."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from ml_backend.commands.demo.label_studio_process import free_port, wait_until_up
from ml_backend.settings import variables

HEALTH = b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
SERVE = """
import sys
from ml_backend.cli import app
from ml_backend.web.serving import connections
seconds = float(sys.argv[1])
if seconds:
    connections.HEADER_SECONDS = connections.SILENT_BODY_SECONDS = seconds
app(["serve", "--no-worker"])
"""

Serve = Callable[..., "Server"]


class Server:
    """A running server; seconds: of its time limits, if those that it has are too long to wait for."""

    def __init__(self, folder: Path, seconds: float = 0.0, **settings: str) -> None:
        self.port = free_port(0)
        self.log = folder / "server.log"
        self.sockets: list[socket.socket] = []
        own = {"MODEL_DIR": str(folder), "PORT": str(self.port), "HOST": "127.0.0.1", **settings}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", SERVE, str(seconds)],
                env=os.environ | dict.fromkeys(variables(), "") | own,
                stdout=log,
                stderr=log,
            )
        wait_until_up(f"http://127.0.0.1:{self.port}/health", self.process, self.log, 120.0)

    def send(self, content: bytes, source: str = "127.0.0.1") -> socket.socket:
        """A connection from the address `source` that has sent something."""
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=60, source_address=(source, 0))
        self.sockets.append(connection)
        connection.sendall(content)
        return connection

    def stop(self) -> None:
        """Stop it at once."""
        for connection in self.sockets:
            connection.close()
        self.process.kill()
        self.process.wait()

    def ask(self, content: bytes, source: str = "127.0.0.1") -> bytes:
        """All that is answered until the connection is closed."""
        with self.send(content, source) as connection:
            return answer(connection)


def answer(connection: socket.socket) -> bytes:
    """All that comes until the connection is closed."""
    parts = []
    while True:
        try:
            part = connection.recv(2**16)
        except ConnectionResetError:
            part = b""
        if not part:
            return b"".join(parts)
        parts.append(part)


def post(path: str, body: bytes, length: int | None = None, *headers: bytes) -> bytes:
    """A request; length: what it announces, if that is not the length of the body."""
    lines = [
        f"POST {path} HTTP/1.1".encode(),
        b"Host: x",
        b"Content-Type: application/json",
        f"Content-Length: {len(body) if length is None else length}".encode(),
        *headers,
    ]
    return b"\r\n".join([*lines, b"", b""]) + body


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Starts a server; settings by the names of their variables."""
    servers: list[Server] = []

    def start(seconds: float = 0.0, **settings: str) -> Server:
        servers.append(Server(tmp_path, seconds, **settings))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.mark.parametrize(
    "beginning",
    [b"", b"POST /webhook HTTP/1.1\r\n", b"\r\n\r\n", post("/webhook", b"{", 1000)],
    ids=["nothing", "half headers", "empty lines", "half a body"],
)
def test_slow_callers_hold_no_thread_and_are_closed(serve: Serve, beginning: bytes):
    server = serve(3.0, THREADS="2")
    # Nothing else is printed while all is well.
    assert server.log.read_text() == f"The backend is ready: http://localhost:{server.port}/projects\n"
    slow = [server.send(beginning) for _ in range(20)]
    assert server.ask(HEALTH).startswith(b"HTTP/1.1 200")
    assert all(answer(connection) == b"" for connection in slow), "closed without an answer"


def test_callers_that_read_no_response_hold_no_thread(serve: Serve):
    server = serve(THREADS="2")
    asking = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 100
    greedy = [server.send(asking) for _ in range(6)]
    for _ in range(3):
        assert server.ask(HEALTH).startswith(b"HTTP/1.1 200")
    for connection in greedy:
        connection.close()


def test_one_address_has_a_bounded_number_of_connections(serve: Serve):
    server = serve(MAX_CONNECTIONS_PER_ADDRESS="3")
    kept = [server.send(HEALTH.replace(b"close", b"keep-alive"), "127.0.0.2") for _ in range(3)]
    assert all(connection.recv(12) == b"HTTP/1.1 200" for connection in kept)
    with suppress(ConnectionError):  # if the server closes it before the request is sent
        assert server.ask(HEALTH, "127.0.0.2") == b""
    assert server.ask(HEALTH).startswith(b"HTTP/1.1 200"), "another address"
    assert "127.0.0.2 has as many connections" in server.log.read_text()
    assert "MAX_CONNECTIONS_PER_ADDRESS" in server.log.read_text()
    for connection in kept:
        connection.close()
    while not _is_answered(server, "127.0.0.2"):
        pass  # until it has noticed that they are closed


def _is_answered(server: Server, source: str) -> bool:
    with suppress(ConnectionError):
        return server.ask(HEALTH, source).startswith(b"HTTP/1.1 200")
    return False


def test_a_trusted_proxy_has_as_many_connections_as_it_needs(serve: Serve):
    server = serve(MAX_CONNECTIONS_PER_ADDRESS="3", TRUSTED_PROXIES="10.0.0.1, 127.0.0.0/8")
    connections = [server.send(HEALTH.replace(b"close", b"keep-alive")) for _ in range(10)]
    assert all(connection.recv(12) == b"HTTP/1.1 200" for connection in connections)


def test_a_body_that_its_route_does_not_accept_is_refused_before_it_is_received(serve: Serve):
    server = serve()
    refused = server.ask(post("/delete", b"", 2**30))
    assert refused.startswith(b"HTTP/1.1 413")
    assert b"larger than the 1 MB that /delete accepts" in refused
    chunked = (
        b"POST /delete HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    assert server.ask(chunked + b"200000\r\n" + b" " * 2**21 + b"\r\n0\r\n\r\n").startswith(b"HTTP/1.1 413")


def test_a_caller_that_sends_a_refused_body_whole_still_reads_why(serve: Serve):
    server = serve()
    assert server.ask(post("/delete", b" " * 2**24)).startswith(b"HTTP/1.1 413")


def test_a_connection_is_kept_for_further_requests(serve: Serve):
    server = serve()
    with server.send(post("/delete", b'{"project": 7}') * 2 + HEALTH) as connection:
        assert answer(connection).count(b"HTTP/1.1 200") == 3


def test_no_response_names_the_server_and_each_has_the_headers(serve: Serve):
    server = serve()
    for request in (
        HEALTH,
        b"no request\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"x: " + b"y" * 2**17,
        HEALTH[:4] + b"/x" + HEALTH[11:],
    ):
        response = server.ask(request).lower()
        assert response.startswith(b"http/1.")
        assert b"x-content-type-options: nosniff" in response
        assert b"\r\nserver:" not in response
        assert b"waitress" not in response


def test_a_server_that_stops_finishes_what_is_under_way_and_refuses_what_is_new(serve: Serve):
    server = serve()
    body = b'{"project": 7}'
    half = server.send(post("/delete", body[:5], len(body)))
    idle = server.send(HEALTH.replace(b"close", b"keep-alive"))
    assert idle.recv(12) == b"HTTP/1.1 200"
    server.process.send_signal(signal.SIGTERM)
    half.sendall(body[5:])
    response = answer(half)
    assert response.startswith(b"HTTP/1.1 200")
    assert server.process.wait(60) == 0
    with pytest.raises(ConnectionRefusedError):
        server.send(HEALTH)


def test_a_port_in_use_is_named(serve: Serve, tmp_path: Path):
    server = serve()
    environment = os.environ | dict.fromkeys(variables(), "")
    environment |= {"MODEL_DIR": str(tmp_path), "PORT": str(server.port), "HOST": "127.0.0.1"}
    second = subprocess.run(
        [sys.executable, "-c", SERVE, "0"], env=environment, capture_output=True, text=True, check=False
    )
    assert second.returncode != 0
    assert "in use" in second.stderr.lower()
