"""Webhook events, stored until a run has processed them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select

from ml_backend.store import tables
from ml_backend.store.database import Database
from ml_backend.store.projects import existing_projects
from ml_backend.store.records import EventRecord, NewEvent
from ml_backend.store.run_requests import insert_requests, projects_with_requests

LONGEST_ACTION = 60
# Built once: the annotator waits for this statement, and building it takes longer than running it.
_INSERT_EVENTS = insert(tables.events)


@dataclass(frozen=True)
class AddedEvents:
    """What became of new events.

    to_wake: projects for which no run had been requested before; unknown: projects that do not exist, whose events were
    not stored.
    """

    to_wake: set[int]
    unknown: set[int]


class EventRows:
    """Reads and writes events."""

    _database: Database

    def add_event(self, project_id: int, action: str, body: dict[str, Any]) -> None:
        """Store one event, without requesting a run."""
        with self._database.writing() as connection:
            _insert(connection, [(project_id, action, body)])

    def add_events(self, new: Sequence[NewEvent]) -> AddedEvents:
        """Store events of projects that exist and request runs, in one transaction."""
        named = {event.project_id for event in new}
        with self._database.writing() as connection:
            known = existing_projects(connection, named)
            own = [event for event in new if event.project_id in known]
            if not own:
                return AddedEvents(set(), named)
            _insert(connection, [(event.project_id, event.action, event.body) for event in own])
            pending = projects_with_requests(connection)
            insert_requests(connection, sorted({(event.project_id, event.reason) for event in own}))
        return AddedEvents(known - pending, named - known)

    def events(self, project_id: int) -> list[EventRecord]:
        """Events that no run has processed yet, in the order of their arrival."""
        query = select(tables.events).where(tables.events.c.project_id == project_id).order_by(tables.events.c.id)
        with self._database.reading() as connection:
            return [EventRecord(**row._mapping) for row in connection.execute(query)]

    def event_counts(self, project_id: int) -> dict[str, int]:
        """Action → number of events that no run has processed yet."""
        table = tables.events
        query = select(table.c.action, func.count()).where(table.c.project_id == project_id).group_by(table.c.action)
        with self._database.reading() as connection:
            return dict(connection.execute(query).tuples().all())

    def oldest_events(self) -> dict[int, float]:
        """Project id → Unix time at which the oldest event arrived that no run has processed yet."""
        table = tables.events
        query = select(table.c.project_id, func.min(table.c.received_at)).group_by(table.c.project_id)
        with self._database.reading() as connection:
            return dict(connection.execute(query).tuples().all())

    def event_count(self) -> int:
        """Number of events of all projects that no run has processed yet."""
        with self._database.reading() as connection:
            return int(connection.execute(select(func.count()).select_from(tables.events)).scalar_one())

    def drop_events(self, project_id: int, up_to_id: int) -> None:
        """Delete events that a run has processed, up to and including this id."""
        with self._database.writing() as connection:
            connection.execute(
                delete(tables.events).where(tables.events.c.project_id == project_id, tables.events.c.id <= up_to_id)
            )


def _insert(connection: Connection, events: Sequence[tuple[int, str, dict[str, Any]]]) -> None:
    now = time.time()
    rows = [
        {"project_id": project_id, "action": action[:LONGEST_ACTION], "body": body, "received_at": now}
        for project_id, action, body in events
    ]
    connection.execute(_INSERT_EVENTS, rows)
