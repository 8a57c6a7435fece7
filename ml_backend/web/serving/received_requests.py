"""Requests while they are received: the largest body of each route, and a bound on the bytes of all bodies."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from waitress.adjustments import Adjustments
from waitress.parser import HTTPRequestParser
from waitress.task import ErrorTask
from waitress.utilities import Error

from ml_backend.web.serving.admission import Addresses, MemoryBudget
from ml_backend.web.serving.response_headers import EVERYWHERE

SMALL_BODY = 2**20
"""Bodies up to so many bytes do not count towards the memory for bodies."""


@dataclass(frozen=True)
class Limits:
    """What a server allows.

    connections: at the same time; addresses: for each address; bodies: memory for bodies above SMALL_BODY;
    largest_body: path → bytes.
    """

    connections: int
    addresses: Addresses
    bodies: MemoryBudget
    largest_body: Callable[[str], int]


class Request(HTTPRequestParser):  # type: ignore[misc]
    """A request that is received; one whose body is too large is complete without its body.

    The application refuses such a request by its Content-Length. taken: bytes of the memory for bodies.
    """

    def __init__(self, adj: Adjustments, limits: Limits) -> None:
        super().__init__(adj)
        self._limits = limits
        self.taken = 0
        self.is_cut = False

    def parse_header(self, header_plus: bytes) -> None:
        """Parse the headers."""
        super().parse_header(header_plus)
        if self.content_length > self._largest:
            self._cut()
            self.body_rcv = None

    def received(self, data: bytes) -> int:
        """Take bytes from the connection; returns how many belong to this request."""
        n_taken: int = super().received(data)
        if self.chunked and self.body_bytes_received > self._largest and not self.is_cut:
            self.headers["CONTENT_LENGTH"] = str(self.body_bytes_received)
            self._cut()
            self.completed = True
        return n_taken

    def take_memory(self) -> bool:
        """Take the memory for the body that is being received; returns False if too much of it is taken."""
        expected = self._largest if self.chunked else self.content_length
        if self.taken or max(self.body_bytes_received, self.content_length) <= SMALL_BODY:
            return True
        if not self._limits.bodies.take(expected):
            return False
        self.taken = expected
        return True

    def close(self) -> None:
        """Free the body."""
        super().close()
        self._limits.bodies.give_back(self.taken)
        self.taken = 0

    @property
    def _largest(self) -> int:
        return self._limits.largest_body(self.path)

    def _cut(self) -> None:
        self.is_cut = True
        self.expect_continue = False
        self.headers["CONNECTION"] = "close"


class Refusal(ErrorTask):  # type: ignore[misc]
    """The response to what is no HTTP request, in the form that the application gives to its own refusals."""

    def execute(self) -> None:
        """Write the response."""
        error: Error = self.request.error
        body = json.dumps({"error": f"{error.reason}: {error.body}."}).encode()
        self.status = f"{error.code} {error.reason}"
        self.response_headers += [("Content-Type", "application/json"), *EVERYWHERE.items()]
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)
