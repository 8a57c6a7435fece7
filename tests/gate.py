"""A proxy between the backend and Label Studio that a test can close, or stop at a chosen request."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

DROPPED = {"connection", "transfer-encoding", "content-encoding", "content-length", "host", "date", "server"}


@dataclass
class Hold:
    """A request that Label Studio has answered and whose answer the backend gets only once `released` is set."""

    method: str
    path: re.Pattern[str]
    reached: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)


class Gate:
    """Passes requests on to Label Studio while it is open."""

    def __init__(self, target: str) -> None:
        self.open = True
        self.hold: Hold | None = None
        self._client = httpx.Client(base_url=target, timeout=60)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        # Closing waits for the threads: one that went on would read from a closed client.
        self._server.daemon_threads = False
        threading.Thread(target=self._server.serve_forever, args=[0.02], daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://localhost:{self._server.server_port}"

    def hold_at(self, method: str, path: str) -> Hold:
        """Withhold the answer to the next request like this one."""
        self.hold = Hold(method, re.compile(path))
        return self.hold

    def passed(self, method: str, path: str, headers: dict[str, str], body: bytes) -> httpx.Response:
        """Label Studio's answer, once it is not withheld."""
        forwarded = {name: value for name, value in headers.items() if name.lower() not in DROPPED}
        answer = self._client.request(method, path, headers=forwarded, content=body)
        hold = self.hold
        if hold is not None and method == hold.method and hold.path.search(path):
            self.hold = None
            hold.reached.set()
            hold.released.wait(60)
        return answer

    def close(self) -> None:
        """Stop the server once the requests under way are answered."""
        if self.hold is not None:
            self.hold.released.set()
        self._server.shutdown()
        self._server.server_close()
        self._client.close()


def _handler(gate: Gate) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _pass(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if not gate.open:
                self.close_connection = True
                return  # hang up, like a proxy whose server is gone
            answer = gate.passed(self.command, self.path, dict(self.headers), body)
            try:
                self.send_response(answer.status_code)
                for name, value in answer.headers.items():
                    if name.lower() not in DROPPED:
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer.content)))
                self.end_headers()
                self.wfile.write(answer.content)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True  # the process that sent the request was killed

        do_GET = do_POST = do_PATCH = do_DELETE = _pass  # noqa: N815

        def log_message(self, *_args: Any) -> None:
            """Log nothing."""

    return Handler
