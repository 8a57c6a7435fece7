"""Serve the application: gunicorn starts and watches the process that handles requests.

Its connections are those of `web/serving/connections.py`, so that no slow caller holds a thread.

Importing the application does not load numpy. The process that handles requests imports it right after the fork, so
that the first call of /predict, which computes with vectors, does not wait for the import. It never loads torch,
scikit-learn, scipy or pandas; texts are embedded by a worker.
"""

from __future__ import annotations

import logging
import os
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication

from ml_backend.settings import LogFormat, Settings
from ml_backend.store import Store
from ml_backend.web.app import create_app
from ml_backend.web.bodies import MEGABYTE, largest_body
from ml_backend.web.serving.admission import MOST_CONNECTIONS, Addresses, MemoryBudget
from ml_backend.web.serving.gunicorn_log import PropagatingLogger
from ml_backend.web.serving.gunicorn_worker import LIMITS, BufferingWorker
from ml_backend.web.serving.listening import bind_address, check_address
from ml_backend.web.serving.received_requests import Limits
from ml_backend.web.stopping import announce_stop
from ml_backend.worker.queue import TaskQueue
from ml_backend.worker.start import wait_for_services
from ml_backend.worker.supervisor import WorkerProcess

logger = logging.getLogger(__name__)

FINISH_SECONDS = 30
"""How long requests and the worker may take to finish when the server is stopped."""
BODY_MEMORY = 256 * MEGABYTE
"""Bytes of all bodies above 1 MB that are received or handled at the same time; further ones wait."""
SILENT_SECONDS = 120
"""A process that does not respond for so long is replaced."""


def serve(settings: Settings, with_worker: bool = True) -> None:
    """Serve HTTP on settings.host and settings.port until SIGTERM or SIGINT.

    with_worker: also run a background worker. The database tables are created before the port opens. Raises
    SettingsError for a database, a queue or a port that cannot be used.
    """
    check_address(settings)
    # It closes its connections, which must not be shared with the process that gunicorn forks.
    wait_for_services(settings)
    _Server(settings, with_worker).run()


def limits(settings: Settings) -> Limits:
    """What the settings allow callers."""
    addresses = Addresses(settings.max_connections_per_address, settings.proxy_networks)
    return Limits(MOST_CONNECTIONS, addresses, MemoryBudget(BODY_MEMORY), largest_body)


class _Server(BaseApplication):  # type: ignore[misc]
    """One process with threads, since the worker does all work that needs much processor time."""

    def __init__(self, settings: Settings, with_worker: bool) -> None:
        self._settings = settings
        self._worker = WorkerProcess() if with_worker else None
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._options().items():
            self.cfg.set(name, value)

    def _options(self) -> dict[str, Any]:
        return {
            "bind": bind_address(self._settings.host, self._settings.port),
            "workers": 1,
            "worker_class": BufferingWorker,
            "threads": self._settings.threads,
            "timeout": SILENT_SECONDS,
            "graceful_timeout": FINISH_SECONDS,
            "loglevel": self._settings.log_level.lower(),
            "logger_class": PropagatingLogger,
            "proc_name": "active-learning",
            # gunicorn's default is a folder on disk, where its heartbeat can wait for other writes.
            "worker_tmp_dir": "/dev/shm" if os.access("/dev/shm", os.W_OK) else None,
            "control_socket_disable": True,
            "post_worker_init": self._start_worker,
            "worker_exit": self._stop_worker,
        }

    def load(self) -> Flask:
        """The application; gunicorn calls this after the fork, in the process that handles requests."""
        # This imports numpy, see the docstring of this module.
        import ml_backend.pipeline.predict  # noqa: F401

        store = Store(self._settings.database_url, quick_commits=True)
        app = create_app(self._settings, store, TaskQueue(self._settings))
        app.extensions[LIMITS] = limits(self._settings)
        return app

    # The worker is a child of the process that handles requests: gunicorn's main process would collect its exit status.

    def _start_worker(self, worker: Any) -> None:
        announce_stop(worker.wsgi)
        self._print_address()
        if self._worker is not None:
            self._worker.start()

    def _print_address(self) -> None:
        """Tell the person at the terminal where the pages are, once they can be opened; a log in JSON stands alone."""
        if self._settings.log_format is not LogFormat.JSON:
            print(f"The backend is ready: {self._settings.address}/projects", flush=True)

    def _stop_worker(self, _server: Any, _worker: Any) -> None:
        if self._worker is not None:
            self._worker.stop()
