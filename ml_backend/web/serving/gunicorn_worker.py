"""The process that gunicorn starts and watches, which serves with the connections of `web/serving/connections.py`."""

from __future__ import annotations

import logging
import os
from types import FrameType
from typing import Any

from gunicorn.workers.base import Worker

from ml_backend.web.serving.connections import Listener
from ml_backend.web.serving.received_requests import Limits

logger = logging.getLogger(__name__)

LIMITS = "active_learning.limits"
"""Where the application keeps its `Limits`, in its extensions."""


class BufferingWorker(Worker):  # type: ignore[misc]
    """Serves one socket until it is told to stop; a request reaches a thread only when it is complete.

    gunicorn's own worker with threads reads from its sockets in the threads, so that a few slow callers hold all of
    them.
    """

    _listener: Listener | None = None

    def run(self) -> None:
        """Serve until SIGTERM, then finish what is under way."""
        # It would warn of every request that waits for a thread.
        logging.getLogger("waitress.queue").setLevel(logging.ERROR)
        limits: Limits = self.wsgi.extensions[LIMITS]
        (listening,) = self.sockets
        self._listener = Listener(self.wsgi, listening.sock, self.cfg.threads, limits)
        while self.alive and self.ppid == os.getppid():
            self.notify()
            self._listener.poll(1.0)
        self._listener.stop_accepting()
        self._listener.finish(self.cfg.graceful_timeout, self.notify)

    def handle_exit(self, sig: int, frame: FrameType | None) -> Any:
        """Stop; called for SIGTERM."""
        super().handle_exit(sig, frame)
        if self._listener is not None:
            self._listener.pull_trigger()
