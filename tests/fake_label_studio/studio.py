"""What the routes share: tables, faults, the request's user, and the requests to backends and webhooks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from flask import g, request

from fake_label_studio.faults import Faults
from fake_label_studio.outgoing import Outgoing
from fake_label_studio.problems import Refused
from fake_label_studio.records import User
from fake_label_studio.tables import Tables
from fake_label_studio.tokens import Tokens


@dataclass
class Studio:
    """One Label Studio; requests: method and path of every request so far, in order."""

    tables: Tables = field(default_factory=Tables)
    faults: Faults = field(default_factory=Faults)
    requests: list[tuple[str, str]] = field(default_factory=list)
    tokens: Tokens = field(init=False)
    outgoing: Outgoing = field(init=False)

    def __post_init__(self) -> None:
        self.tokens = Tokens(self.tables)
        self.outgoing = Outgoing(self.tables, self.faults)


def user() -> User:
    """The user who makes this request."""
    asking: User = g.user
    return asking


def body() -> Any:
    """The request's JSON; an empty object if it has none."""
    return request.get_json(silent=True) if request.data else {}


def body_object() -> dict[str, Any]:
    """The request's JSON object. Raises Refused for anything else."""
    content = body()
    if not isinstance(content, dict):
        raise Refused(400, "Invalid data. Expected a dictionary.")
    return content
