"""The process of a worker: its services, its start and its end."""

from __future__ import annotations

import threading
from dataclasses import replace
from functools import partial

from huey import crontab
from huey.consumer import Consumer

from ml_backend.labelstudio.client import LabelStudio
from ml_backend.learning.embedding.embedder import load
from ml_backend.pipeline.array_cache import ArrayCache
from ml_backend.pipeline.context import Services
from ml_backend.settings import Settings
from ml_backend.store import Store
from ml_backend.store.owners import owner_name
from ml_backend.store.states import RunReason
from ml_backend.worker.candidates import CandidateConfirmation
from ml_backend.worker.evaluations import HeadEvaluations
from ml_backend.worker.heartbeat import start_heartbeat
from ml_backend.worker.jobs import Jobs
from ml_backend.worker.load_ahead import LoadAhead, is_due
from ml_backend.worker.queue import TaskQueue
from ml_backend.worker.start import wait_for_services
from ml_backend.worker.supervisor import lower_priority, stop_with_parent
from ml_backend.worker.worker import Worker

JOB_PATIENCE_SECONDS = 5.0
"""How long the end of a worker waits for a job to come to a place from which another worker can go on."""


def run(settings: Settings, threads: int = 2, parent: int | None = None) -> None:
    """Work until SIGTERM or SIGINT; runs under way are finished first.

    threads: number of projects to run at the same time; parent: process id of the server that started this worker; the
    worker ends with it. A worker without a parent maintains a liveness file. Raises SettingsError for a database or
    a queue that cannot be used.
    """
    if parent is not None:
        stop_with_parent(parent)
        lower_priority()
    wait_for_services(settings)
    queue = TaskQueue(settings)
    services = services_of(settings)
    evaluations = HeadEvaluations(services.store)
    evaluations.start()
    load_ahead = LoadAhead(services.embedder)
    if is_due(services.store):
        load_ahead(services.default_model)
    services = replace(services, ask_for_help=queue.wake_worker, evaluations=evaluations, load_ahead=load_ahead)
    start_heartbeat(settings, owner_name(), with_file=parent is None)
    worker = Worker(services.store, queue, services)
    jobs = Jobs(services)
    queue.on_jobs = jobs.look
    jobs.start()
    worker.release_stale_leases()
    CandidateConfirmation(services.store, queue, services.client, settings.backend_url).start(threading.Event())
    queue.huey.periodic_task(crontab(minute="*"), name="reconcile")(
        lambda: worker.reconcile_all(RunReason.EVERY_MINUTE)
    )
    worker.reconcile_all(RunReason.START)
    try:
        Consumer(queue.huey, workers=threads, graceful_signal="TERM").run()
    finally:
        jobs.stop(JOB_PATIENCE_SECONDS)


def services_of(settings: Settings) -> Services:
    """What the runs of a worker with these settings share. Raises SettingsError for a database that cannot be used."""
    store = Store(settings.database_url)
    store.create()
    return Services(
        store=store,
        client=LabelStudio.of(settings),
        arrays=ArrayCache(store),
        embedder=partial(load, trust_remote_code=settings.embedding_trust_remote_code),
        default_model=settings.embedding_model,
        webhook_secret=store.webhook_secret(settings.webhook_secret),
        trust_remote_code=settings.embedding_trust_remote_code,
    )
