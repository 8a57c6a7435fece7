"""A small reverse proxy for benchmarks: it leaves out servers that are not ready, and tries the next if one is gone."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CHECK_EVERY = 0.5
TRIES_FOR = 5.0
"""Seconds for which a request is tried again while no server takes it."""
TIMEOUT = 60.0
NOT_FOUND = 404


class Proxy:
    """Listens on a free port, and forwards each request to the first of the ports that is ready and responds.

    answers: (time, path, status) of every response; status 502 if no server took the request.
    """

    def __init__(self, ports: Sequence[int]) -> None:
        self._ready = dict.fromkeys(ports, False)
        self._turn = 0
        self.answers: list[tuple[float, str, int]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://localhost:{self._server.server_port}"
        for work in (self._server.serve_forever, self._check):
            threading.Thread(target=work, daemon=True).start()

    def stop(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()

    def forward(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, str, bytes]:
        """Status, content type and body of the response of the first server that gives one."""
        deadline = time.monotonic() + TRIES_FOR
        while True:
            for port in self._in_turn():
                try:
                    return ask(port, method, path, body, headers)
                except (OSError, http.client.HTTPException):
                    self._ready[port] = False
            if time.monotonic() > deadline:
                return 502, "text/plain", b"no server"
            time.sleep(0.05)

    def _in_turn(self) -> list[int]:
        self._turn += 1
        ports = [port for port, is_ready in self._ready.items() if is_ready]
        start = self._turn % len(ports) if ports else 0
        return ports[start:] + ports[:start]

    def _check(self) -> None:
        while True:
            for port in self._ready:
                self._ready[port] = is_ready(port)
            time.sleep(CHECK_EVERY)


def is_ready(port: int) -> bool:
    """Whether the server at this port is ready; of versions without /ready, whether it is alive."""
    try:
        status = ask(port, "GET", "/ready", b"", {})[0]
        return (ask(port, "GET", "/health", b"", {})[0] if status == NOT_FOUND else status) == http.client.OK
    except (OSError, http.client.HTTPException):
        return False


def ask(port: int, method: str, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, str, bytes]:
    """Status, content type and body of one response. Raises OSError or HTTPException if there is none."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)
    try:
        connection.request(method, path, body or None, headers)
        response = connection.getresponse()
        return response.status, response.getheader("Content-Type", "text/plain"), response.read()
    finally:
        connection.close()


def _handler(proxy: Proxy) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _forward(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name: value for name, value in self.headers.items() if name.lower() != "connection"}
            status, kind, content = proxy.forward(self.command, self.path, body, headers)
            proxy.answers.append((time.time(), self.path, status))
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = _forward  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    return Handler
