"""An installation that can be broken: Label Studio, gates, server, workers, database and queue."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from fake_label_studio import FakeLabelStudio
from gate import Gate
from live_loop import CLASSES, MESSAGES, new_project, wait_until
from local_backend import WordHashes
from sqlalchemy import create_engine, text
from studios import Fake, Real

from chaos.processes import BackendProcess, Disk, Redis
from chaos.webhook_gate import WebhookGate
from ml_backend.commands.connect import connect_project
from ml_backend.commands.demo.label_studio_process import LabelStudioProcess, free_port, installed
from ml_backend.labelstudio.client import LabelStudio
from ml_backend.settings import Settings, variables
from ml_backend.store import Store

REPOSITORY = Path(__file__).parents[2]
START_SECONDS = 120.0
RETRAIN_EVERY = 5


@dataclass(frozen=True)
class Plan:
    """What to start. real: a real Label Studio; postgres: PostgreSQL's server address, None for SQLite."""

    real: bool
    postgres: str | None
    workers: int
    projects: int
    tasks: int
    lease_seconds: float


@dataclass
class Installation:
    """Everything that runs; `processes` are the server and then the workers."""

    plan: Plan
    studio: Fake | Real
    client: LabelStudio
    network: Gate
    webhooks: WebhookGate
    disk: Disk
    redis: Redis | None
    database_url: str
    processes: list[BackendProcess]
    project_ids: list[int]

    @property
    def server(self) -> BackendProcess:
        return self.processes[0]

    @property
    def workers(self) -> list[BackendProcess]:
        return self.processes[1:]


@contextmanager
def running(plan: Plan, folder: Path) -> Iterator[Installation]:
    """Start everything, with connected projects whose first batches are served; all is stopped at the end."""
    with ExitStack() as stack:
        studio = stack.enter_context(_label_studio(plan.real, folder))
        client = LabelStudio(studio.url, studio.token)
        stack.callback(client.close)
        network = Gate(studio.url)
        stack.callback(network.close)
        port = free_port(0)
        webhooks = WebhookGate(f"http://127.0.0.1:{port}")
        stack.callback(webhooks.close)
        disk = Disk(folder / "data")
        disk.mount()
        stack.callback(disk.unmount)
        redis = None
        if plan.postgres:
            redis = Redis(free_port(0), folder)
            redis.start()
            stack.callback(redis.stop)
            database_url = stack.enter_context(_database(plan.postgres))
        else:
            database_url = f"sqlite:///{disk.folder / 'active_learning.db'}"
        environment = {
            **dict.fromkeys(variables(), ""),
            "LABEL_STUDIO_URL": network.url,
            "LABEL_STUDIO_API_KEY": studio.token,
            "MODEL_DIR": str(disk.folder),
            "DATABASE_URL": database_url,
            "EMBEDDING_MODEL": WordHashes.name,
            "REDIS_URL": redis.url if redis else "",
            "PORT": str(port),
            "HOST": "127.0.0.1",
        }
        processes = [_process("server", ["serve", "--no-worker"], plan, environment, folder)]
        processes += [_process(f"worker-{i}", ["worker"], plan, environment, folder) for i in range(plan.workers)]
        for process in processes:
            stack.callback(process.stop)
        processes[0].start()
        wait_until("the server answers", lambda: _answers(webhooks), START_SECONDS)
        for process in processes[1:]:
            process.start()
        project_ids = _projects(plan, client, environment, webhooks.url)
        yield Installation(plan, studio, client, network, webhooks, disk, redis, database_url, processes, project_ids)


@contextmanager
def _label_studio(real: bool, folder: Path) -> Iterator[Fake | Real]:
    if real:
        process = LabelStudioProcess(installed(REPOSITORY / ".venv-labelstudio"), folder / "ls", free_port(0))
        process.start()
        yield Real(process)
        process.stop()
        return
    server = FakeLabelStudio()
    yield Fake(server)
    server.stop()


@contextmanager
def _database(server_url: str) -> Iterator[str]:
    """A new database on the server, dropped at the end."""
    server = create_engine(server_url, isolation_level="AUTOCOMMIT")
    name = f"chaos_{uuid.uuid4().hex[:12]}"
    with server.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    yield server.url.set(database=name).render_as_string(hide_password=False)
    with server.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    server.dispose()


def _process(name: str, arguments: list[str], plan: Plan, environment: dict[str, str], folder: Path) -> BackendProcess:
    # Processes on SQLite share a machine, and so its clock.
    clock = folder / ("clock" if plan.postgres is None else f"clock-{name}")
    clock.write_text("0")
    return BackendProcess(name, plan.lease_seconds, arguments, environment, folder / f"{name}.log", clock)


def _answers(webhooks: WebhookGate) -> bool:
    return webhooks.passed("GET", "/health", {}, b"").status_code == 200


def _projects(plan: Plan, client: LabelStudio, environment: dict[str, str], url: str) -> list[int]:
    """New projects, connected, once each has its first batch."""
    chosen = {name.lower(): value for name, value in environment.items() if value}
    settings = Settings(**{name: field.default for name, field in Settings.model_fields.items()} | chosen)
    store, project_ids = Store(settings.database_url), []
    for _ in range(plan.projects):
        project_id = new_project(client, _texts(plan.tasks))
        options = ["batch_size=20", f"retrain_every={RETRAIN_EVERY}", "strategy=margin"]
        list(connect_project(settings, project_id, url, options))
        project_ids.append(project_id)
    for project_id in project_ids:
        wait_until("a first batch", lambda p=project_id: store.current_batch(p), START_SECONDS)
    store.close()
    return project_ids


def _texts(n: int) -> list[dict[str, str]]:
    """n different texts with their gold labels: the demo's messages, again with a number when they are used up."""
    assert CLASSES
    return [
        {"text": f"{m.text} {i // len(MESSAGES) or ''}".strip(), "gold": m.label}
        for i in range(n)
        for m in [MESSAGES[i % len(MESSAGES)]]
    ]
