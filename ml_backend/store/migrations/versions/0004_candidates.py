"""Candidates not confirmed yet, who changed settings and who is signed in, and what watchers and workers need to know.

Everything added here has a default, so that processes of the version before go on while others are upgraded.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_ROW_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Add columns to projects and leases, and tables."""
    for column in (
        sa.Column("members", sa.Integer()),
        sa.Column("missing_since", sa.Float()),
        sa.Column("check_after", sa.Float()),
        sa.Column("last_success_at", sa.Float()),
        sa.Column("labels_behind", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("webhook_problem", sa.String(60)),
        sa.Column("webhook_problem_at", sa.Float()),
        sa.Column("failed_runs", sa.Integer(), nullable=False, server_default="0"),
    ):
        op.add_column("projects", column)
    op.add_column("run_requests", sa.Column("requested_at", sa.Float(), nullable=False, server_default="0"))
    op.add_column("run_requests", sa.Column("not_before", sa.Float()))
    op.add_column("leases", sa.Column("renewed_at", sa.Float(), nullable=False, server_default="0"))
    op.create_table(
        "candidates",
        sa.Column("project_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("heard_at", sa.Float(), nullable=False),
        sa.Column("backend_url", sa.Text()),
        sa.Column("tries", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("check_after", sa.Float(), nullable=False),
    )
    op.create_table(
        "setting_changes",
        sa.Column("id", _ROW_ID, primary_key=True, autoincrement=True),
        sa.Column("project_id", sa.BigInteger(), nullable=False, index=True),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("changes", sa.Text(), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "embedding_claims",
        sa.Column("model", sa.String(300), primary_key=True),
        sa.Column("text_hash", sa.String(32), primary_key=True),
        sa.Column("owner", sa.String(200), nullable=False),
        sa.Column("until", sa.Float(), nullable=False),
    )
    op.create_table(
        "sessions",
        sa.Column("id_hash", sa.String(64), primary_key=True),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("projects", sa.Text()),
        sa.Column("sealed_key", sa.Text()),
        sa.Column("tried_at", sa.Float(), nullable=False),
        sa.Column("checked_at", sa.Float(), nullable=False),
        sa.Column("expires_at", sa.Float(), nullable=False),
    )
    op.create_table(
        "write_probes",
        sa.Column("name", sa.String(60), primary_key=True),
        sa.Column("written_at", sa.Float(), nullable=False),
    )
