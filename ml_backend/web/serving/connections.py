"""Connections that hold no thread until their request is complete, and that are closed when they are slow.

waitress reads requests and sends responses in one loop, and gives complete requests to threads. This module adds time
limits and a bound for each address; see `received_requests` for the bounds on bodies.
"""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Callable
from typing import Any

from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.server import TcpWSGIServer
from waitress.task import ThreadedTaskDispatcher

from ml_backend.web.serving.received_requests import Limits, Refusal, Request

logger = logging.getLogger(__name__)

HEADER_SECONDS = 10.0
"""From a new connection, or the first byte of a further request, to the end of its headers."""
IDLE_SECONDS = 30.0
"""How long a connection is kept open for a further request."""
BODY_SECONDS = 10.0
BYTES_PER_SECOND = 2**16
"""A body may take BODY_SECONDS, and longer the larger it is, but at most LONGEST_BODY_SECONDS."""
LONGEST_BODY_SECONDS = 100.0
"""Label Studio gives up after as many seconds."""
SILENT_BODY_SECONDS = 10.0
"""How long the sender of a body may send nothing."""
RESPONSE_SECONDS = 60.0
"""How long a caller may take to receive a response."""
UNREAD_SECONDS = 5.0
"""How long the rest of a refused body is received and dropped: a caller that still sends would not see the refusal."""
STOPPING_IDLE_SECONDS = 2.0
"""How long a server that stops keeps open connections for a request that is already on its way."""
LARGEST_HEADERS = 2**16
RECEIVED_AT_ONCE = 2**18
WARN_EVERY_SECONDS = 60.0


class Connection(HTTPChannel):  # type: ignore[misc]
    """One connection: waits for requests, has them answered, and knows when it is overdue."""

    error_task_class = Refusal
    request: Request | None = None

    def __init__(self, server: Listener, sock: socket.socket, addr: Any, adj: Adjustments, map: dict[int, Any]) -> None:
        now = time.monotonic()
        self.answered_any = False
        self.is_dropping = False
        self._is_counted = True
        self._waits_for_memory = False
        self._quiet_since = self._started = self._last_byte = now
        self._body_since: float | None = None
        self._dropping_since: float | None = None
        super().__init__(server, sock, addr, adj, map=map)

    def parser_class(self, adj: Adjustments) -> Request:
        """A new request."""
        return Request(adj, self.server.limits)

    def received(self, data: bytes) -> bool:
        """Take bytes that were received."""
        now, before = time.monotonic(), self.request
        self._last_byte = now
        if before is None and self.answered_any:
            self._started = now
        taken: bool = super().received(data)
        request: Request | None = self.request
        if request is not before:
            self._body_since = None
        if request is not None and request.headers_finished:
            self._body_since = self._body_since or now
            self._waits_for_memory = not request.take_memory()
        return taken

    def readable(self) -> bool:
        """Whether the loop reads from this connection."""
        return self._dropping_since is not None or (not self._waits_for_memory and bool(super().readable()))

    def writable(self) -> bool:
        """Whether the loop writes to this connection."""
        return (self._dropping_since is None or self.will_close) and bool(super().writable())

    def handle_read(self) -> None:
        """Read what has come."""
        if self._dropping_since is None:
            super().handle_read()
            return
        try:
            self.recv(RECEIVED_AT_ONCE)  # closes the connection at its end
        except OSError:
            self.handle_close()

    def handle_write(self) -> None:
        """Send what can be sent."""
        if self.close_when_flushed and self.is_dropping and not self.will_close:
            self._flush_exception(self._flush_some)
            if not self.total_outbufs_len and self.connected:
                self._drop_the_rest()
            return
        super().handle_write()

    def _drop_the_rest(self) -> None:
        self._dropping_since = time.monotonic()
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            self.handle_close()

    def service(self) -> None:
        """Answer one request; called by a thread."""
        request: Request = self.requests[0]
        self.is_dropping = request.is_cut
        if self.server.is_stopping:
            request.headers["CONNECTION"] = "close"
        try:
            super().service()
        finally:
            self.answered_any = True
            self._quiet_since = time.monotonic()

    def handle_close(self) -> None:
        """Close the connection."""
        if self.request is not None:
            self.request.close()
            self.request = None
        super().handle_close()

    def del_channel(self, map: dict[int, Any] | None = None) -> None:
        """Called when the connection is closed, also for a second time."""
        super().del_channel(map)
        if self._is_counted:
            self._is_counted = False
            self.server.limits.addresses.leave(self.addr[0])

    def try_for_memory(self) -> None:
        """Go on with a body that waits for memory, if there is some."""
        if self._waits_for_memory and self.request is not None and self.request.take_memory():
            self._waits_for_memory = False
            self._body_since = self._last_byte = time.monotonic()

    @property
    def awaits_first_request(self) -> bool:
        """Whether no request of this connection was complete yet."""
        return not self.answered_any and not self.requests and self._body_since is None

    def overdue(self, now: float) -> str | None:
        """Why the connection is closed, or None. now: seconds of the monotonic clock."""
        if self.requests:
            return None  # a thread answers it
        if self._dropping_since is not None:
            return "refused" if now - self._dropping_since > UNREAD_SECONDS else None
        if self.total_outbufs_len:
            return "took too long to receive a response" if now - self._quiet_since > RESPONSE_SECONDS else None
        if self.request is not None and self._body_since is not None:
            return self._overdue_body(self.request, now, self._body_since)
        if self.request is not None or not self.answered_any:
            return "took too long to send the headers" if now - self._started > HEADER_SECONDS else None
        most = STOPPING_IDLE_SECONDS if self.server.is_stopping else IDLE_SECONDS
        return "idle" if now - self._quiet_since > most else None

    def _overdue_body(self, request: Request, now: float, since: float) -> str | None:
        if self._waits_for_memory:
            return "found no memory for a body" if now - since > LONGEST_BODY_SECONDS else None
        n_bytes = request.body_bytes_received if request.chunked else request.content_length
        seconds = min(BODY_SECONDS + n_bytes / BYTES_PER_SECOND, LONGEST_BODY_SECONDS)
        is_slow = now - since > seconds or now - self._last_byte > SILENT_BODY_SECONDS
        return "took too long to send a body" if is_slow else None


class Listener(TcpWSGIServer):  # type: ignore[misc]
    """Accepts connections of one socket, and closes those that are overdue."""

    channel_class = Connection

    def __init__(self, application: Any, listening: socket.socket, threads: int, limits: Limits) -> None:
        self.limits = limits
        self.is_stopping = False
        self._warned: dict[str, float] = {}
        self._next_check = 0.0
        dispatcher = ThreadedTaskDispatcher()
        dispatcher.set_thread_count(threads)
        adjustments = Adjustments(
            ident=None,
            threads=threads,
            asyncore_use_poll=True,
            recv_bytes=RECEIVED_AT_ONCE,
            max_request_header_size=LARGEST_HEADERS,
            # Our own limits replace these: the limits on bodies depend on the route, bodies and responses stay in
            # memory, a response never waits in a thread, and times are of the monotonic clock.
            max_request_body_size=2**62,
            inbuf_overflow=2**62,
            outbuf_overflow=2**62,
            outbuf_high_watermark=2**62,
            connection_limit=2**31,
            cleanup_interval=2**31,
            channel_timeout=2**31,
            log_socket_errors=False,
            clear_untrusted_proxy_headers=False,
        )
        sockinfo = (listening.family, listening.type, listening.proto, listening.getsockname())
        super().__init__(
            application,
            map={},
            _sock=listening,
            dispatcher=dispatcher,
            adj=adjustments,
            bind_socket=False,
            sockinfo=sockinfo,
        )

    def handle_accept(self) -> None:
        """Accept one connection, if it may stay."""
        self._accept()

    def poll(self, seconds: float) -> None:
        """Handle what happens within so many seconds, and close overdue connections once a second."""
        self.asyncore.poll2(seconds, self._map)
        now = time.monotonic()
        if now >= self._next_check:
            self._next_check = now + 1.0
            for connection in list(self.active_channels.values()):
                reason = connection.overdue(now)
                if reason is not None:
                    self._close(connection, reason)
                else:
                    connection.try_for_memory()

    def stop_accepting(self) -> None:
        """Accept what has connected already, and refuse new connections; requests under way are answered."""
        self.is_stopping = True
        while self._accept():
            pass
        self.del_channel()
        self.socket.close()

    def finish(self, seconds: float, alive: Callable[[], None]) -> None:
        """Go on until no connection is left, for at most so many seconds. alive: called about once a second."""
        deadline = time.monotonic() + seconds
        while self.active_channels and time.monotonic() < deadline:
            alive()
            self.poll(0.5)
        self.task_dispatcher.shutdown(timeout=1)

    def _accept(self) -> bool:
        """Accept one connection; returns False if there is none."""
        try:
            accepted = self.accept()
        except OSError as problem:
            self._warn("accept", "a connection could not be accepted: %s", problem)
            return False
        if accepted is None:
            return False
        connection, address = accepted
        if not self.limits.addresses.admit(address[0]):
            self._warn(
                address[0],
                "%s has as many connections as one address may have, further ones are closed; if it is a proxy, name "
                "it in TRUSTED_PROXIES, otherwise see MAX_CONNECTIONS_PER_ADDRESS",
                address[0],
            )
            connection.close()
            return True
        if len(self.active_channels) >= self.limits.connections and not self._make_place():
            self._warn("all", "all %d connections are in use, further ones are closed", self.limits.connections)
            self.limits.addresses.leave(address[0])
            connection.close()
            return True
        self.set_socket_options(connection)
        self.channel_class(self, connection, address, self.adj, map=self._map)
        return True

    def _make_place(self) -> bool:
        """Close the connection that has been open for longest without a request; returns False if there is none."""
        waiting = [c for c in self.active_channels.values() if c.awaits_first_request]
        if not waiting:
            return False
        self._close(min(waiting, key=lambda c: float(c.creation_time)), "made place for another one")
        return True

    def _close(self, connection: Connection, reason: str) -> None:
        logger.debug("connection from %s closed: %s", connection.addr[0], reason)
        connection.handle_close()

    def _warn(self, about: str, message: str, *values: object) -> None:
        now = time.monotonic()
        if now - self._warned.get(about, -WARN_EVERY_SECONDS) >= WARN_EVERY_SECONDS:
            self._warned = {key: t for key, t in self._warned.items() if now - t < WARN_EVERY_SECONDS} | {about: now}
            logger.warning(message, *values)
