"""One row for each label of the last fit, so that a fit writes only changes, and an index of tasks with problems.

The table with one row for each project stays, so that processes of the version before go on while others are upgraded.
"""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

AT_ONCE = 1000

_before = sa.table("label_snapshots", sa.column("project_id"), sa.column("body"), sa.column("annotated"))


def upgrade() -> None:
    """Add the table, with what the other one holds, and the index."""
    has_problem = sa.text("problem IS NOT NULL")
    op.create_index(
        "tasks_with_problem",
        "tasks",
        ["project_id", "task_id"],
        sqlite_where=has_problem,
        postgresql_where=has_problem,
    )
    fitted = op.create_table(
        "fitted_labels",
        sa.Column("project_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("task_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("classes", sa.Text()),
    )
    connection = op.get_bind()
    for project_id, body, annotated in connection.execute(sa.select(_before)).fetchall():
        labels = {int(task_id): json.dumps(classes) for task_id, classes in json.loads(body).items()}
        tasks = sorted(labels.keys() | set(json.loads(annotated) if annotated is not None else ()))
        rows = [{"project_id": project_id, "task_id": i, "classes": labels.get(i)} for i in tasks]
        for start in range(0, len(rows), AT_ONCE):
            connection.execute(sa.insert(fitted), rows[start : start + AT_ONCE])
