"""Vectors of class texts, what a head has from the class names, and the class texts of the last fit.

Everything added here may be missing or empty, so that processes of the version before go on while others are upgraded.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add a column to projects and to heads, and the table."""
    op.add_column("projects", sa.Column("class_names", sa.Text()))
    op.add_column("heads", sa.Column("class_prior", sa.Text()))
    op.create_table(
        "class_vectors",
        sa.Column("project_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("key", sa.String(64), primary_key=True),
        sa.Column("vector", sa.LargeBinary(), nullable=False),
    )
