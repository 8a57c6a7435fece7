"""Behind a proxy that serves the backend under a path, every link of the pages leads back through the proxy."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import Client, TestResponse

from ml_backend.store import Store

KEY = "label-studio-key"
HTML = {"Accept": "text/html"}
SETUP = {"project": "7.1795470497", "hostname": "http://localhost:8080", "access_token": "x"}
CONFIG = (
    '<View><Text name="t" value="$text"/><Choices name="c" toName="t">'
    '<Choice value="a"/><Choice value="b"/></Choices></View>'
)


class Proxy:
    """Passes on requests below its prefix, without the prefix if it strips it, and with a header if it sends one."""

    def __init__(self, app: Flask, prefix: str, strips: bool = True, header: str | None = None) -> None:
        self.app, self.prefix, self.strips, self.header = app, prefix, strips, header

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        path = environ["PATH_INFO"]
        if not path.startswith(f"{self.prefix}/"):
            start_response("404 Not Found", [])
            return [b"the proxy serves nothing here"]
        if self.strips:
            environ["PATH_INFO"] = path.removeprefix(self.prefix)
        if self.header:
            environ["HTTP_X_FORWARDED_PREFIX"] = self.header
        return self.app.wsgi_app(environ, start_response)


def links(page: TestResponse) -> set[str]:
    """Addresses on this host that a page uses: links, style, script, and what its script requests."""
    return set(re.findall(r'(?:href|src|action|data-[\w-]+)="(/[^"]*)"', page.text))


def assert_all_lead_back(proxy: Proxy) -> None:
    visitor = Client(proxy, TestResponse)
    proxy.app.extensions["active_learning"].store.ensure_project(7)
    assert visitor.post(f"{proxy.prefix}/setup", json={**SETUP, "schema": CONFIG}).status_code == 200
    seen: set[str] = set()
    for path in ("/", "/projects", "/projects/7"):
        page = visitor.get(proxy.prefix + path, headers=HTML)
        assert page.status_code == 200
        seen |= links(page)
    assert {proxy.prefix + f"/{file}" for file in ("static/style.css", "static/page.js", "projects/7/changes")} <= seen
    headers = {**HTML, "Authorization": f"Token {KEY}"}
    statuses = {link: visitor.get(link, headers=headers, buffered=True).status_code for link in seen}
    assert statuses == dict.fromkeys(seen, 200)


@pytest.mark.parametrize("strips", [True, False])
def test_the_path_of_backend_url_is_the_prefix(make_client: Callable[..., FlaskClient], strips: bool):
    app = make_client(backend_url="https://host.example/tools/al").application
    assert_all_lead_back(Proxy(app, "/tools/al", strips))


@pytest.mark.parametrize("backend_url", [None, "http://backend:9090", "https://host.example/other"])
def test_the_header_of_the_proxy_is_the_prefix(make_client: Callable[..., FlaskClient], backend_url: str | None):
    app = make_client(backend_url=backend_url).application
    assert_all_lead_back(Proxy(app, "/al", header="/al/"))


def test_refusals_name_the_address_of_signing_in_behind_the_proxy(make_client: Callable[..., FlaskClient]):
    proxy = Proxy(make_client().application, "/al", header="/al")
    refused = Client(proxy, TestResponse).get("/al/projects/7/settings")
    assert refused.status_code == 401
    assert "sign in at /al/sign-in" in refused.get_json()["error"]


def test_without_a_proxy_the_pages_work_as_before(make_client: Callable[..., FlaskClient]):
    for client in (make_client(), make_client(backend_url="https://host.example/al")):
        page = client.get("/projects", headers=HTML)
        assert page.status_code == 200
        assert all(client.get(link, buffered=True).status_code == 200 for link in links(page))
        assert client.get("/health").status_code == 200


@pytest.mark.parametrize("header", ["//evil.example", "https://evil.example", '/a"><script>', "al", "/", "/a//b"])
def test_a_header_that_is_no_path_is_ignored(web: FlaskClient, header: str):
    page = web.get("/projects", headers={**HTML, "X-Forwarded-Prefix": header})
    assert {"/static/style.css", "/projects"} <= links(page)
    assert "evil" not in page.text


def test_setup_through_a_prefix_notes_the_whole_address(make_client: Callable[..., FlaskClient], sqlite_store: Store):
    proxy = Proxy(make_client().application, "/al", header="/al")
    sqlite_store.ensure_project(7)
    Client(proxy, TestResponse).post("/al/setup", json={**SETUP, "schema": CONFIG}, base_url="http://host.example")
    project = sqlite_store.project(7)
    assert project is not None
    assert project.backend_url == "http://host.example/al"
