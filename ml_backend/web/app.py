"""The Flask application: routes, error responses, and the duration of each request."""

from __future__ import annotations

import logging
import time

from flask import Flask, Response, g, jsonify, redirect, request, url_for
from werkzeug.exceptions import HTTPException, MethodNotAllowed, RequestEntityTooLarge
from werkzeug.routing import IntegerConverter, ValidationError

from ml_backend.labelstudio.json_values import parsed_id
from ml_backend.settings import Settings
from ml_backend.store import DATABASE_ERRORS, Store
from ml_backend.web import ready
from ml_backend.web.access import cookie
from ml_backend.web.access.cross_site import refuse_cross_site
from ml_backend.web.access.rights import SignInNeeded
from ml_backend.web.bodies import SMALL_BODY, BadRequest, size_of_largest_body
from ml_backend.web.context import EXTENSION, Web, web
from ml_backend.web.label_studio_routes import protocol, webhooks
from ml_backend.web.monitoring.metrics import RequestMetrics
from ml_backend.web.page_parts.page_blueprint import blueprint as page_blueprint
from ml_backend.web.page_parts.rendering import error_page, wants_html
from ml_backend.web.project_routes import dismissals, evaluation, jobs, learning, projects, serve_next, tabs
from ml_backend.web.serving.prefix import PathPrefix
from ml_backend.web.serving.request_log import log_request_ids
from ml_backend.web.serving.response_headers import add_headers
from ml_backend.web.views import (
    actions,
    details,
    duplicates,
    find,
    look_again,
    map,
    now,
    people,
    project_list,
    quality,
    sign_in,
    strategy,
    texts,
)
from ml_backend.worker.queue import TaskQueue

logger = logging.getLogger(__name__)

PAGES = (project_list, now, quality, look_again, map, find, duplicates, strategy, people, actions, details, texts)
"""Modules that add their routes to the blueprint of the pages when they are imported."""
ROUTES = (
    protocol,
    ready,
    webhooks,
    projects,
    evaluation,
    jobs,
    learning,
    serve_next,
    sign_in,
    dismissals,
    tabs,
)
"""Modules with a blueprint of their own."""
LONGEST_REASON = 600
"""Characters of an error message that are sent in the status line."""


class ProjectIdConverter(IntegerConverter):
    """A project id in a path; numbers that no database stores are no ids."""

    def to_python(self, value: str) -> int:
        number = parsed_id(value)
        if number is None:
            raise ValidationError
        return number


def create_app(settings: Settings, store: Store, queue: TaskQueue) -> Flask:
    """The application with its database and task queue; nothing is loaded, read or written yet."""
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = SMALL_BODY  # for what is not read by `json_object`
    app.json.sort_keys = False  # type: ignore[attr-defined]  # labels stay in the order of the label config
    app.config.update(cookie.CONFIG)
    app.session_interface = cookie.Cookie()
    app.extensions[EXTENSION] = Web(settings, store, queue, RequestMetrics())
    app.url_map.converters["int"] = ProjectIdConverter
    for routes in ROUTES:
        app.register_blueprint(routes.blueprint)
    app.register_blueprint(page_blueprint)
    app.wsgi_app = PathPrefix(app.wsgi_app, settings.backend_url)  # type: ignore[method-assign]
    app.before_request(_start_clock)
    log_request_ids(app)
    app.before_request(refuse_cross_site)
    app.after_request(_count)
    app.after_request(add_headers)
    app.register_error_handler(BadRequest, _bad_request)
    app.register_error_handler(SignInNeeded, _sign_in_needed)
    app.register_error_handler(HTTPException, _http_error)
    for error in DATABASE_ERRORS:
        app.register_error_handler(error, _database_failed)
    app.register_error_handler(Exception, _unexpected)
    return app


def _start_clock() -> None:
    g.started = time.perf_counter()


def _count(response: Response) -> Response:
    route = request.url_rule.rule if request.url_rule else "unknown"
    seconds = time.perf_counter() - g.get("started", time.perf_counter())
    web().metrics.count(request.method, route, response.status_code, seconds)
    return response


def _bad_request(problem: BadRequest) -> Response:
    logger.info("%s %s refused with %d: %s", request.method, request.path, problem.status, problem)
    return _error_response(str(problem), problem.status, problem.headers)


def _sign_in_needed(problem: SignInNeeded) -> Response:
    """A browser is sent to the sign-in page if it asked for a page; anybody else gets the error."""
    if request.blueprint == page_blueprint.name and wants_html():
        wanted = request.full_path if request.query_string else request.path
        return redirect(url_for("sign_in.form", next=wanted))  # type: ignore[return-value]
    return _bad_request(problem)


def _http_error(problem: HTTPException) -> Response:
    code = problem.code or 500
    if code < 400:
        return Response(status=code, headers=problem.get_headers())
    sentence = problem.description or problem.name
    if isinstance(problem, RequestEntityTooLarge):
        sentence = f"The body is larger than the {size_of_largest_body(request.path)} that {request.path} accepts."
    if isinstance(problem, MethodNotAllowed):
        return _error_response(sentence, code, {"Allow": ", ".join(sorted(problem.valid_methods or ()))})
    return _error_response(sentence, code, {})


def _database_failed(problem: Exception) -> Response:
    logger.error("%s %s failed, since the database cannot be used: %s", request.method, request.path, problem)
    sentence = (
        "The database of this backend cannot be used; its log and /ready say why. Nothing is lost: what happens "
        "meanwhile is read from Label Studio afterwards."
    )
    return _error_response(sentence, 503, {})


def _unexpected(problem: Exception) -> Response:
    logger.exception("%s %s failed", request.method, request.path)
    return _error_response(f"{type(problem).__name__} in this backend; its log has the details.", 500, {})


def _error_response(sentence: str, status: int, headers: dict[str, str]) -> Response:
    response = error_page(sentence, status) if wants_html() else jsonify(error=sentence)
    # Label Studio ignores the body of an error response and shows only its status line, so that has the message too.
    reason = "".join(c if " " <= c <= "~" else "?" for c in " ".join(sentence.split()))
    response.status = f"{status} {reason[:LONGEST_REASON]}"
    response.headers.update(headers)
    return response
