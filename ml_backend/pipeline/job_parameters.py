"""What jobs are started with, as it is stored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Parameters = dict[str, Any]


class WrongParameters(ValueError):
    """Parameters that a job cannot be started with; the message is a sentence that names them."""


def nothing(_given: Mapping[str, Any]) -> Parameters:
    """Of a job that takes no parameters."""
    return {}
