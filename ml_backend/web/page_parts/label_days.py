"""Labels by day, in the time zone of the server."""

from __future__ import annotations

import datetime
from collections import Counter
from dataclasses import dataclass

from markupsafe import Markup

from ml_backend.store import Store
from ml_backend.store.label_times import QUARTER_SECONDS
from ml_backend.web.page_parts.chart import Bar, bar_chart

DAYS = 30


@dataclass(frozen=True)
class LabelDays:
    """today: labels since midnight; chart: of the last 30 days, empty without labels; zone: name of the time zone."""

    today: int
    chart: Markup
    zone: str


def label_days(store: Store, project_id: int, now: datetime.datetime | None = None) -> LabelDays:
    """The labels of a project by day. now: with its time zone, the server's if None."""
    moment = now or datetime.datetime.now().astimezone()
    days = [moment.date() - datetime.timedelta(days=n) for n in reversed(range(DAYS))]
    by_day: Counter[datetime.date] = Counter()
    since = midnight(moment) - DAYS * 86400.0
    for quarter, labels in store.labels_by_quarter(project_id, since).items():
        at = datetime.datetime.fromtimestamp(quarter * QUARTER_SECONDS, moment.tzinfo if now else None)
        by_day[at.date()] += labels
    bars = [Bar(by_day[day], _label(day, n), f"{day:%a %d %b}: {_labels(by_day[day])}") for n, day in enumerate(days)]
    total = sum(bar.value for bar in bars)
    title = f"Labels by day: {_labels(total)} in {DAYS} days, {_labels(by_day[days[-1]])} today"
    return LabelDays(by_day[days[-1]], bar_chart(bars, title) if total else Markup(""), moment.tzname() or "")


def midnight(moment: datetime.datetime) -> float:
    """Unix time at which the day of this moment began, in its time zone."""
    return moment.replace(hour=0, minute=0, second=0, microsecond=0).timestamp()


def _label(day: datetime.date, number: int) -> str:
    """A label under every seventh bar, counted from today."""
    if number == DAYS - 1:
        return "today"
    return f"{day.day} {day:%b}" if (DAYS - 1 - number) % 7 == 0 else ""


def _labels(number: int) -> str:
    return "1 label" if number == 1 else f"{number:,} labels"
