"""Names of Label Studio's users, and what each person did in a project."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, Subquery, case, func, select

from ml_backend.store import tables
from ml_backend.store.database import Database, slices

TIMED_LABELS = 10_000
"""The time of a label is measured on so many last labels of the project: a page waits for it meanwhile."""
WEEK = 7 * 86_400.0
LONGEST_GAP = 300.0
"""Seconds between two labels; a longer time was not spent on the label."""


@dataclass(frozen=True)
class Activity:
    """What one annotator did in a project; annotator: None for imported annotations.

    labels, skips: numbers of annotations; recent: labels of the last 7 days; newest: when the last was made (Unix
    time), None if unknown; timed: number of the last labels whose time the editor measured; seconds: their median;
    gaps: number of last labels that followed another within LONGEST_GAP; gap: their median distance. Medians are None
    without any.
    """

    annotator: int | None
    labels: int
    recent: int
    skips: int
    newest: float | None
    timed: int
    seconds: float | None
    gaps: int
    gap: float | None


class PeopleRows:
    """Reads and writes names of people, and reads what they did."""

    _database: Database

    def put_people(self, names: Mapping[int, str]) -> None:
        """Store the names of users. names: user id → name."""
        table = tables.people
        statement = self._database.upsert(table)
        statement = statement.on_conflict_do_update(
            index_elements=[table.c.user_id],
            set_={name: statement.excluded[name] for name in ("name", "seen_at")},
        )
        # In one order everywhere: two workers that store them at the same moment wait for each other's rows.
        rows = [{"user_id": user, "name": name, "seen_at": time.time()} for user, name in sorted(names.items())]
        with self._database.writing() as connection:
            for chunk in slices(rows):
                connection.execute(statement, chunk)

    def people(self) -> dict[int, str]:
        """User id → name, of all users that Label Studio listed."""
        table = tables.people
        with self._database.reading() as connection:
            return {row.user_id: row.name for row in connection.execute(select(table.c.user_id, table.c.name))}

    def people_seen_at(self) -> float:
        """When names were stored last (Unix time), 0 before that."""
        with self._database.reading() as connection:
            return float(connection.execute(select(func.max(tables.people.c.seen_at))).scalar_one() or 0.0)

    def activity(self, project_id: int, now: float) -> list[Activity]:
        """What each annotator of a project did, the one with the most labels first. now: Unix time."""
        counts, seconds, gaps = _counts(project_id, now - WEEK), _lead_times(project_id), _gaps(project_id)
        with self._database.reading() as connection:
            by_person = {row.annotator: row for row in connection.execute(counts)}
            lead = {row.annotator: row for row in connection.execute(seconds)}
            gap = {row.annotator: row for row in connection.execute(gaps)}
        found = [
            Activity(
                annotator=who,
                labels=int(row.labels),
                recent=int(row.recent),
                skips=int(row.skips),
                newest=row.newest,
                timed=int(lead[who].n) if who in lead else 0,
                seconds=float(lead[who].median) if who in lead else None,
                gaps=int(gap[who].n) if who in gap else 0,
                gap=float(gap[who].median) if who in gap else None,
            )
            for who, row in by_person.items()
        ]
        return sorted(found, key=lambda one: (-one.labels, one.annotator or 0))


def _counts(project_id: int, recently: float) -> Select[Any]:
    table = tables.annotation_table
    is_label, is_recent = ~table.c.cancelled, table.c.created_at >= recently
    return (
        select(
            table.c.annotator,
            func.sum(case((is_label, 1), else_=0)).label("labels"),
            func.sum(case((is_label & is_recent, 1), else_=0)).label("recent"),
            func.sum(case((table.c.cancelled, 1), else_=0)).label("skips"),
            func.max(table.c.created_at).label("newest"),
        )
        .where(table.c.project_id == project_id)
        .group_by(table.c.annotator)
    )


def _lead_times(project_id: int) -> Select[Any]:
    """Number and median of the times that the editor measured, by annotator."""
    last = _last_labels(project_id)
    return _medians(select(last.c.annotator, last.c.lead_time.label("value")).where(last.c.lead_time > 0))


def _gaps(project_id: int) -> Select[Any]:
    """Number and median of the times between successive labels, by annotator."""
    last = _last_labels(project_id)
    before = func.lag(last.c.created_at).over(partition_by=last.c.annotator, order_by=last.c.created_at)
    successive = (
        select(last.c.annotator, (last.c.created_at - before).label("value"))
        .where(last.c.created_at.is_not(None))
        .subquery()
    )
    query = select(successive.c.annotator, successive.c.value)
    return _medians(query.where(successive.c.value > 0, successive.c.value < LONGEST_GAP))


def _last_labels(project_id: int) -> Subquery:
    """The last labels that people gave, at most TIMED_LABELS."""
    table = tables.annotation_table
    return (
        select(table.c.annotator, table.c.created_at, table.c.lead_time)
        .where(table.c.project_id == project_id, ~table.c.cancelled, table.c.annotator.is_not(None))
        .order_by(table.c.annotation_id.desc())
        .limit(TIMED_LABELS)
        .subquery()
    )


def _medians(query: Select[Any]) -> Select[Any]:
    """Number `n` and `median` of the column `value`, by annotator."""
    values = query.subquery()
    ranked = select(
        values.c.annotator,
        values.c.value,
        func.row_number().over(partition_by=values.c.annotator, order_by=values.c.value).label("place"),
        func.count().over(partition_by=values.c.annotator).label("n"),
    ).subquery()
    is_middle = ranked.c.place.in_([(ranked.c.n + 1) // 2, (ranked.c.n + 2) // 2])
    return (
        select(ranked.c.annotator, func.max(ranked.c.n).label("n"), func.avg(ranked.c.value).label("median"))
        .where(is_middle)
        .group_by(ranked.c.annotator)
    )
