"""Serves the projects of `seeded_projects` from this process, with a worker that does jobs but no runs."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, cast

from page_server import page_server
from seeded_projects import KEY, seed
from werkzeug.serving import WSGIRequestHandler

from ml_backend.labelstudio.client import LabelStudio
from ml_backend.learning import Embedder
from ml_backend.pipeline.array_cache import ArrayCache
from ml_backend.pipeline.context import Services
from ml_backend.settings import Settings
from ml_backend.store import Store
from ml_backend.web.app import create_app
from ml_backend.worker.jobs import Jobs
from ml_backend.worker.queue import TaskQueue

NO_LABEL_STUDIO = "http://localhost:8080"
SEEN_EVERY_SECONDS = 15.0


class SeededServer:
    """The pages of seeded projects; a person signs in with KEY.

    folder: of the queue and the SQLite database; embedder: see `seed`; port: 0 for a free one; database_url: of another
    database, for example on PostgreSQL. A database without projects is filled.
    """

    def __init__(self, folder: Path, embedder: Any, port: int = 0, database_url: str = "") -> None:
        settings = Settings(
            model_dir=folder,
            database_url=database_url,
            label_studio_url=NO_LABEL_STUDIO,
            label_studio_api_key=KEY,
            embedding_model=embedder.name,
            basic_auth_user=None,
            basic_auth_pass=None,
        )
        folder.mkdir(parents=True, exist_ok=True)
        self.store = Store(settings.database_url)
        self.store.create()
        if not self.store.projects():
            seed(self.store, embedder)
        self._client = LabelStudio(settings.label_studio_url, KEY)
        chosen = cast(Embedder, embedder)
        self._jobs = Jobs(
            Services(self.store, self._client, ArrayCache(self.store), lambda _name: chosen, embedder.name, "secret")
        )
        queue = TaskQueue(settings)
        queue.wake_jobs = self._jobs.look  # type: ignore[method-assign]
        app = create_app(settings, self.store, queue)
        self._server = page_server(app, port=port, handler=_Quiet)
        self._server.daemon_threads = True  # type: ignore[attr-defined]
        self._stopped = threading.Event()
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._serve, self._be_seen)]

    @property
    def url(self) -> str:
        """The address of the pages."""
        return f"http://localhost:{self._server.server_port}"

    def start(self) -> None:
        """Serve, and do jobs."""
        for thread in self._threads:
            thread.start()
        self._threads += self._jobs.start()

    def stop(self) -> None:
        """End all threads and close the database."""
        self._server.shutdown()
        self._stopped.set()
        self._jobs.stop()
        for thread in self._threads:
            thread.join()
        self._server.server_close()
        self._client.close()
        self.store.close()

    def _serve(self) -> None:
        self._server.serve_forever(0.02)

    def _be_seen(self) -> None:
        while True:
            self.store.report_worker("seeded worker")
            if self._stopped.wait(SEEN_EVERY_SECONDS):
                return


class _Quiet(WSGIRequestHandler):
    def log(self, *_args: Any) -> None:
        """Log nothing."""
