"""Evaluations of heads.

Everything added here is a table of its own, so that processes of the version before go on while others are upgraded.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "evaluations",
        sa.Column("project_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("head_version", sa.String(100), primary_key=True),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("labels", sa.Integer(), nullable=False),
        sa.Column("accuracy", sa.Float()),
        sa.Column("low", sa.Float()),
        sa.Column("high", sa.Float()),
        sa.Column("basis", sa.String(20)),
        sa.Column("audits", sa.Integer(), nullable=False),
        sa.Column("changed", sa.Float()),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("body", sa.Text()),
    )
