"""The log has one format, says which run or request a line belongs to, and hides secrets."""

from __future__ import annotations

import io
import json
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ml_backend import logs
from ml_backend.settings import Settings

SETTINGS = Settings(
    label_studio_api_key="key-of-label-studio",
    basic_auth_user="ann",
    basic_auth_pass='pass"of\\ann',
    database_url="postgresql://user:pass%21word@host/db",
    redis_url="redis://:word-of-redis@host/0",
)
Written = Callable[[], str]


@pytest.fixture
def logger() -> Iterator[logging.Logger]:
    """A logger whose records go to the formats of the tests only."""
    own = logging.getLogger("ml_backend.test_logs")
    own.propagate = False
    yield own
    own.handlers.clear()


@pytest.fixture
def written(logger: logging.Logger) -> Callable[[logging.Formatter], Written]:
    """Adds a handler with this format; returns what reads the text written so far."""

    def add(formatter: logging.Formatter) -> Written:
        stream = io.StringIO()
        handler = logging.StreamHandler(stream)
        handler.setFormatter(formatter)
        handler.addFilter(logs._add_context)
        logger.addHandler(handler)
        return stream.getvalue

    return add


def test_a_line_of_a_run_names_project_and_run_in_both_formats(
    logger: logging.Logger, written: Callable[[logging.Formatter], Written]
):
    text, objects = written(logs.TextLines()), written(logs.JsonLines())
    with logs.log_context(project=3, run="ab12"):
        logger.warning("slow: %s s", 4)
    logger.warning("outside")
    inside, outside = text().splitlines()
    assert inside.endswith("WARNING ml_backend.test_logs [project 3 run ab12]: slow: 4 s")
    assert outside.endswith("WARNING ml_backend.test_logs: outside")
    first, second = (json.loads(line) for line in objects().splitlines())
    assert first.pop("time") < second.pop("time")
    assert first == {
        "level": "WARNING",
        "logger": "ml_backend.test_logs",
        "message": "slow: 4 s",
        "project": 3,
        "run": "ab12",
    }
    assert second == {"level": "WARNING", "logger": "ml_backend.test_logs", "message": "outside"}


def test_a_traceback_is_part_of_its_line_in_json(
    logger: logging.Logger, written: Callable[[logging.Formatter], Written]
):
    objects = written(logs.JsonLines())
    try:
        raise ValueError("two\nlines")
    except ValueError:
        logger.exception("failed")
    (line,) = objects().splitlines()
    assert "ValueError: two\nlines" in json.loads(line)["traceback"]


@pytest.mark.parametrize("formatter", [logs.TextLines, logs.JsonLines])
def test_configured_secrets_are_hidden_also_in_tracebacks(
    logger: logging.Logger, written: Callable[[logging.Formatter], Written], formatter: Any
):
    secrets = ["key-of-label-studio", 'pass"of\\ann', "pass%21word", "pass!word", "word-of-redis"]
    assert sorted(logs.secrets_of(SETTINGS)) == sorted(secrets)
    lines = written(formatter(logs.secrets_of(SETTINGS)))
    try:
        raise ValueError("; ".join(secrets))
    except ValueError:
        logger.exception("by ann: %s", " ".join(secrets))
    shown = lines().replace('\\"', '"').replace("\\\\", "\\")
    assert not [secret for secret in secrets if secret in shown]
    assert "by ann: ***" in lines()


PROGRAM = """
import logging, threading, warnings
from ml_backend import logs
logs.write_to_stderr(logs.LogFormat.JSON, "INFO", [])
logging.getLogger("huey").warning("of the queue")
logging.getLogger("gunicorn.error").error("of the server")
warnings.warn("of python")
thread = threading.Thread(target=lambda: 1 / 0, name="heartbeat")
thread.start()
thread.join()
raise KeyError("at the end")
"""


def test_warnings_and_unforeseen_errors_are_json_lines_too():
    done = subprocess.run(
        [sys.executable, "-W", "default", "-c", PROGRAM],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[1],
        check=False,
    )
    assert done.returncode == 1
    records = [json.loads(line) for line in done.stderr.splitlines()]
    assert [record["logger"] for record in records] == [
        "huey",
        "gunicorn.error",
        "py.warnings",
        "ml_backend",
        "ml_backend",
    ]
    assert "of python" in records[2]["message"]
    assert "heartbeat" in records[3]["message"]
    assert "ZeroDivisionError" in records[3]["traceback"]
    assert "at the end" in records[4]["traceback"]
