"""Other sites change nothing: neither by forms, nor by scripts, nor in the browser of a person who is signed in."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from wsgiref.types import WSGIApplication

import pytest
from flask import Flask
from flask.testing import FlaskClient
from page_server import page_server
from playwright.sync_api import Browser

from ml_backend.settings import Settings
from ml_backend.store import Store
from ml_backend.web.access.cross_site import accepts_form
from ml_backend.web.app import create_app
from ml_backend.worker.queue import TaskQueue

EVENT = {"action": "START_TRAINING", "project": {"id": 7}}
STATE_CHANGING = [
    ("POST", "/setup"),
    ("POST", "/webhook"),
    ("POST", "/predict"),
    ("POST", "/validate"),
    ("POST", "/delete"),
    ("POST", "/duplicate_model"),
    ("POST", "/job_status"),
    ("PATCH", "/projects/7/settings"),
]


@pytest.mark.parametrize(("method", "path"), STATE_CHANGING)
@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_only_json_is_accepted(connected: FlaskClient, method: str, path: str, kind: str):
    response = connected.open(path, method=method, data=b'{"project": 7}', content_type=kind)
    assert response.status_code == 415
    assert "Content-Type: application/json" in response.get_json()["error"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "https://rewritten.example"}, 200),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "none"}, 200),
        ({"Origin": "http://localhost"}, 200),
        ({"Origin": "https://localhost"}, 200),
        ({"Origin": "https://al.example"}, 200),
        ({"Origin": "http://localhost:8080"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "https://al.example.evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": ""}, 403),
        ({"Origin": "https://evil.example", "X-Forwarded-Host": "evil.example"}, 403),
    ],
)
def test_pages_of_other_sites_are_refused(
    make_client: Callable[..., FlaskClient], headers: dict[str, str], status: int
):
    client = make_client(backend_url="https://al.example/active-learning")
    assert client.post("/webhook", json=EVENT, headers=headers).status_code == status


def test_a_trusted_proxy_says_under_which_host_browsers_see_it(make_client: Callable[..., FlaskClient]):
    client = make_client(trusted_proxies="127.0.0.1")
    headers = {"Origin": "https://al.example", "X-Forwarded-Host": "al.example"}
    assert client.post("/webhook", json=EVENT, headers=headers).status_code == 200


def test_a_route_may_accept_forms_of_our_own_pages(web: FlaskClient):
    app: Flask = web.application
    view = accepts_form(lambda: {"status": "ok"})
    app.add_url_rule("/form", "form", view, methods=["POST"])
    form = "application/x-www-form-urlencoded"
    assert web.post("/form", data={"a": "b"}, content_type=form).status_code == 200
    assert web.post("/form", data=b"", content_type="text/plain").status_code == 415
    assert web.post("/form", data={}, content_type=form, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403


def test_every_response_has_the_headers(connected: FlaskClient):
    for path in ("/health", "/projects", "/projects/7", "/projects/8", "/metrics", "/static/style.css", "/unknown"):
        for kind in ("text/html", "application/json"):
            response = connected.get(path, headers={"Accept": kind})
            response.close()
            assert response.headers["X-Content-Type-Options"] == "nosniff", path
            assert response.headers["Referrer-Policy"] == "same-origin", path
            assert "frame-ancestors 'none'" in response.headers["Content-Security-Policy"], path
            assert response.headers["Cache-Control"] == ("no-cache" if "static" in path else "no-store"), path


def test_metrics_have_no_label_that_a_caller_chooses(web: FlaskClient):
    for i in range(50):
        web.open(f"/unknown/{i}", method=f"M{i}")
        web.open("/health", method=f"M{i}")
    lines = [
        line for line in web.get("/metrics").text.splitlines() if line.startswith("active_learning_requests_total")
    ]
    assert len(lines) <= 2
    assert all('method="other",route="unknown"' in line for line in lines)


ATTACKS = """
<form id=plain method=post enctype=text/plain action="{at}/webhook" target=f1>
<input name='{{"action":"START_TRAINING","project":7,"a":"' value='"}}'></form>
<form id=urlencoded method=post action="{at}/setup" target=f2><input name=project value=7></form>
<form id=multipart method=post enctype=multipart/form-data action="{at}/webhook" target=f3>
<input name=project value=7></form>
<iframe name=f1></iframe><iframe name=f2></iframe><iframe name=f3></iframe><iframe src="{at}/projects"></iframe>
<img src="{at}/webhook"><link rel=prefetch href="{at}/setup">
<script>
const body = JSON.stringify({{action: "START_TRAINING", project: 7}}), done = [];
const wait = promise => done.push(promise.catch(() => null));
for (const id of ["plain", "urlencoded", "multipart"]) document.getElementById(id).submit();
wait(fetch("{at}/webhook", {{method: "POST", mode: "no-cors", body}}));
wait(fetch("{at}/webhook", {{method: "POST", mode: "no-cors", body: new Blob([body])}}));
wait(fetch("{at}/webhook", {{method: "POST", body, headers: {{"Content-Type": "application/json"}}}}));
wait(fetch("{at}/projects/7/settings", {{method: "PATCH", body, headers: {{"Content-Type": "application/json"}}}}));
navigator.sendBeacon("{at}/webhook", new Blob([body], {{type: "text/plain"}}));
Promise.all(done).then(() => document.title = "done");
</script>
"""


@contextmanager
def other_site(page: str) -> Iterator[str]:
    """A server of another site; every path is the page."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(page.encode())

        def log_message(self, *_: object):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://localhost:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


@contextmanager
def served(app: WSGIApplication) -> Iterator[str]:
    """The address of an application."""
    server = page_server(app)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://localhost:{server.port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.browser
def test_no_request_of_another_site_in_a_browser_changes_anything(
    browser: Browser, sqlite_store: Store, tmp_path: Path
):
    settings = Settings(model_dir=tmp_path, label_studio_api_key="key")
    app = create_app(settings, sqlite_store, TaskQueue(settings))
    statuses: list[tuple[str, str, int]] = []

    def recording(environ, start_response):
        def start(status, headers, exc_info=None):
            statuses.append((environ["REQUEST_METHOD"], environ["PATH_INFO"], int(status[:3])))
            return start_response(status, headers, exc_info)

        return app(environ, start)

    with served(recording) as backend, other_site(ATTACKS.format(at=backend)) as evil:
        page = browser.new_page()
        page.goto(f"{evil}/page")
        page.wait_for_function("document.title == 'done'")
        page.wait_for_load_state("networkidle")
        shown = [frame.content() for frame in page.frames[1:]]
        page.goto(f"{backend}/webhook")
        page.close()
    posts = [entry for entry in statuses if entry[0] == "POST"]
    assert len(posts) >= 6, "forms, fetch and the beacon arrived"
    assert {status for _, _, status in posts} <= {403, 415}
    assert all(status in {200, 404, 405} for method, _, status in statuses if method in {"GET", "OPTIONS"})
    assert not any("Projects" in content for content in shown), "no page of ours is shown in a frame"
    assert sqlite_store.projects() == []
    assert sqlite_store.pending_projects() == []
