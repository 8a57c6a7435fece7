"""A project that Label Studio does not show: asked for ever more rarely, forgotten only while the key shows another."""

from __future__ import annotations

from typing import Any, cast

import pytest

from ml_backend.pipeline import missing_projects
from ml_backend.pipeline.context import Services
from ml_backend.pipeline.missing_projects import handle_missing_project, is_put_off
from ml_backend.store import Store
from ml_backend.store.records import ProjectRecord

DAY = 24 * 3600.0
USER = "ann@example.org"


class Clock:
    """Stands for the module time."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def time(self) -> float:
        return self.now


class Whoever:
    def identity(self) -> str:
        return USER

    def forget(self, _project_id: int) -> None:
        """There is nothing to forget."""


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(missing_projects, "time", clock)
    return clock


@pytest.fixture
def services(sqlite_store: Store) -> Services:
    sqlite_store.ensure_project(7, seen_by="somebody else")
    whoever: Any = Whoever()
    return Services(sqlite_store, whoever, whoever, cast(Any, None), "minilm", "")


def project(services: Services) -> ProjectRecord:
    record = services.store.project(7)
    assert record is not None
    return record


def days_until_forgotten(services: Services, clock: Clock, longest: int) -> tuple[float, int]:
    """Ask whenever it is due; returns after how many days the project is gone, at most `longest`, and how often."""
    start, asked = clock.now, 0
    while services.store.project_exists(7) and clock.now - start < longest * DAY:
        handle_missing_project(services, project(services), deleted=False)
        asked += 1
        record = services.store.project(7)
        if record is not None:
            assert is_put_off(record)
            clock.now = record.check_after or 0.0
            assert not is_put_off(record)
    return (clock.now - start) / DAY, asked


def test_it_is_asked_for_ever_more_rarely_and_goes_after_a_month(
    services: Services, clock: Clock, caplog: pytest.LogCaptureFixture
):
    services.store.ensure_project(8, seen_by=USER)
    days, asked = days_until_forgotten(services, clock, 60)
    assert 30 <= days <= 32
    assert asked <= 45
    assert not services.store.project_exists(7)
    assert "project 7: Label Studio has not shown it for 30 days" in caplog.text


@pytest.mark.parametrize("other", [{}, {"seen_by": USER, "missing_since": 1.0}, {"seen_by": "somebody else"}])
def test_with_a_key_that_shows_no_project_none_is_forgotten(services: Services, clock: Clock, other: Any):
    services.store.ensure_project(8, **other)
    days_until_forgotten(services, clock, 40)
    assert services.store.project_exists(7)


def test_the_first_pauses_are_a_minute_and_double(services: Services, clock: Clock):
    pauses = []
    for _ in range(5):
        handle_missing_project(services, project(services), deleted=False)
        pauses.append((project(services).check_after or 0.0) - clock.now)
        clock.now += pauses[-1]
    assert pauses == [60, 60, 120, 240, 480]


def test_a_clock_that_is_set_back_puts_nothing_off_for_longer_than_a_day(services: Services, clock: Clock):
    handle_missing_project(services, project(services), deleted=False)
    assert is_put_off(project(services))
    clock.now -= 3 * DAY
    assert not is_put_off(project(services))
