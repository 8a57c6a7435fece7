"""Jobs that people start from the pages, their files, tasks that people ask for, dismissed doubts and names of people.

Everything added here may be missing or empty, so that processes of the version before go on while others are upgraded.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add columns to projects, annotations, evaluations and batches, and the tables."""
    op.add_column("projects", sa.Column("paused_at", sa.Float()))
    op.add_column("projects", sa.Column("paused_by", sa.Text()))
    op.add_column("annotations", sa.Column("lead_time", sa.Float()))
    op.create_index("annotations_by_annotator", "annotations", ["project_id", "annotator", "cancelled", "created_at"])
    op.add_column("evaluations", sa.Column("weakest", sa.Text()))
    op.add_column("batches", sa.Column("likely", sa.Text()))
    op.add_column("batches", sa.Column("requested_task_ids", sa.Text()))
    op.add_column("batches", sa.Column("repeated_task_ids", sa.Text()))
    op.create_table(
        "jobs",
        sa.Column("id", ROW_ID, primary_key=True, autoincrement=True),
        sa.Column("project_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("parameters", sa.Text(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("requested_at", sa.Float(), nullable=False),
        sa.Column("started_at", sa.Float()),
        sa.Column("ended_at", sa.Float()),
        sa.Column("done", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("phase", sa.Text(), nullable=False),
        sa.Column("checkpoint", sa.Text()),
        sa.Column("result", sa.Text()),
        sa.Column("error", sa.Text()),
        sa.Column("owner", sa.String(200)),
        sa.Column("until", sa.Float()),
        sa.Column("tries", sa.Integer(), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("jobs_by_project", "jobs", ["project_id", "kind"])
    op.create_table(
        "kept_files",
        sa.Column("project_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("name", sa.String(100), primary_key=True),
        sa.Column("part", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("made_at", sa.Float(), nullable=False),
        sa.Column("about", sa.Text()),
        sa.Column("content", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "requested_tasks",
        sa.Column("project_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("task_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
    )
    op.create_table(
        "dismissals",
        sa.Column("project_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("kind", sa.String(20), primary_key=True),
        sa.Column("task_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("key", sa.String(64), primary_key=True),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
    )
    op.create_table(
        "people",
        sa.Column("user_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("seen_at", sa.Float(), nullable=False),
    )
