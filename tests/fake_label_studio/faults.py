"""Faults that a test can switch on: of the whole server, of single requests, webhooks and counters."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum


class WebhookMode(StrEnum):
    """What happens to a webhook that is due."""

    SEND = "send"
    DROP = "drop"
    DOUBLE = "double"
    HOLD = "hold"


class Moment(StrEnum):
    """Whether a request breaks before or after it has its effect."""

    BEFORE = "before"
    AFTER = "after"


@dataclass
class Break:
    """Requests like this one get no answer: all of them after the first `skip`."""

    method: str
    path: re.Pattern[str]
    moment: Moment
    skip: int = 0


@dataclass
class Faults:
    """Switches; all off at first.

    down: connections are closed without an answer; seconds: every answer takes this much longer; webhooks: what happens
    to them; stale_counters: a task's counters stay as they are when it is annotated, as happens when an import overlaps
    an annotation; fast_import: imports of predictions are not validated; dropped_predictions: how many predictions of
    each import are left out, like those with a score outside 0 to 1; local_blocked: backends on this machine are
    refused, as with ML_BLOCK_LOCAL_IP=true, Label Studio's default; proxy_authorization: what a proxy in front
    asks for in the header Authorization; failures_counted: webhooks are switched off after 50 failed deliveries in a
    row, as newer versions do.
    """

    down: bool = False
    seconds: float = 0.0
    webhooks: WebhookMode = WebhookMode.SEND
    stale_counters: bool = False
    fast_import: bool = False
    dropped_predictions: int = 0
    local_blocked: bool = False
    proxy_authorization: str | None = None
    failures_counted: bool = False
    broken: Break | None = None

    def break_at(self, method: str = ".*", path: str = "", moment: Moment = Moment.BEFORE, skip: int = 0) -> None:
        """Give no answer to requests like this, except for the first `skip`, until `mend`."""
        self.broken = Break(method, re.compile(path), moment, skip)

    def mend(self) -> None:
        """Switch all faults off."""
        self.__init__()  # type: ignore[misc]

    def breaks(self, method: str, path: str) -> Moment | None:
        """When this request breaks; None if it does not."""
        broken = self.broken
        if broken is None or not re.fullmatch(broken.method, method) or not broken.path.search(path):
            return None
        if broken.skip:
            broken.skip -= 1
            return None
        return broken.moment
