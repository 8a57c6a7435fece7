"""Projects, the events that came for them, and who is running them."""

from __future__ import annotations

import secrets as random_secrets
import time
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, exists, func, insert, or_, select, text, update

from ml_backend.store import tables
from ml_backend.store.changes import EVERYTHING, note_changes
from ml_backend.store.database import Database
from ml_backend.store.records import EventRecord, NewEvent, ProjectRecord

# Statements of the calls that Label Studio's users wait for are built once: building one takes longer than running it.
_INSERT_EVENTS = insert(tables.events)
_KNOWN = select(tables.projects.c.id).where(tables.projects.c.id == bindparam("wanted"))
# As text, since what SQLAlchemy makes of ON CONFLICT is compiled anew at every call.
_ASK = text("INSERT INTO run_requests (project_id, reason) VALUES (:project_id, :reason) ON CONFLICT DO NOTHING")
_WAITING = select(tables.run_requests.c.project_id).distinct()
_PROJECT_AND_HEAD = select(
    tables.projects,
    select(tables.heads.c.version)
    .where(tables.heads.c.project_id == bindparam("wanted"))
    .order_by(tables.heads.c.created_at.desc())
    .limit(1)
    .scalar_subquery()
    .label("head"),
).where(tables.projects.c.id == bindparam("wanted"))


class ProjectRows:
    """Reads and writes projects, events, run requests and leases."""

    _database: Database

    def ensure_project(self, project_id: int, **changes: Any) -> ProjectRecord:
        """The project, made when it is new; `changes` are written either way."""
        with self._database.writing() as connection:
            connection.execute(self._database.upsert(tables.projects).values(id=project_id).on_conflict_do_nothing())
            if changes:
                _update(connection, project_id, changes)
            return _project(connection.execute(_select_project(project_id)).one())

    def project(self, project_id: int) -> ProjectRecord | None:
        """The project, or None."""
        with self._database.reading() as connection:
            row = connection.execute(_select_project(project_id)).one_or_none()
        return None if row is None else _project(row)

    def project_and_head(self, project_id: int) -> tuple[ProjectRecord | None, str | None]:
        """The project and the version of its newest head, in one read."""
        with self._database.reading() as connection:
            row = connection.execute(_PROJECT_AND_HEAD, {"wanted": project_id}).one_or_none()
        if row is None:
            return None, None
        return ProjectRecord(**{name: value for name, value in row._mapping.items() if name != "head"}), row.head

    def projects(self) -> list[ProjectRecord]:
        """All projects by id."""
        with self._database.reading() as connection:
            rows = connection.execute(select(tables.projects).order_by(tables.projects.c.id)).all()
        return [_project(row) for row in rows]

    def update_project(self, project_id: int, **changes: Any) -> None:
        """Write fields of ProjectRecord; nothing happens when the project is gone."""
        with self._database.writing() as connection:
            _update(connection, project_id, changes)

    def merge_meta(self, project_id: int, **keys: Any) -> None:
        """Set keys of `meta` and leave the others as they are."""
        with self._database.writing() as connection:
            query = select(tables.projects.c.meta).where(tables.projects.c.id == project_id).with_for_update()
            meta = connection.execute(query).scalar_one_or_none()
            if meta is not None:
                _update(connection, project_id, {"meta": {**meta, **keys}})

    def forget_project(self, project_id: int) -> None:
        """Delete all that is kept of a project; texts and vectors stay only while another project uses them."""
        with self._database.writing() as connection:
            mine = select(tables.tasks.c.text_hash).where(tables.tasks.c.project_id == project_id)
            hashes = [h for h in connection.execute(mine.distinct()).scalars() if h is not None]
            note_changes(self._database, connection, project_id, [EVERYTHING])
            for table in tables.OF_A_PROJECT:
                connection.execute(delete(table).where(table.c.project_id == project_id))
            connection.execute(delete(tables.projects).where(tables.projects.c.id == project_id))
            delete_unused_texts(connection, hashes)

    def add_event(self, project_id: int, action: str, body: dict[str, Any]) -> None:
        """Keep a webhook's body until a run has taken it in."""
        with self._database.writing() as connection:
            _insert_events(connection, [NewEvent(project_id, action, body, "")])

    def add_events(self, new: Sequence[NewEvent]) -> set[int]:
        """Keep events and ask for runs, in one transaction; answers the projects for which none was asked for yet.

        Projects never heard of are made.
        """
        projects = sorted({event.project_id for event in new})
        reasons = sorted({(event.project_id, event.reason[:60]) for event in new})
        with self._database.writing() as connection:
            for project_id in projects:
                if connection.execute(_KNOWN, {"wanted": project_id}).first() is None:
                    made = self._database.upsert(tables.projects).values(id=project_id)
                    connection.execute(made.on_conflict_do_nothing())
            _insert_events(connection, new)
            waiting = set(connection.execute(_WAITING).scalars())
            connection.execute(_ASK, [{"project_id": project_id, "reason": reason} for project_id, reason in reasons])
        return {event.project_id for event in new} - waiting

    def events(self, project_id: int) -> list[EventRecord]:
        """Events not yet taken in, in the order in which they came."""
        query = select(tables.events).where(tables.events.c.project_id == project_id).order_by(tables.events.c.id)
        with self._database.reading() as connection:
            return [EventRecord(**row._mapping) for row in connection.execute(query)]

    def event_count(self) -> int:
        """Events of all projects that no run has taken in yet."""
        with self._database.reading() as connection:
            return int(connection.execute(select(func.count()).select_from(tables.events)).scalar_one())

    def drop_events(self, project_id: int, up_to_id: int) -> None:
        """Forget events that a run has taken in."""
        with self._database.writing() as connection:
            connection.execute(
                delete(tables.events).where(tables.events.c.project_id == project_id, tables.events.c.id <= up_to_id)
            )

    def request_run(self, project_id: int, reason: str) -> bool:
        """Ask for a run; True when none was asked for yet, so that a worker has to be woken."""
        table = tables.run_requests
        with self._database.writing() as connection:
            waiting = connection.execute(select(exists().where(table.c.project_id == project_id))).scalar_one()
            connection.execute(
                self._database.upsert(table).values(project_id=project_id, reason=reason[:60]).on_conflict_do_nothing()
            )
        return not waiting

    def take_requests(self, project_id: int) -> list[str]:
        """The reasons for which a run was asked; they are taken, later ones lead to another run."""
        table = tables.run_requests
        with self._database.writing() as connection:
            taken = connection.execute(delete(table).where(table.c.project_id == project_id).returning(table.c.reason))
            return sorted(taken.scalars())

    def pending_projects(self) -> list[int]:
        """Projects for which a run was asked."""
        with self._database.reading() as connection:
            return list(connection.execute(select(tables.run_requests.c.project_id).distinct()).scalars())

    def acquire_lease(self, project_id: int, owner: str, seconds: float) -> bool:
        """Whether `owner` may run the project now; a lease that ran out belongs to nobody."""
        now = time.time()
        table = tables.leases
        statement = self._database.upsert(table).values(project_id=project_id, owner=owner, until=now + seconds)
        statement = statement.on_conflict_do_update(
            index_elements=[table.c.project_id],
            set_={"owner": owner, "until": now + seconds},
            where=or_(table.c.until < now, table.c.owner == owner),
        )
        with self._database.writing() as connection:
            connection.execute(statement)
            held = connection.execute(select(table.c.owner).where(table.c.project_id == project_id))
            return bool(held.scalar_one() == owner)

    def renew_lease(self, project_id: int, owner: str, seconds: float) -> None:
        """Keep a lease for `seconds` more."""
        table = tables.leases
        with self._database.writing() as connection:
            connection.execute(
                update(table)
                .where(table.c.project_id == project_id, table.c.owner == owner)
                .values(until=time.time() + seconds)
            )

    def release_lease(self, project_id: int, owner: str) -> None:
        """Let others run the project."""
        table = tables.leases
        with self._database.writing() as connection:
            connection.execute(delete(table).where(table.c.project_id == project_id, table.c.owner == owner))

    def lease_owners(self) -> list[str]:
        """Who holds leases now."""
        with self._database.reading() as connection:
            return list(connection.execute(select(tables.leases.c.owner)).scalars())

    def delete_leases(self, owners: list[str]) -> None:
        """Take the leases of owners that are known to be dead."""
        with self._database.writing() as connection:
            connection.execute(delete(tables.leases).where(tables.leases.c.owner.in_(owners)))

    def webhook_secret(self) -> str:
        """The secret that webhooks carry; made at the first call and kept."""
        table = tables.secrets
        wanted = select(table.c.value).where(table.c.name == "webhook")
        with self._database.reading() as connection:
            kept = connection.execute(wanted).scalar_one_or_none()
        if kept is not None:
            return str(kept)
        with self._database.writing() as connection:
            made = self._database.upsert(table).values(name="webhook", value=random_secrets.token_urlsafe(32))
            connection.execute(made.on_conflict_do_nothing())
            return str(connection.execute(wanted).scalar_one())


def delete_unused_texts(connection: Connection, hashes: list[str]) -> None:
    """Delete those of the texts, and their vectors, that no task has any more."""
    for start in range(0, len(hashes), 500):
        some = hashes[start : start + 500]
        used = set(
            connection.execute(
                select(tables.tasks.c.text_hash).where(tables.tasks.c.text_hash.in_(some)).distinct()
            ).scalars()
        )
        unused = [h for h in some if h not in used]
        for table in (tables.texts, tables.embeddings):
            connection.execute(delete(table).where(table.c.text_hash.in_(unused)))


def _insert_events(connection: Connection, new: Sequence[NewEvent]) -> None:
    now = time.time()
    rows = [{"project_id": e.project_id, "action": e.action[:60], "body": e.body, "received_at": now} for e in new]
    connection.execute(_INSERT_EVENTS, rows)


def _select_project(project_id: int) -> Any:
    return select(tables.projects).where(tables.projects.c.id == project_id)


def _project(row: Row[Any]) -> ProjectRecord:
    return ProjectRecord(**row._mapping)


_FIELDS = {field.name for field in fields(ProjectRecord)} - {"id"}


def _update(connection: Connection, project_id: int, changes: dict[str, Any]) -> None:
    unknown = set(changes) - _FIELDS
    if unknown:
        raise ValueError(f"a project has no {', '.join(sorted(unknown))}")
    connection.execute(update(tables.projects).where(tables.projects.c.id == project_id).values(**changes))
