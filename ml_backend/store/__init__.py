"""The database: projects and settings, tasks, annotations, embeddings, heads, batches and history."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import text

from ml_backend.store.batches import BatchRows
from ml_backend.store.candidates import CandidateRows
from ml_backend.store.change_mark import ChangeMarkRow
from ml_backend.store.changes import ChangeRows
from ml_backend.store.class_vectors import ClassVectorRows
from ml_backend.store.database import DATABASE_ERRORS, PAGES_BEFORE_CHECKPOINT, Database
from ml_backend.store.dismissals import DismissalRows
from ml_backend.store.embedding_claims import EmbeddingClaimRows
from ml_backend.store.embeddings import EmbeddingRows
from ml_backend.store.evaluations import EvaluationRows
from ml_backend.store.events import EventRows
from ml_backend.store.fitted_labels import FittedLabelRows
from ml_backend.store.heads import HeadRows
from ml_backend.store.jobs import JobRows
from ml_backend.store.kept_files import KeptFileRows
from ml_backend.store.label_times import LabelTimeRows
from ml_backend.store.leases import LeaseRows
from ml_backend.store.opening import open_database
from ml_backend.store.people import PeopleRows
from ml_backend.store.projects import ProjectRows
from ml_backend.store.requested_tasks import RequestedTaskRows
from ml_backend.store.run_requests import RunRequestRows
from ml_backend.store.runs import RunRows
from ml_backend.store.sessions import SessionRows
from ml_backend.store.setting_changes import SettingChangeRows
from ml_backend.store.tasks import TaskRows
from ml_backend.store.text_search import TextSearchRows
from ml_backend.store.webhook_secret import WebhookSecretRow
from ml_backend.store.workers import WorkerRows
from ml_backend.store.write_probes import WriteProbeRow

__all__ = ["DATABASE_ERRORS", "Store"]

CHECKPOINT_FACTOR = 20
"""With `quick_commits` a checkpoint is due when the log has 20 times the usual size, 80 MB."""


class Store(
    ProjectRows,
    EventRows,
    RunRequestRows,
    LeaseRows,
    TaskRows,
    ChangeRows,
    EmbeddingRows,
    EmbeddingClaimRows,
    ClassVectorRows,
    FittedLabelRows,
    HeadRows,
    EvaluationRows,
    BatchRows,
    RunRows,
    WorkerRows,
    WebhookSecretRow,
    WriteProbeRow,
    CandidateRows,
    SettingChangeRows,
    SessionRows,
    JobRows,
    KeptFileRows,
    RequestedTaskRows,
    ChangeMarkRow,
    LabelTimeRows,
    DismissalRows,
    PeopleRows,
    TextSearchRows,
):
    """The store on SQLite or PostgreSQL. Threads may share one store; each process opens its own at the same address.

    Every method is one transaction: a crash leaves its whole effect or none of it. Methods raise
    sqlalchemy.exc.SQLAlchemyError when the database cannot be used.
    quick_commits: leave SQLite's checkpoints to other processes, so that commits of this one do not wait for a
    checkpoint. Raises SettingsError for an address that cannot be used.
    """

    def __init__(self, database_url: str, quick_commits: bool = False) -> None:
        self._database = Database(database_url, (CHECKPOINT_FACTOR if quick_commits else 1) * PAGES_BEFORE_CHECKPOINT)

    def create(self, patience: float = 0.0) -> None:
        """Create the tables of an empty database, or upgrade an older one to the newest schema.

        patience: seconds to wait for a PostgreSQL server that does not answer yet. Raises SettingsError for a database
        that cannot be used, for one written by a newer version, and for one that has tables with the same names but
        other columns.
        """
        open_database(self._database, patience)

    @property
    def file(self) -> Path | None:
        """SQLite's file; None for PostgreSQL and for a database in memory."""
        return self._database.file

    def ping(self) -> None:
        """Send one query. Raises sqlalchemy.exc.SQLAlchemyError if the database does not respond."""
        with self._database.reading() as connection:
            connection.execute(text("SELECT 1"))

    def close(self) -> None:
        """Close the connections."""
        self._database.close()
