"""Waits for a backend that is still starting, before Label Studio is asked to call it."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from enum import Enum, auto

import httpx

from ml_backend.commands.failure import CommandFailed
from ml_backend.labelstudio.connect_refusal import START_REMEDY

Waiting = Callable[[str], AbstractContextManager[object]]
"""Entered with a sentence for people while the command waits."""

PAUSE_SECONDS = 0.25
ANSWER_SECONDS = 2.0
"""How long the backend may take to answer one question; Label Studio waits for 1 s."""
STARTING = (502, 503, 504)
"""What a proxy answers while the server behind it starts."""


class Seen(Enum):
    """What this machine sees at an address."""

    ANSWER = auto()
    SILENCE = auto()
    """Something listens there and does not answer yet."""
    NOTHING = auto()
    """Nothing listens there."""
    UNKNOWN = auto()
    """This machine cannot reach the address; Label Studio's may."""


def wait_for_backend(backend_url: str, seconds: float, waiting: Waiting = nullcontext) -> None:
    """Return once the backend answers, or at once if only Label Studio may be able to reach it.

    seconds: how long to wait; 0 asks nothing. Raises CommandFailed if nothing listens there even then. What listens
    without an answer is left to Label Studio, which says what is wrong with it.
    """
    if seconds <= 0 or (seen := _seen(backend_url)) in (Seen.ANSWER, Seen.UNKNOWN):
        return
    with waiting(f"waiting up to {seconds:.0f} s for the backend at {backend_url}, {_what(seen)}"):
        deadline = time.monotonic() + seconds
        while seen in (Seen.NOTHING, Seen.SILENCE) and time.monotonic() < deadline:
            time.sleep(PAUSE_SECONDS)
            seen = _seen(backend_url)
    if seen is Seen.NOTHING:
        raise CommandFailed(
            f"nothing listens at {backend_url}, not even after {seconds:.0f} s: {START_REMEDY} in another terminal, or "
            "give as --backend-url the address at which Label Studio's machine reaches it (with `--wait 0`, Label "
            "Studio is asked at once)"
        )


def _what(seen: Seen) -> str:
    return "where nothing listens yet" if seen is Seen.NOTHING else "which does not answer yet"


def _seen(backend_url: str) -> Seen:
    try:
        answer = httpx.get(f"{backend_url.rstrip('/')}/health", timeout=ANSWER_SECONDS)
    except httpx.ConnectError as problem:
        refused = any(getattr(cause, "errno", None) == errno.ECONNREFUSED for cause in _causes(problem))
        return Seen.NOTHING if refused else Seen.UNKNOWN
    except httpx.ConnectTimeout:
        return Seen.UNKNOWN
    except (httpx.TimeoutException, httpx.RemoteProtocolError, httpx.ReadError):
        return Seen.SILENCE
    except (httpx.HTTPError, OSError, ValueError):
        return Seen.UNKNOWN
    return Seen.SILENCE if answer.status_code in STARTING else Seen.ANSWER


def _causes(problem: BaseException) -> Iterator[BaseException]:
    """The exception, and those that it was raised from."""
    cause: BaseException | None = problem
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__
