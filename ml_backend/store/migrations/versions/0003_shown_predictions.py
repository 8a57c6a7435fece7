"""What annotators saw, which heads are compared, when workers were seen, and why settings were refused."""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_COLUMNS: dict[str, dict[str, Any]] = {
    "annotations": {"created_at": sa.Float(), "shown_version": sa.Text()},
    "batches": {"predicted": sa.Text()},
    "heads": {"changes": sa.Integer(), "kappas": sa.Text()},
    "label_snapshots": {"annotated": sa.Text()},
    "projects": {"settings_problem": sa.Text()},
}
_NO_ADVICE = {
    "stop": False,
    "value": None,
    "reason": "the heads so far were not compared after a fixed number of labels; the comparison starts with the next",
}

_heads = sa.table("heads", sa.column("changes"), sa.column("kappas"))
_SCORES = ("right", "asked", "random_right", "random_asked")
_runs = sa.table("runs", sa.column("stopping"), *map(sa.column, _SCORES))


def upgrade() -> None:
    """Add the columns and the table of workers; drop what earlier versions measured otherwise.

    That is advice to stop that rests on heads with the same labels, and scores of heads that no annotator was shown.
    """
    for table, columns in _COLUMNS.items():
        for name, kind in columns.items():
            op.add_column(table, sa.Column(name, kind))
    connection = op.get_bind()
    connection.execute(sa.update(_heads).values(changes=0, kappas="[]"))
    no_scores = dict.fromkeys(_SCORES, 0)
    connection.execute(sa.update(_runs).values(stopping=json.dumps(_NO_ADVICE), **no_scores))
    with op.batch_alter_table("heads") as heads:
        heads.alter_column("changes", nullable=False)
        heads.alter_column("kappas", nullable=False)
    op.create_table(
        "workers",
        sa.Column("owner", sa.String(200), primary_key=True),
        sa.Column("seen_at", sa.Float(), nullable=False),
    )
