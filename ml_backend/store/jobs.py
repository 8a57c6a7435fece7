"""Jobs: work that people ask for on the pages, done by a worker, with its progress and its result."""

from __future__ import annotations

import time
from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, Row, and_, delete, func, insert, or_, select, update

from ml_backend.store import tables
from ml_backend.store.database import Database
from ml_backend.store.job_records import JobRecord, files_of_job
from ml_backend.store.projects import lock_project
from ml_backend.store.states import JobState

JOB_SECONDS = 30.0
"""A worker that dies blocks its job for this time; a live one renews after a third of it."""
JOBS_KEPT = 20
"""Of each kind and project so many ended jobs are kept."""
JOBS_WITH_FILES = 3
"""So many of them with their files, which may be large."""
_OPEN = (JobState.WAITING, JobState.RUNNING)


class JobRows:
    """Reads and writes jobs."""

    _database: Database

    def add_job(self, project_id: int, kind: str, parameters: dict[str, Any], who: str) -> JobRecord:
        """Ask for a job."""
        with self._database.writing() as connection:
            return _add(connection, project_id, kind, parameters, who)

    def add_only_job(self, project_id: int, kind: str, parameters: dict[str, Any], who: str) -> JobRecord | None:
        """Ask for a job, unless the same one waits or goes on in the project: then that one is returned.

        Returns None for an unknown project.
        """
        table = tables.jobs
        of_kind = (table.c.project_id == project_id) & (table.c.kind == kind) & table.c.state.in_(_OPEN)
        with self._database.writing() as connection:
            if not lock_project(connection, project_id):
                return None
            going_on = [_job(row) for row in connection.execute(select(table).where(of_kind).order_by(table.c.id))]
            same = next((job for job in going_on if job.parameters == parameters), None)
            return same or _add(connection, project_id, kind, parameters, who)

    def take_job(self, kinds: Collection[str], owner: str) -> JobRecord | None:
        """The oldest job of these kinds that waits or whose worker has ended, now of this owner; None without one."""
        table, now = tables.jobs, self._database.now()
        is_free = or_(
            table.c.state == JobState.WAITING,
            and_(table.c.state == JobState.RUNNING, table.c.until < now),
        )
        free = select(table.c.id).where(table.c.kind.in_(kinds), is_free).order_by(table.c.id).limit(1)
        with self._database.reading() as connection:
            if connection.execute(free).first() is None:
                return None
        with self._database.writing() as connection:
            number = connection.execute(free.with_for_update(skip_locked=True)).scalar_one_or_none()
            if number is None:
                return None
            values = {
                "state": JobState.RUNNING,
                "owner": owner,
                "until": now + JOB_SECONDS,
                "started_at": func.coalesce(table.c.started_at, time.time()),
                "tries": table.c.tries + 1,
            }
            statement = update(table).where(table.c.id == number).values(**values).returning(table)
            return _job(connection.execute(statement).one())

    def report_job(
        self, job_id: int, owner: str, done: int, total: int, phase: str, checkpoint: dict[str, Any] | None = None
    ) -> bool:
        """Store how far a job has come, and keep it for its owner; returns False if it was stopped or taken over.

        checkpoint: where to go on if the worker ends; None leaves the one before.
        """
        values: dict[str, Any] = {"done": done, "total": total, "phase": phase}
        values |= {"until": self._database.now() + JOB_SECONDS}
        if checkpoint is not None:
            values |= {"checkpoint": checkpoint, "tries": 1}
        return self._change_own(job_id, owner, values)

    def renew_job(self, job_id: int, owner: str) -> bool:
        """Keep a job for its owner; returns False if it was stopped or taken over."""
        return self._change_own(job_id, owner, {"until": self._database.now() + JOB_SECONDS})

    def put_back_job(self, job_id: int, owner: str) -> bool:
        """Let another worker go on with a job, since this one is asked to end, which does not count as a try."""
        values = {"state": JobState.WAITING, "owner": None, "until": None, "tries": tables.jobs.c.tries - 1}
        return self._change_own(job_id, owner, values)

    def end_job(
        self,
        job_id: int,
        owner: str,
        state: JobState,
        result: dict[str, Any] | None = None,
        error: str | None = None,
    ) -> bool:
        """Store how a job ended; returns False if it was stopped or taken over before.

        Older jobs of its kind and project are deleted with their files, see JOBS_KEPT.
        """
        values = {"state": state, "result": result, "error": error, "ended_at": time.time(), "until": None}
        return self._change_own(job_id, owner, values)

    def release_jobs(self, owners: Collection[str]) -> None:
        """Let others go on with the jobs of these owners, whose processes have ended."""
        table = tables.jobs
        running = (table.c.state == JobState.RUNNING) & table.c.owner.in_(owners)
        with self._database.writing() as connection:
            connection.execute(update(table).where(running).values(state=JobState.WAITING, owner=None, until=None))

    def job_owners(self) -> list[str]:
        """Owners of all jobs that are being done."""
        table = tables.jobs
        query = select(table.c.owner).where(table.c.state == JobState.RUNNING, table.c.owner.is_not(None)).distinct()
        with self._database.reading() as connection:
            return list(connection.execute(query).scalars())

    def stop_job(self, project_id: int, job_id: int) -> bool:
        """Stop a job of the project; what it did until then stays. Returns False if it had ended or does not exist."""
        table = tables.jobs
        is_open = (table.c.id == job_id) & (table.c.project_id == project_id) & table.c.state.in_(_OPEN)
        values = {"state": JobState.STOPPED, "ended_at": time.time(), "until": None}
        with self._database.writing() as connection:
            statement = update(table).where(is_open).values(**values).returning(table.c.kind)
            kind = connection.execute(statement).scalar_one_or_none()
            if kind is not None:
                _delete_old(connection, project_id, kind)
        return kind is not None

    def job(self, project_id: int, job_id: int) -> JobRecord | None:
        """A job of the project, or None."""
        table = tables.jobs
        query = select(table).where(table.c.id == job_id, table.c.project_id == project_id)
        with self._database.reading() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else _job(row)

    def jobs(self, project_id: int, kinds: Collection[str], limit: int = 20) -> list[JobRecord]:
        """The last jobs of the project of these kinds, newest first."""
        table = tables.jobs
        query = select(table).where(table.c.project_id == project_id, table.c.kind.in_(kinds))
        with self._database.reading() as connection:
            return [_job(row) for row in connection.execute(query.order_by(table.c.id.desc()).limit(limit))]

    def job_counts(self) -> dict[tuple[str, JobState], int]:
        """(kind, state) → number of jobs of all projects, as far as they are kept."""
        table = tables.jobs
        query = select(table.c.kind, table.c.state, func.count()).group_by(table.c.kind, table.c.state)
        with self._database.reading() as connection:
            return {(kind, state): count for kind, state, count in connection.execute(query)}

    def delete_job(self, job_id: int) -> None:
        """Delete a job whose result is no longer needed."""
        with self._database.writing() as connection:
            connection.execute(delete(tables.jobs).where(tables.jobs.c.id == job_id))

    def delete_jobs_before(self, moment: float, kinds: Collection[str]) -> None:
        """Delete jobs of these kinds that were asked for before `moment` (Unix time)."""
        table = tables.jobs
        with self._database.writing() as connection:
            connection.execute(delete(table).where(table.c.kind.in_(kinds), table.c.requested_at < moment))

    def delete_work_of_deleted_projects(self) -> None:
        """Delete what was written while its project was being deleted, or stayed as an earlier version deleted it."""
        existing = select(tables.projects.c.id)
        with self._database.writing() as connection:
            for table in (tables.jobs, tables.kept_files, tables.requested_tasks, tables.dismissals):
                connection.execute(delete(table).where(table.c.project_id.not_in(existing)))

    def _change_own(self, job_id: int, owner: str, values: dict[str, Any]) -> bool:
        """Change a job that its owner is doing; jobs that it leaves behind as it ends are deleted."""
        table = tables.jobs
        own = (table.c.id == job_id) & (table.c.owner == owner) & (table.c.state == JobState.RUNNING)
        statement = update(table).where(own).values(**values).returning(table.c.project_id, table.c.kind)
        with self._database.writing() as connection:
            changed = connection.execute(statement).one_or_none()
            if changed is not None and "ended_at" in values:
                _delete_old(connection, changed.project_id, changed.kind)
        return changed is not None


def _add(connection: Connection, project_id: int, kind: str, parameters: dict[str, Any], who: str) -> JobRecord:
    row: dict[str, Any] = {
        "project_id": project_id,
        "kind": kind,
        "parameters": parameters,
        "who": who,
        "state": JobState.WAITING,
        "requested_at": time.time(),
    }
    table = tables.jobs
    number = connection.execute(insert(table).values(**row).returning(table.c.id)).scalar_one()
    return JobRecord(id=number, **row)


def _delete_old(connection: Connection, project_id: int, kind: str) -> None:
    """Delete ended jobs of a kind beyond JOBS_KEPT, and the files of those beyond JOBS_WITH_FILES."""
    table, files = tables.jobs, tables.kept_files
    of_kind = (table.c.project_id == project_id) & (table.c.kind == kind) & table.c.state.not_in(_OPEN)
    ended = list(connection.execute(select(table.c.id).where(of_kind).order_by(table.c.id.desc())).scalars())
    if without_files := ended[JOBS_WITH_FILES:]:
        named = or_(*(files.c.name.startswith(files_of_job(number), autoescape=True) for number in without_files))
        connection.execute(delete(files).where(files.c.project_id == project_id, named))
    if old := ended[JOBS_KEPT:]:
        connection.execute(delete(table).where(table.c.id.in_(old)))


def _job(row: Row[Any]) -> JobRecord:
    return JobRecord(**row._mapping)
