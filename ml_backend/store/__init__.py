"""What is kept: projects and settings, tasks, annotations, embeddings, heads, batches and history."""

from __future__ import annotations

from sqlalchemy import text

from ml_backend.store.batches import BatchRows
from ml_backend.store.changes import ChangeRows
from ml_backend.store.database import PAGES_BEFORE_CHECKPOINT, Database
from ml_backend.store.embeddings import EmbeddingRows
from ml_backend.store.events import EventRows
from ml_backend.store.heads import HeadRows
from ml_backend.store.label_snapshots import LabelSnapshotRows
from ml_backend.store.leases import LeaseRows
from ml_backend.store.projects import ProjectRows
from ml_backend.store.run_requests import RunRequestRows
from ml_backend.store.runs import RunRows
from ml_backend.store.schema import bring_up_to_date
from ml_backend.store.tasks import TaskRows
from ml_backend.store.webhook_secret import WebhookSecretRow

__all__ = ["Store"]

OVERDUE = 20
"""A process of quick commits makes a checkpoint itself when the log has grown to 20 times what is usual: 80 MB."""


class Store(
    ProjectRows,
    EventRows,
    RunRequestRows,
    LeaseRows,
    TaskRows,
    ChangeRows,
    EmbeddingRows,
    LabelSnapshotRows,
    HeadRows,
    BatchRows,
    RunRows,
    WebhookSecretRow,
):
    """The store on SQLite or PostgreSQL; safe to share between threads, and between processes by its address.

    Every method is one transaction: after a crash its whole effect is there, or none of it.
    quick_commits: leave SQLite's checkpoints to other processes while these do them, so that no commit here waits for
    one. Raises SettingsError for an address that cannot be used.
    """

    def __init__(self, database_url: str, quick_commits: bool = False) -> None:
        self._database = Database(database_url, (OVERDUE if quick_commits else 1) * PAGES_BEFORE_CHECKPOINT)

    def create(self) -> None:
        """Bring the database to the newest version of the schema; an empty one gets its tables.

        Raises SettingsError for a database that a newer version wrote, and for one with other tables under our names.
        """
        bring_up_to_date(self._database)

    def ping(self) -> None:
        """One round trip; raises sqlalchemy.exc.SQLAlchemyError when the database does not answer."""
        with self._database.reading() as connection:
            connection.execute(text("SELECT 1"))

    def close(self) -> None:
        """Give the connections back."""
        self._database.close()
