"""A Label Studio and a backend of their own, each with a database of its own on a PostgreSQL server.

The databases are created at the start and dropped at the end, also after an error or Ctrl+C.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from sqlalchemy import URL, Connection, create_engine, make_url, text
from sqlalchemy.exc import OperationalError

from ml_backend.commands.connect import connect_project
from ml_backend.commands.demo.backend_process import BackendProcess
from ml_backend.commands.demo.label_studio_process import LabelStudioProcess, free_port, installed
from ml_backend.commands.demo.messages import label_config
from ml_backend.labelstudio.client import LabelStudio
from ml_backend.settings import Settings
from ml_backend.store import Store

REPOSITORY = Path(__file__).parents[1]
IMPORT_AT_ONCE = 5_000
SIGN_UPS_AT_ONCE = 4
PostgresServer = Annotated[
    str,
    typer.Option(
        "--postgresql",
        envvar="TEST_POSTGRES_URL",
        help="A PostgreSQL server on which databases may be created and dropped.",
    ),
]
DEFAULT_SERVER = "postgresql://postgres@127.0.0.1:5432/postgres"
Template = Annotated[
    str | None,
    typer.Option(
        help="Database with Label Studio's empty tables, which is made at its first use, kept, and copied by every "
        "later run: that saves the minute in which Label Studio creates its tables.",
    ),
]
MIGRATION_SECONDS = 600.0


@dataclass
class Stack:
    """A running Label Studio, a backend that may not run yet, and a client and the store of the two."""

    label_studio: LabelStudioProcess
    backend: BackendProcess
    client: LabelStudio
    store: Store

    @property
    def settings(self) -> Settings:
        """The backend's settings."""
        return Settings(
            label_studio_url=self.backend.label_studio_url,
            label_studio_api_key=self.backend.api_key,
            database_url=self.backend.environment["DATABASE_URL"],
            model_dir=self.backend.folder,
            port=self.backend.port,
        )

    def connect(self, project_id: int, chosen: Sequence[str] = ()) -> None:
        """Connect a project to the backend, which has to run. chosen: settings as `name=value`."""
        list(connect_project(self.settings, project_id, self.backend.url, list(chosen)))

    def keys(self, people: int) -> list[str]:
        """Keys of as many users, who sign up by Label Studio's form."""
        with ThreadPoolExecutor(SIGN_UPS_AT_ONCE) as pool:
            names = [f"person{i}@example.com" for i in range(people)]
            return list(pool.map(lambda name: self.label_studio.sign_up(name, "a-password"), names))

    def new_project(self, title: str, classes: list[str], **fields: Any) -> int:
        """The id of a new project that asks for one of the classes."""
        body = {"title": title, "label_config": label_config(classes), **fields}
        return int(self.client.request("POST", "api/projects", body=body)["id"])

    def add_webhook(self, project_id: int, url: str) -> None:
        """Let Label Studio send all events of a project to an address, as it does when a backend is connected."""
        body = {"project": project_id, "url": url, "send_payload": True, "send_for_all_actions": True}
        self.client.request("POST", "api/webhooks/", body=body)

    def import_texts(self, project_id: int, texts: Sequence[str], progress: Progress) -> list[int]:
        """Import texts, with a progress bar; returns the ids of their tasks, in the order of the texts."""
        bar = progress.add_task(f"project {project_id}: import", total=len(texts))
        path = f"api/projects/{project_id}/import?return_task_ids=true"
        ids: list[int] = []
        for start in range(0, len(texts), IMPORT_AT_ONCE):
            chunk = texts[start : start + IMPORT_AT_ONCE]
            ids += self.client.request("POST", path, body=[{"text": text} for text in chunk])["task_ids"]
            progress.advance(bar, len(chunk))
        return ids

    def is_quiet(self) -> bool:
        """Whether no run is under way or requested, and no event waits."""
        store = self.store
        return not (store.lease_owners() or store.pending_projects() or store.event_count())

    def wait_until_quiet(self, seconds: float) -> bool:
        """Wait until all is quiet for a second; False if it is not within as many seconds."""
        deadline, quiet_since = time.monotonic() + seconds, None
        while time.monotonic() < deadline:
            if not self.is_quiet():
                quiet_since = None
            elif quiet_since is None:
                quiet_since = time.monotonic()
            elif time.monotonic() - quiet_since > 1.0:
                return True
            time.sleep(0.2)
        return False


@contextmanager
def running_stack(server: str, folder: Path, console: Console, template: str | None = None) -> Iterator[Stack]:
    """Start Label Studio, and prepare the backend, which the caller starts; stop both and drop their databases.

    template: see `Template`.
    """
    if template is not None:
        with console.status(f"making {template} with Label Studio's tables, once"):
            make_template(server, template, folder / "template")
    with database(server, "label_studio", template) as labels_url, database(server, "backend") as backend_url:
        label_studio = label_studio_on(labels_url, folder / "label-studio")
        backend = BackendProcess(folder / "backend", free_port(0), label_studio.url, label_studio.token)
        address = backend_url.render_as_string(hide_password=False)
        backend.environment = {"LOG_LEVEL": "WARNING", "DATABASE_URL": address}
        store = Store(address)
        store.create()
        try:
            with console.status("starting Label Studio"):
                label_studio.start(MIGRATION_SECONDS)
            client = LabelStudio(label_studio.url, label_studio.token)
            yield Stack(label_studio, backend, client, store)
            client.close()
        finally:
            backend.stop()
            label_studio.stop()
            store.close()


def make_template(server: str, name: str, folder: Path) -> None:
    """Create this database with the tables and the first user of Label Studio, unless it exists."""
    with administrating(server) as connection:
        if connection.execute(text("SELECT 1 FROM pg_database WHERE datname = :name"), {"name": name}).scalar():
            return
    with database(server, "label_studio") as url:
        label_studio = label_studio_on(url, folder)
        label_studio.start(MIGRATION_SECONDS)
        label_studio.stop()
        with administrating(server) as connection:
            connection.execute(text(f'CREATE DATABASE "{name}" TEMPLATE {url.database}'))


@contextmanager
def database(server: str, purpose: str, template: str | None = None) -> Iterator[URL]:
    """A new database, empty or a copy of the template, named `benchmark_…`; it is dropped at the end."""
    name = f"benchmark_{purpose}_{uuid.uuid4().hex[:8]}"
    with administrating(server) as connection:
        connection.execute(text(f'CREATE DATABASE {name} TEMPLATE "{template or "template0"}"'))
        url = connection.engine.url
    try:
        yield url.set(database=name)
    finally:
        with administrating(server) as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


@contextmanager
def administrating(server: str) -> Iterator[Connection]:
    """A connection on which databases are created and dropped. Raises typer.BadParameter if there is no server."""
    # The address may be of any driver, and ours is psycopg.
    engine = create_engine(make_url(server).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            yield connection
    except OperationalError as problem:
        raise typer.BadParameter(f"no PostgreSQL at {engine.url}: {problem.orig}", param_hint="--postgresql") from None
    finally:
        engine.dispose()


def label_studio_on(url: URL, folder: Path) -> LabelStudioProcess:
    """A Label Studio on this PostgreSQL database, which is not started yet."""
    command = installed(REPOSITORY / ".venv-labelstudio")
    return LabelStudioProcess(command, folder, free_port(0), environment=label_studio_variables(url))


def label_studio_variables(url: URL) -> dict[str, str]:
    """The variables by which Label Studio uses this PostgreSQL database instead of its SQLite file."""
    return {
        "DJANGO_DB": "default",
        "POSTGRE_HOST": url.host or "",
        "POSTGRE_PORT": str(url.port or 5432),
        "POSTGRE_NAME": url.database or "",
        "POSTGRE_USER": url.username or "",
        "POSTGRE_PASSWORD": url.password or "",
    }


def bars(console: Console) -> Progress:
    """Progress bars with a count and the seconds so far."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console, transient=True)
