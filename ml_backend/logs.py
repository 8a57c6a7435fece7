"""The log of server, worker and commands: one format for all, text or JSON, one record a line in JSON.

Records carry the project and the run, or the request, that they belong to, and never a configured secret.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from types import TracebackType
from typing import Any
from urllib.parse import unquote, urlsplit

from pythonjsonlogger.json import JsonFormatter

from ml_backend.settings import SECRETS, LogFormat, Settings

Context = dict[str, str | int]

TEXT = "%(asctime)s %(levelname)s %(name)s%(context)s: %(message)s"
JSON = "%(levelname)s %(name)s %(message)s"
NAMES = {"levelname": "level", "name": "logger", "exc_info": "traceback", "timestamp": "time"}
QUIET = ("alembic", "httpx", "httpcore", "huey", "sentence_transformers", "urllib3")
"""Loggers of libraries, of which only warnings are written."""
SHORTEST_SECRET = 6
"""A shorter value is not looked for in the log, since it would hide parts of ordinary words."""
SHOWN_USERS = {"basic_auth_user"}
HIDDEN = "***"

_context: ContextVar[Context] = ContextVar("log_context", default={})  # noqa: B039  # never changed, only replaced


def new_id() -> str:
    """An id for a run or a request: 12 hexadecimal digits."""
    return uuid.uuid4().hex[:12]


def bind(**fields: str | int) -> Token[Context]:
    """Add fields to all records of this thread until `unbind` is called with the returned token."""
    return _context.set({**_context.get(), **fields})


def unbind(token: Token[Context]) -> None:
    """Remove the fields that `bind` added."""
    _context.reset(token)


@contextmanager
def log_context(**fields: str | int) -> Iterator[None]:
    """Add fields to all records of this thread, as `project=3, run="5f3a…"`."""
    token = bind(**fields)
    try:
        yield
    finally:
        unbind(token)


def configure(settings: Settings) -> None:
    """Write the log to standard error as the settings say, with warnings and the errors of threads in it."""
    write_to_stderr(settings.log_format, settings.log_level, secrets_of(settings))


def write_to_stderr(form: LogFormat, level: str, secrets: list[str]) -> None:
    """Write records of at least this level to standard error; the secrets are replaced by three asterisks.

    If the root logger has a handler already, as in tests, nothing is changed but the levels.
    """
    for name in QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLevelName(level)))
    if logging.root.handlers:
        return
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines(secrets) if form is LogFormat.JSON else TextLines(secrets))
    handler.addFilter(_add_context)
    logging.basicConfig(level=level, handlers=[handler])
    logging.captureWarnings(True)
    threading.excepthook = _log_error_of_thread
    if form is LogFormat.JSON:
        sys.excepthook = _log_error


def writes_json() -> bool:
    """Whether the log is written as JSON."""
    return any(isinstance(handler.formatter, JsonLines) for handler in logging.root.handlers)


def secrets_of(settings: Settings) -> list[str]:
    """The configured secrets, longest first; of an address only its password."""
    found = set()
    for name in SECRETS - SHOWN_USERS:
        value = getattr(settings, name)
        if value and name.endswith("_url"):
            password = urlsplit(value).password
            found |= {password, unquote(password)} if password else set()
        elif value:
            found.add(value)
    return sorted((secret for secret in found if len(secret) >= SHORTEST_SECRET), key=len, reverse=True)


class TextLines(logging.Formatter):
    """Lines for people."""

    def __init__(self, secrets: list[str] | None = None) -> None:
        super().__init__(TEXT)
        self._secrets = _pattern(secrets or [])

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # logging's name
        """The line without a traceback."""
        fields = " ".join(f"{name} {value}" for name, value in getattr(record, "fields", {}).items())
        return super().formatMessage(
            logging.makeLogRecord({**vars(record), "context": f" [{fields}]" if fields else ""})
        )

    def format(self, record: logging.LogRecord) -> str:
        """The line, with the traceback below it if the record has one."""
        return self._secrets.sub(HIDDEN, super().format(record))


class JsonLines(JsonFormatter):
    """One JSON object a line: time, level, logger, message, traceback, and the fields of the context."""

    def __init__(self, secrets: list[str] | None = None) -> None:
        super().__init__(JSON, rename_fields=NAMES, timestamp=True, json_ensure_ascii=False)
        # As they stand in a JSON string, where quotes and backslashes are escaped.
        self._secrets = _pattern([json.dumps(secret, ensure_ascii=False)[1:-1] for secret in secrets or []])

    def add_fields(self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]) -> None:
        """Fill in the fields of the object."""
        super().add_fields(log_data, record, message_dict)
        log_data.update(log_data.pop("fields", {}))

    def format(self, record: logging.LogRecord) -> str:
        """The object as one line."""
        return self._secrets.sub(HIDDEN, super().format(record))


def _add_context(record: logging.LogRecord) -> bool:
    record.fields = _context.get()
    return True


def _pattern(secrets: list[str]) -> re.Pattern[str]:
    return re.compile("|".join(map(re.escape, secrets)) or "(?!)")


def _log_error(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    logging.getLogger("ml_backend").critical("unforeseen error", exc_info=(kind, error, trace))


def _log_error_of_thread(arguments: threading.ExceptHookArgs) -> None:
    thread = arguments.thread.name if arguments.thread else "?"
    error = arguments.exc_value or arguments.exc_type()
    logging.getLogger("ml_backend").critical(
        "unforeseen error in thread %s", thread, exc_info=(arguments.exc_type, error, arguments.exc_traceback)
    )
