"""The fake as a server on a free port of this machine, in this process."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from typing import Any

from flask import Flask, Response, g, jsonify, request
from werkzeug.exceptions import HTTPException
from werkzeug.serving import WSGIRequestHandler, make_server

from fake_label_studio import annotations, data_manager, ml, people, predictions, projects, tasks, webhooks
from fake_label_studio.faults import Faults, Moment
from fake_label_studio.problems import Refused
from fake_label_studio.records import Backend, User
from fake_label_studio.studio import Studio

PUBLIC = {"/health", "/api/version", "/api/token/refresh", "/api/token/refresh/"}
VERSION = "api/version"
"""Label Studio answers this below every address, such as /projects/27/data/api/version."""
TOKEN = "0123456789abcdef0123456789abcdef01234567"


class FakeLabelStudio:
    """A running fake with its first user, whose legacy token is `token`."""

    token = TOKEN

    def __init__(self) -> None:
        self.studio = Studio()
        self.faults: Faults = self.studio.faults
        self.tables = self.studio.tables
        self.outgoing = self.studio.outgoing
        self.add_user("demo@example.com", TOKEN)
        self._server = make_server("127.0.0.1", 0, _app(self.studio), threaded=True, request_handler=_Quiet)
        self._server.daemon_threads = True  # type: ignore[attr-defined]
        self.url = self.outgoing.url = f"http://localhost:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def add_user(self, email: str, key: str, organization: int = 1) -> User:
        """Add a user."""
        with self.tables.lock:
            person = User(self.tables.new_id(), email, key, organization)
            self.tables.users[person.id] = person
        return person

    def remove_user(self, person: User) -> None:
        """Remove a user from the organization."""
        with self.tables.lock:
            self.tables.users.pop(person.id, None)

    def add_backend(self, project_id: int, url: str) -> Backend:
        """Connect a backend without calling it: no server has to listen at its address."""
        with self.tables.lock:
            backend = Backend(self.tables.new_id(), project_id, url, title="Active learning", state="Connected")
            self.tables.backends[backend.id] = backend
            self.tables.projects[project_id].model_version = backend.title
        return backend

    def stop(self) -> None:
        """Stop the server."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self.outgoing.close()


class _Quiet(WSGIRequestHandler):
    def log(self, *_args: Any) -> None:
        """Log nothing."""


def _app(studio: Studio) -> Flask:
    app = Flask("fake_label_studio")
    app.url_map.strict_slashes = False
    app.json.sort_keys = False  # type: ignore[attr-defined]
    for module in (people, projects, tasks, annotations, predictions, data_manager, ml, webhooks):
        app.register_blueprint(module.routes(studio))

    @app.before_request
    def begin() -> Response | None:
        studio.requests.append((request.method, request.path))
        time.sleep(studio.faults.seconds)
        g.breaks = Moment.BEFORE if studio.faults.down else studio.faults.breaks(request.method, request.path)
        if g.breaks is Moment.BEFORE:
            return _hung_up()
        gate = studio.faults.proxy_authorization
        if gate and request.headers.get("Authorization") != gate:
            return Response("<html><title>Log in to the proxy</title></html>", status=401)
        is_page = request.url_rule is None and not request.path.startswith("/api/")
        if request.path not in PUBLIC and not request.path.endswith(f"/{VERSION}") and not is_page:
            key = request.headers.get("X-API-Key")
            g.user = studio.tokens.user(f"Token {key}" if key else request.headers.get("Authorization", ""))
        return None

    @app.after_request
    def end(response: Response) -> Response:
        return _hung_up() if g.get("breaks") is Moment.AFTER else response

    @app.errorhandler(Refused)
    def refused(problem: Refused) -> tuple[Response, int]:
        return jsonify(problem.body()), problem.status

    @app.errorhandler(HTTPException)
    def not_served(problem: HTTPException) -> tuple[Response, int]:
        if request.url_rule is None and not request.path.startswith("/api/"):
            return Response("<!doctype html>\n<html><title>404 | Label Studio</title></html>"), 404
        return jsonify(Refused(problem.code or 500, f"the fake does not serve this: {problem}").body()), 501

    return app


def _hung_up() -> Response:
    """Close the connection, like a proxy whose server is gone."""
    with suppress(OSError):
        request.environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
    return Response(status=502)
