"""Errors in the form in which Label Studio gives them."""

from __future__ import annotations

from typing import Any


class Refused(Exception):
    """The request is answered with this status; fields: reasons by field of a 400."""

    def __init__(self, status: int, detail: str, fields: dict[str, list[str]] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.fields = fields

    def body(self) -> dict[str, Any]:
        """The body that Label Studio sends."""
        body: dict[str, Any] = {"id": "fake", "status_code": self.status, "version": "1.23.2", "detail": self.detail}
        return body | ({"validation_errors": self.fields} if self.fields else {}) | {"exc_info": None}


def invalid(**fields: str) -> Refused:
    """A validation error with one reason per field."""
    return Refused(400, "Validation error", {name: [reason] for name, reason in fields.items()})
