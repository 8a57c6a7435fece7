"""Lets `/ready` say that the server is being stopped, while it finishes the requests under way."""

from __future__ import annotations

import signal
from types import FrameType
from typing import cast

from flask import Flask

from ml_backend.web.context import EXTENSION, Web


def announce_stop(app: Flask) -> None:
    """Mark the application as stopping at SIGTERM, before the handler that is installed already."""
    previous = signal.getsignal(signal.SIGTERM)
    context = cast(Web, app.extensions[EXTENSION])

    def stop(number: int, frame: FrameType | None) -> None:
        context.readiness.stopping.set()
        if callable(previous):
            previous(number, frame)

    signal.signal(signal.SIGTERM, stop)
