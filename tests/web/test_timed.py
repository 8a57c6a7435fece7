"""A value that is read in the background is never an old one that looks new."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from ml_backend.web.monitoring.timed import TimedReading


def test_a_reading_that_fails_leaves_no_value_and_is_logged(caplog: pytest.LogCaptureFixture):
    results: Iterator[object] = iter([1, LookupError("a state of a newer version"), 3])

    def read() -> int:
        result = next(results)
        if isinstance(result, Exception):
            raise result
        assert isinstance(result, int)
        return result

    reading = TimedReading(read, lifetime=0.0)

    def value() -> int | None:
        reading.start()
        return reading.value(time.monotonic() + 60)

    assert [value(), value(), value()] == [1, None, 3]
    assert "a state of a newer version" in caplog.text
