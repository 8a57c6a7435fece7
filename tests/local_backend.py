"""The backend inside the test's own process: server and worker as threads, and an embedder without a model."""

from __future__ import annotations

import logging
import threading
import time
import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from page_server import page_server
from werkzeug.serving import WSGIRequestHandler

from ml_backend.labelstudio.client import LabelStudio
from ml_backend.learning import Embedder
from ml_backend.pipeline.array_cache import ArrayCache
from ml_backend.pipeline.context import Services
from ml_backend.settings import Settings
from ml_backend.store import Store
from ml_backend.web.app import create_app
from ml_backend.worker.candidates import CandidateConfirmation
from ml_backend.worker.evaluations import HeadEvaluations
from ml_backend.worker.jobs import Jobs
from ml_backend.worker.queue import TaskQueue
from ml_backend.worker.worker import Worker

DIMENSIONS = 32


class WordHashes:
    """An embedding without a model: each word adds one to the dimension that its hash names."""

    name = "tests/word-hashes"
    """In the form of a model of the hub, so that it may be the value of EMBEDDING_MODEL."""

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(N, 32) float32, of length 1."""
        vectors = np.full((len(texts), DIMENSIONS), 1e-3, dtype=np.float32)
        for row, text in enumerate(texts):
            for word in text.lower().split():
                vectors[row, zlib.crc32(word.encode()) % DIMENSIONS] += 1
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        return cast(NDArray[np.float32], vectors / lengths)

    def encode_class_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """The same as for other texts."""
        return self.encode(texts)


def services(store: Store, client: LabelStudio) -> Services:
    """The services of a run, with word hashes as the embedding."""
    embedder = cast(Embedder, WordHashes())
    return Services(
        store=store,
        client=client,
        arrays=ArrayCache(store),
        embedder=lambda _name: embedder,
        default_model=embedder.name,
        webhook_secret=store.webhook_secret(),
    )


class LocalBackend:
    """Starts and stops like a process, and keeps its data in `folder`.

    label_studio_url: may be a gate's; auth: user and password that it requires.
    """

    def __init__(
        self, folder: Path, label_studio_url: str, api_key: str, auth: tuple[str, str] | None = None, port: int = 0
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.label_studio_url = label_studio_url
        self.api_key = api_key
        self.auth = auth
        self.port = port
        self.log = folder / "backend.log"
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._log_handler: logging.Handler | None = None

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def settings(self) -> Settings:
        """Its settings, which the environment does not change."""
        chosen = {
            "label_studio_url": self.label_studio_url,
            "label_studio_api_key": self.api_key,
            "model_dir": self.folder,
            "port": self.port or 9090,
            "basic_auth_user": self.auth[0] if self.auth else None,
            "basic_auth_pass": self.auth[1] if self.auth else None,
        }
        return Settings(**{name: field.default for name, field in Settings.model_fields.items()} | chosen)

    def start(self) -> None:
        """Start the server and the worker."""
        self._write_log()
        settings = self.settings
        store = Store(settings.database_url, quick_commits=True)
        store.create()
        app = create_app(settings, store, TaskQueue(settings))
        self._server = page_server(app, "127.0.0.1", self.port, _Quiet)
        self._server.daemon_threads = True  # type: ignore[attr-defined]
        self.port = self._server.server_port
        self._served_store = store
        self._start_worker()
        self._start(self._server.serve_forever, 0.02)

    def stop(self) -> None:
        """Stop both, once the runs under way have finished."""
        if not self._threads:
            return
        self._server.shutdown()
        self._stopping.set()
        self._evaluations.stop()
        self._jobs.stop()
        for _ in range(2):
            self._queue.wake_worker(0)  # there is no such project: it only ends the wait
        for thread in self._threads:
            thread.join()
        self._threads.clear()
        self._stopping.clear()
        self._server.server_close()
        self._client.close()
        self._worker_store.close()
        self._served_store.close()
        if self._log_handler is not None:
            logging.getLogger("ml_backend").removeHandler(self._log_handler)
            self._log_handler.close()

    def look_now(self, project_id: int) -> None:
        """Run in this thread, now, what the schedule runs every minute."""
        self._worker_store.request_run(project_id, "every minute")
        deadline = time.monotonic() + 30
        while project_id in self._worker_store.pending_projects() or self._worker_store.lease_owners():
            assert time.monotonic() < deadline, "the run under way does not end"
            self._worker.run(project_id)

    def _start_worker(self) -> None:
        settings = self.settings
        self._queue = TaskQueue(settings)
        self._worker_store = Store(settings.database_url)
        self._client = LabelStudio(settings.label_studio_url, settings.label_studio_api_key)
        self._evaluations = HeadEvaluations(self._worker_store)
        self._threads.append(self._evaluations.start())
        shared = replace(services(self._worker_store, self._client), evaluations=self._evaluations)
        self._worker = Worker(self._worker_store, self._queue, shared)
        self._jobs = Jobs(shared)
        self._queue.on_jobs = self._jobs.look
        self._threads += self._jobs.start()
        self._worker.reconcile_all("start")
        for _ in range(2):
            self._start(self._work)
        confirmation = CandidateConfirmation(self._worker_store, self._queue, self._client, None)
        self._threads.append(confirmation.start(self._stopping))
        self._start(self._keep_schedule)

    def _start(self, target: Any, *arguments: Any) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        thread.start()
        self._threads.append(thread)

    def _work(self) -> None:
        huey = self._queue.huey
        while not self._stopping.is_set():
            task = huey.dequeue()
            if task is not None and not self._stopping.is_set():
                huey.execute(task)

    def _keep_schedule(self) -> None:
        huey = self._queue.huey
        while not self._stopping.wait(0.02):
            for task in huey.read_schedule():
                huey.enqueue(task)

    def _write_log(self) -> None:
        self._log_handler = logging.FileHandler(self.log)
        logger = logging.getLogger("ml_backend")
        logger.addHandler(self._log_handler)
        logger.setLevel(logging.INFO)


class _Quiet(WSGIRequestHandler):
    def log(self, *_args: Any) -> None:
        """Log nothing."""
