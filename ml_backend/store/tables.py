"""Tables of the store, the same on SQLite and PostgreSQL."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    text,
)

from ml_backend.store.column_types import DataclassText, EnumText, JsonText, PlainText
from ml_backend.store.learning_records import Agreement, LabelStudioUse, PriorRecord
from ml_backend.store.records import ClassNamesUse, FirstRead, ProjectCounts, Unmatched
from ml_backend.store.states import BatchState, JobState, ProjectState, RunReason, WebhookProblem

metadata = MetaData()

_HAS_PROBLEM = text("problem IS NOT NULL")
_NO_ADVICE = {"stop": False, "value": None, "reason": "processes of a newer version advise by the evaluation"}
"""What processes before schema version 0007 read as the advice to stop; newer ones do not use the column.

The same holds for `kappa` of runs, and for `changes` and `kappas` of heads.
"""
_ROW_ID = BigInteger().with_variant(Integer, "sqlite")

projects = Table(
    "projects",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("title", PlainText, nullable=False, default=""),
    Column("label_config", PlainText, nullable=False, default=""),
    Column("settings", JsonText, nullable=False, default=dict),
    Column("extra_params", PlainText),
    Column("extra_params_seen", JsonText, nullable=False, default=list),
    Column("backend_url", PlainText),
    Column("state", EnumText(ProjectState, 20, unknown=ProjectState.NEW), nullable=False, default=ProjectState.NEW),
    Column("phase", PlainText, nullable=False, default=""),
    Column("error", PlainText),
    Column("attached", Boolean),
    Column("entry_url", PlainText),
    Column("seen_by", PlainText),
    Column("watermark", String(40)),
    Column("first_read", DataclassText(FirstRead)),
    Column("text_source", PlainText),
    Column("unmatched", DataclassText(Unmatched)),
    Column("cycle", Integer, nullable=False, default=0),
    Column("fingerprint", String(64)),
    Column("settings_used", JsonText),
    Column("newest_task", BigInteger, nullable=False, default=0),
    Column("counts", DataclassText(ProjectCounts), nullable=False, default=ProjectCounts()),
    Column("settings_problem", Text),
    Column("members", Integer),
    Column("missing_since", Float),
    Column("check_after", Float),
    Column("last_success_at", Float),
    Column("labels_behind", Integer, nullable=False, server_default="0"),
    Column("webhook_problem", EnumText(WebhookProblem, 60, unknown=WebhookProblem.OFF)),
    Column("webhook_problem_at", Float),
    Column("failed_runs", Integer, nullable=False, server_default="0"),
    Column("class_names", DataclassText(ClassNamesUse)),
    Column("paused_at", Float),
    Column("paused_by", PlainText),
)

candidates = Table(
    "candidates",
    metadata,
    Column("project_id", BigInteger, primary_key=True, autoincrement=False),
    Column("heard_at", Float, nullable=False),
    Column("backend_url", PlainText),
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("check_after", Float, nullable=False),
)
"""Projects that a request named and that Label Studio has not confirmed yet."""

setting_changes = Table(
    "setting_changes",
    metadata,
    Column("id", _ROW_ID, primary_key=True, autoincrement=True),
    Column("project_id", BigInteger, nullable=False, index=True),
    Column("at", Float, nullable=False),
    Column("who", PlainText, nullable=False),
    Column("changes", JsonText, nullable=False),
    sqlite_autoincrement=True,
)

sessions = Table(
    "sessions",
    metadata,
    Column("id_hash", String(64), primary_key=True),
    Column("who", PlainText, nullable=False),
    Column("projects", JsonText),
    Column("sealed_key", Text),
    Column("tried_at", Float, nullable=False),
    Column("checked_at", Float, nullable=False),
    Column("expires_at", Float, nullable=False),
)
"""People who are signed in to the pages."""

events = Table(
    "events",
    metadata,
    Column("id", _ROW_ID, primary_key=True, autoincrement=True),
    Column("project_id", BigInteger, nullable=False, index=True),
    Column("action", String(60), nullable=False),
    Column("body", JsonText, nullable=False),
    Column("received_at", Float, nullable=False),
    sqlite_autoincrement=True,
)

run_requests = Table(
    "run_requests",
    metadata,
    Column("project_id", BigInteger, primary_key=True, autoincrement=False),
    Column("reason", EnumText(RunReason, 60, unknown=RunReason.UNASKED), primary_key=True),
    Column("requested_at", Float, nullable=False, server_default="0"),
    Column("not_before", Float),
)
"""not_before: when a failed run is repeated, None for a request that may be taken at once."""

leases = Table(
    "leases",
    metadata,
    Column("project_id", BigInteger, primary_key=True, autoincrement=False),
    Column("owner", String(200), nullable=False),
    Column("until", Float, nullable=False),
    Column("renewed_at", Float, nullable=False, server_default="0"),
)

tasks = Table(
    "tasks",
    metadata,
    Column("project_id", BigInteger, primary_key=True, autoincrement=False),
    Column("task_id", BigInteger, primary_key=True, autoincrement=False),
    Column("text_hash", String(32)),
    Column("problem", PlainText),
    Column("updated_at", String(40)),
    Index("tasks_by_text", "text_hash"),
    Index("tasks_with_problem", "project_id", "task_id", sqlite_where=_HAS_PROBLEM, postgresql_where=_HAS_PROBLEM),
)

revisions = Table(
    "revisions",
    metadata,
    Column("project_id", BigInteger, primary_key=True, autoincrement=False),
    Column("revision", BigInteger, nullable=False),
)
"""Counts the changes of a project's tasks and annotations; it never decreases, even if the project is deleted."""

task_changes = Table(
    "task_changes",
    metadata,
    Column("project_id", BigInteger, primary_key=True, autoincrement=False),
    Column("revision", BigInteger, primary_key=True, autoincrement=False),
    Column("task_id", BigInteger, primary_key=True, autoincrement=False),
)
"""Which tasks changed at a revision; task 0 means that all tasks have to be read again."""

texts = Table(
    "texts",
    metadata,
    Column("text_hash", String(32), primary_key=True),
    Column("text", Text, nullable=False),
)

annotation_table = Table(
    "annotations",
    metadata,
    Column("project_id", BigInteger, primary_key=True, autoincrement=False),
    Column("annotation_id", BigInteger, primary_key=True, autoincrement=False),
    Column("task_id", BigInteger, nullable=False),
    Column("annotator", BigInteger),
    Column("cancelled", Boolean, nullable=False),
    Column("result", JsonText, nullable=False),
    Column("updated_at", String(40), nullable=False),
    Column("created_at", Float),
    Column("shown_version", Text),
    Column("lead_time", Float),
    Index("annotations_by_task", "project_id", "task_id"),
    Index("annotations_by_annotator", "project_id", "annotator", "cancelled", "created_at"),
)

embeddings = Table(
    "embeddings",
    metadata,
    Column("model", String(300), primary_key=True),
    Column("text_hash", String(32), primary_key=True),
    Column("vector", LargeBinary, nullable=False),
)

embedding_claims = Table(
    "embedding_claims",
    metadata,
    Column("model", String(300), primary_key=True),
    Column("text_hash", String(32), primary_key=True),
    Column("owner", String(200), nullable=False),
    Column("until", Float, nullable=False),
)
"""Texts that a worker is embedding now, so that another one embeds others."""

class_vectors = Table(
    "class_vectors",
    metadata,
    Column("project_id", BigInteger, primary_key=True, autoincrement=False),
    Column("key", String(64), primary_key=True),
    Column("vector", LargeBinary, nullable=False),
)
"""Vectors of the texts that describe the classes of a project."""

heads = Table(
    "heads",
    metadata,
    Column("project_id", BigInteger, primary_key=True, autoincrement=False),
    Column("version", String(100), primary_key=True),
    Column("classes", JsonText, nullable=False),
    Column("multi_label", Boolean, nullable=False),
    Column("embedding_model", String(300), nullable=False),
    Column("n_labels", Integer, nullable=False),
    Column("blob", LargeBinary, nullable=False),
    Column("metrics", DataclassText(Agreement), nullable=False),
    Column("created_at", Float, nullable=False),
    Column("changes", Integer, nullable=False, default=0),
    Column("kappas", JsonText, nullable=False, default=list),
    Column("class_prior", DataclassText(PriorRecord)),
)

evaluations = Table(
    "evaluations",
    metadata,
    Column("project_id", BigInteger, primary_key=True, autoincrement=False),
    Column("head_version", String(100), primary_key=True),
    Column("at", Float, nullable=False),
    Column("labels", Integer, nullable=False),
    Column("accuracy", Float),
    Column("low", Float),
    Column("high", Float),
    Column("basis", String(20)),
    Column("audits", Integer, nullable=False),
    Column("changed", Float),
    Column("seconds", Float, nullable=False),
    Column("body", JsonText),
    Column("weakest", PlainText),
)
"""What is known of how good each head is. body: everything, of the newest one of a project; NULL for older ones."""

batches = Table(
    "batches",
    metadata,
    Column("project_id", BigInteger, primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("version", String(100), nullable=False),
    Column("method", String(60), nullable=False),
    Column("why", PlainText, nullable=False),
    Column("head_version", String(100)),
    Column("task_ids", JsonText, nullable=False),
    Column("size", Integer, nullable=False),
    Column("state", EnumText(BatchState, 20), nullable=False),
    Column("created_at", Float, nullable=False),
    Column("published_at", Float),
    Column("random_task_ids", JsonText, nullable=False, default=list),
    Column("predicted", JsonText),
    Column("likely", JsonText),
    Column("requested_task_ids", JsonText),
    Column("repeated_task_ids", JsonText),
)

runs = Table(
    "runs",
    metadata,
    Column("id", _ROW_ID, primary_key=True, autoincrement=True),
    Column("project_id", BigInteger, nullable=False, index=True),
    Column("at", Float, nullable=False),
    Column("batch", Integer),
    Column("version", String(100)),
    Column("method", String(60), nullable=False),
    Column("why", PlainText, nullable=False),
    Column("labels", Integer, nullable=False),
    Column("reasons", JsonText, nullable=False),
    Column("seconds", JsonText, nullable=False),
    Column("label_studio", DataclassText(LabelStudioUse), nullable=False),
    Column("right", Integer, nullable=False),
    Column("asked", Integer, nullable=False),
    Column("random_right", Integer, nullable=False),
    Column("random_asked", Integer, nullable=False),
    Column("kappa", Float),
    Column("stopping", JsonText, nullable=False, default=_NO_ADVICE),
)

fitted_labels = Table(
    "fitted_labels",
    metadata,
    Column("project_id", BigInteger, primary_key=True, autoincrement=False),
    Column("task_id", BigInteger, primary_key=True, autoincrement=False),
    Column("classes", JsonText),
)
"""The label of each task at the last fit, NULL for a task that was submitted or skipped and had no label then."""

label_snapshots = Table(
    "label_snapshots",
    metadata,
    Column("project_id", BigInteger, primary_key=True, autoincrement=False),
    Column("body", JsonText, nullable=False),
    Column("annotated", JsonText),
)
"""Labels of the last fit, for processes with schema version 0003 or 0004 that still run; newer ones do not use it."""

workers = Table(
    "workers",
    metadata,
    Column("owner", String(200), primary_key=True),
    Column("seen_at", Float, nullable=False),
)

write_probes = Table(
    "write_probes",
    metadata,
    Column("name", String(60), primary_key=True),
    Column("written_at", Float, nullable=False),
)
"""A row that is written to find out whether the database can be written to."""

secrets = Table(
    "secrets",
    metadata,
    Column("name", String(60), primary_key=True),
    Column("value", Text, nullable=False),
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", _ROW_ID, primary_key=True, autoincrement=True),
    Column("project_id", BigInteger, nullable=False),
    Column("kind", String(40), nullable=False),
    Column("parameters", JsonText, nullable=False),
    Column("who", PlainText, nullable=False),
    Column("state", EnumText(JobState, 20, unknown=JobState.FAILED), nullable=False),
    Column("requested_at", Float, nullable=False),
    Column("started_at", Float),
    Column("ended_at", Float),
    Column("done", BigInteger, nullable=False, default=0),
    Column("total", BigInteger, nullable=False, default=0),
    Column("phase", PlainText, nullable=False, default=""),
    Column("checkpoint", JsonText),
    Column("result", JsonText),
    Column("error", PlainText),
    Column("owner", String(200)),
    Column("until", Float),
    Column("tries", Integer, nullable=False, default=0),
    Index("jobs_by_project", "project_id", "kind"),
    sqlite_autoincrement=True,
)
"""Work that people ask for on the pages, and that a worker does; see `JobRecord`."""

kept_files = Table(
    "kept_files",
    metadata,
    Column("project_id", BigInteger, primary_key=True, autoincrement=False),
    Column("name", String(100), primary_key=True),
    Column("part", Integer, primary_key=True, autoincrement=False),
    Column("made_at", Float, nullable=False),
    Column("about", JsonText),
    Column("content", LargeBinary, nullable=False),
)
"""Files that jobs make, in parts. about: what their maker notes of them, in part 0."""

requested_tasks = Table(
    "requested_tasks",
    metadata,
    Column("project_id", BigInteger, primary_key=True, autoincrement=False),
    Column("task_id", BigInteger, primary_key=True, autoincrement=False),
    Column("place", Integer, nullable=False),
    Column("who", PlainText, nullable=False),
    Column("why", PlainText, nullable=False),
    Column("at", Float, nullable=False),
)
"""Open tasks that people asked to be served before those that the strategy chooses."""

dismissals = Table(
    "dismissals",
    metadata,
    Column("project_id", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", String(20), primary_key=True),
    Column("task_id", BigInteger, primary_key=True, autoincrement=False),
    Column("key", String(64), primary_key=True),
    Column("who", PlainText, nullable=False),
    Column("at", Float, nullable=False),
)
"""Doubtful labels and disagreements that a person looked at and found right. key: of the label that was doubted."""

people = Table(
    "people",
    metadata,
    Column("user_id", BigInteger, primary_key=True, autoincrement=False),
    Column("name", PlainText, nullable=False),
    Column("seen_at", Float, nullable=False),
)
"""Names of Label Studio's users."""

TABLES_OF_A_PROJECT = (
    events,
    run_requests,
    tasks,
    task_changes,
    annotation_table,
    class_vectors,
    heads,
    evaluations,
    batches,
    runs,
    fitted_labels,
    label_snapshots,
    setting_changes,
    candidates,
    jobs,
    kept_files,
    requested_tasks,
    dismissals,
)
"""Tables whose rows are deleted with their project; its row in `revisions` is kept, so that numbers are not reused."""
