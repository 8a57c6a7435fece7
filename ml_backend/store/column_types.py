"""Column types of the tables, the same on SQLite and PostgreSQL."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, fields
from enum import StrEnum
from typing import Any, Generic, TypeVar

from sqlalchemy import Dialect, String, Text, TypeDecorator

NOT_STORABLE = re.compile("[\x00\ud800-\udfff]")

Member = TypeVar("Member", bound=StrEnum)


class JsonText(TypeDecorator[Any]):
    """JSON stored as ASCII text, since PostgreSQL's JSON type refuses NUL characters, which real texts contain."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else json.dumps(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        return None if value is None else json.loads(value)


class PlainText(TypeDecorator[str]):
    """Text for people, in which U+FFFD replaces NUL characters and lone surrogates, which databases refuse."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else NOT_STORABLE.sub("\N{REPLACEMENT CHARACTER}", value)


class EnumText(TypeDecorator[Member], Generic[Member]):
    """The value of a StrEnum; writing any other value raises ValueError.

    unknown: the member to return for a value that a newer version wrote; without it, reading such a value raises
    ValueError.
    """

    impl = String
    cache_ok = True

    def __init__(self, members: type[Member], length: int, unknown: Member | None = None) -> None:
        super().__init__(length)
        self.members = members
        self.unknown = unknown

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else self.members(value).value

    def process_result_value(self, value: str | None, dialect: Dialect) -> Member | None:
        if value is None:
            return None
        try:
            return self.members(value)
        except ValueError:
            if self.unknown is None:
                raise
            return self.unknown


class DataclassText(TypeDecorator[Any]):
    """A dataclass of plain values, stored as JSON like `JsonText`."""

    impl = Text
    cache_ok = True

    def __init__(self, shape: type[Any]) -> None:
        super().__init__()
        self.shape = shape
        self.names = {field.name for field in fields(shape)}

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else json.dumps(asdict(value))

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        # A newer version may have stored more fields; this one leaves them out.
        return self.shape(**{name: stored for name, stored in json.loads(value).items() if name in self.names})
