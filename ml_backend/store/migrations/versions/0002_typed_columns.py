"""Columns instead of keys of projects' `meta` and runs' `body`, and a column for the random tasks of a batch."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_ROWS_AT_ONCE = 500
_COUNTED = {
    "labels": {},
    "labeled": 0,
    "skipped": 0,
    "ties": 0,
    "without_answer": 0,
    "unknown_choices": {},
    "duplicates": 0,
    "open": 0,
    "tasks": 0,
    "embedded": 0,
    "to_embed": 0,
    "queue_remaining": 0,
    "annotators": 0,
}
_STOPPING_RUNS, _STOPPING_WINDOW, _STOPPING_KAPPA = 100, 3, 0.99
"""The advice to stop labelling, as the status route of version 0.1.0 computed it from the history."""

_PROJECT_COLUMNS: dict[str, Any] = {
    "extra_params_seen": sa.Text(),
    "attached": sa.Boolean(),
    "entry_url": sa.Text(),
    "seen_by": sa.Text(),
    "first_read": sa.Text(),
    "text_source": sa.Text(),
    "unmatched": sa.Text(),
    "settings_used": sa.Text(),
    "newest_task": sa.BigInteger(),
    "counts": sa.Text(),
}
_RUN_COLUMNS: dict[str, Any] = {
    "at": sa.Float(),
    "batch": sa.Integer(),
    "version": sa.String(100),
    "method": sa.String(60),
    "why": sa.Text(),
    "labels": sa.Integer(),
    "reasons": sa.Text(),
    "seconds": sa.Text(),
    "label_studio": sa.Text(),
    "right": sa.Integer(),
    "asked": sa.Integer(),
    "random_right": sa.Integer(),
    "random_asked": sa.Integer(),
    "kappa": sa.Float(),
    "stopping": sa.Text(),
}
_NULL_ALLOWED = {"attached", "entry_url", "seen_by", "first_read", "text_source", "unmatched", "settings_used"} | {
    "batch",
    "version",
    "kappa",
}

_projects = sa.table(
    "projects", sa.column("id"), sa.column("meta"), *(sa.column(name, kind) for name, kind in _PROJECT_COLUMNS.items())
)
_batches = sa.table(
    "batches", *(sa.column(name) for name in ("project_id", "number", "task_ids", "published_at", "random_task_ids"))
)
_runs = sa.table(
    "runs",
    *(sa.column(name) for name in ("id", "project_id", "body")),
    *(sa.column(name, kind) for name, kind in _RUN_COLUMNS.items()),
)


def upgrade() -> None:
    """Add the columns, fill them, and drop `meta` and `body`."""
    for table, columns in (("projects", _PROJECT_COLUMNS), ("runs", _RUN_COLUMNS)):
        for name, kind in columns.items():
            op.add_column(table, sa.Column(name, kind))
    op.add_column("batches", sa.Column("random_task_ids", sa.Text()))
    connection = op.get_bind()
    _fill_projects_and_batches(connection)
    _fill_runs(connection)
    _finish("projects", set(_PROJECT_COLUMNS) - _NULL_ALLOWED, dropped="meta")
    _finish("runs", set(_RUN_COLUMNS) - _NULL_ALLOWED, dropped="body")
    _finish("batches", {"random_task_ids"}, dropped=None)


def _finish(table: str, not_null: set[str], dropped: str | None) -> None:
    with op.batch_alter_table(table) as batch:
        for name in sorted(not_null):
            batch.alter_column(name, nullable=False)
        if dropped is not None:
            batch.drop_column(dropped)


def _fill_projects_and_batches(connection: sa.Connection) -> None:
    connection.execute(sa.update(_batches).values(random_task_ids="[]"))
    for project_id, body in connection.execute(sa.select(_projects.c.id, _projects.c.meta)).all():
        meta = json.loads(body)
        connection.execute(sa.update(_projects).where(_projects.c.id == project_id).values(**_project_values(meta)))
        _fill_batches(connection, project_id, meta.get("random_tasks") or [])


def _project_values(meta: dict[str, Any]) -> dict[str, Any]:
    next_page, unmatched, settings_used = meta.get("next_page") or 1, meta.get("unmatched"), meta.get("settings_used")
    # A project marked as attached without a stored address is checked again.
    attached = meta.get("attached") if "address" in meta or not meta.get("attached") else None
    return {
        "extra_params_seen": json.dumps(meta.get("extra_params_seen") or []),
        "attached": attached,
        "entry_url": meta.get("address"),
        "seen_by": meta.get("seen_by"),
        "first_read": _json({"next_page": next_page, "newest": meta.get("first_newest")} if next_page > 1 else None),
        "text_source": meta.get("text_source"),
        "unmatched": _json({"counts": unmatched[0], "times": unmatched[1]} if unmatched else None),
        "settings_used": _json(settings_used),
        "newest_task": meta.get("newest_task") or 0,
        "counts": json.dumps({key: meta.get(key, empty) for key, empty in _COUNTED.items()}),
    }


def _fill_batches(connection: sa.Connection, project_id: int, random_tasks: list[list[int]]) -> None:
    """random_tasks: for each of the last fits, the newest last, the tasks drawn at random; [] without a batch."""
    if not any(random_tasks):
        return
    published = connection.execute(
        sa.select(_batches.c.number, _batches.c.task_ids)
        .where(_batches.c.project_id == project_id, _batches.c.published_at.is_not(None))
        .order_by(_batches.c.number.desc())
    )
    older_batches = iter([(number, set(json.loads(task_ids))) for number, task_ids in published])
    for drawn in reversed(random_tasks):
        number = (
            next((number for number, task_ids in older_batches if task_ids.issuperset(drawn)), None) if drawn else None
        )
        if number is not None:
            of_batch = (_batches.c.project_id == project_id) & (_batches.c.number == number)
            connection.execute(sa.update(_batches).where(of_batch).values(random_task_ids=json.dumps(drawn)))


def _fill_runs(connection: sa.Connection) -> None:
    kappas: dict[int, list[float | None]] = defaultdict(list)
    statement = (
        sa.update(_runs)
        .where(_runs.c.id == sa.bindparam("run_id"))
        .values({name: sa.bindparam(name) for name in _RUN_COLUMNS})
    )
    for rows in _slices(connection):
        values = []
        for run_id, project_id, body in rows:
            run = json.loads(body)
            kappas[project_id].append(run.get("kappa"))
            values.append({"run_id": run_id, **_run_values(run, kappas[project_id])})
        connection.execute(statement, values)


def _slices(connection: sa.Connection) -> Iterator[list[Any]]:
    last = 0
    query = sa.select(_runs.c.id, _runs.c.project_id, _runs.c.body).order_by(_runs.c.id).limit(_ROWS_AT_ONCE)
    while rows := list(connection.execute(query.where(_runs.c.id > last)).all()):
        yield rows
        last = rows[-1][0]


def _run_values(run: dict[str, Any], kappas: list[float | None]) -> dict[str, Any]:
    return {
        "at": run.get("at") or 0.0,
        "batch": run.get("batch"),
        "version": run.get("version"),
        "method": run.get("method") or "",
        "why": run.get("why") or "",
        "labels": run.get("labels") or 0,
        "reasons": json.dumps(run.get("reasons") or []),
        "seconds": json.dumps(run.get("seconds") or {}),
        "label_studio": json.dumps(run.get("label_studio") or {"requests": 0, "seconds": 0.0}),
        **{name: run.get(name) or 0 for name in ("right", "asked", "random_right", "random_asked")},
        "kappa": run.get("kappa"),
        "stopping": json.dumps(_stopping(kappas)),
    }


def _stopping(kappas: list[float | None]) -> dict[str, Any]:
    measured = [value for value in kappas[-_STOPPING_RUNS:] if value is not None]
    if len(measured) < _STOPPING_WINDOW:
        reason = f"{len(measured) + 1} of the {_STOPPING_WINDOW + 1} heads that are needed to compare"
        return {"stop": False, "value": None, "reason": reason}
    value = sum(measured[-_STOPPING_WINDOW:]) / _STOPPING_WINDOW
    reason = (
        f"the mean kappa of the last {_STOPPING_WINDOW} pairs of heads is {value:.3f}; "
        f"labelling may stop from {_STOPPING_KAPPA} on"
    )
    return {"stop": value >= _STOPPING_KAPPA, "value": value, "reason": reason}


def _json(value: Any) -> str | None:
    return None if value is None else json.dumps(value)
