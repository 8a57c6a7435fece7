"""A server on this machine that records the requests of a client and gives the answers that a test sets."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Request:
    """A request as it arrived; query: decoded, values as they were written; body: decoded JSON, None without one."""

    method: str
    path: str
    query: dict[str, str] = field(default_factory=dict)
    body: Any = None


Respond = Callable[[Request], tuple[int, Any]]
"""Returns status and body of the response; a string is sent as it is, None as nothing, all else as JSON.

The body of a redirect is the address to go to.
"""


@dataclass
class RecordingServer:
    """The server's address, and the requests so far, in order."""

    url: str
    requests: list[Request] = field(default_factory=list)
    authorizations: list[str | None] = field(default_factory=list)
    targets: list[str] = field(default_factory=list)


@contextmanager
def recording_server(respond: Respond, port: int = 0) -> Iterator[RecordingServer]:
    """Serve on this port, 0 for a free one, until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            parts = urlsplit(self.path)
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            request = Request(
                self.command, parts.path, dict(parse_qsl(parts.query)), json.loads(content) if content else None
            )
            server.requests.append(request)
            server.authorizations.append(self.headers.get("Authorization"))
            server.targets.append(self.path)
            status, body = respond(request)
            sent = b"" if body is None else (body if isinstance(body, str) else json.dumps(body)).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(sent)))
            if status in (301, 302, 307, 308):
                self.send_header("Location", str(body))
            self.end_headers()
            self.wfile.write(sent)

        do_GET = do_POST = do_PATCH = do_DELETE = answer  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server = RecordingServer(f"http://127.0.0.1:{http.server_port}")
    threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()
