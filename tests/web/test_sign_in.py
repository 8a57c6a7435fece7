"""Signing in and out, what a session may see, and who changed a setting."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from signing_in import BROWSER, csrf, form_token, sign_in
from studios import SECOND_USER, Fake

from ml_backend.labelstudio.client import LabelStudio
from ml_backend.store import Store
from ml_backend.web.access import sessions

PASSWORD = {"user": "ann", "password": "pässword"}
BASIC = {"basic_auth_user": "ann", "basic_auth_pass": "pässword"}
STRANGER_KEY = "d" * 40
CONFIG = (
    '<View><Text name="t" value="$t"/><Choices name="c" toName="t">'
    '<Choice value="a"/><Choice value="b"/></Choices></View>'
)

Make = Callable[..., FlaskClient]


@pytest.fixture
def studio(fake_label_studio: Fake, make_client: Make) -> Make:
    """Makes a client of the application whose Label Studio is the fake, with basic auth on."""

    def make(**settings: Any) -> FlaskClient:
        own = {"label_studio_url": fake_label_studio.url, "label_studio_api_key": fake_label_studio.token}
        return make_client(**{**own, **BASIC, **settings})

    return make


@pytest.fixture
def projects(fake_label_studio: Fake, sqlite_store: Store) -> tuple[int, int]:
    """A project of the first organization, and one of another, both known to the backend."""
    if all(person.key != STRANGER_KEY for person in fake_label_studio.server.tables.users.values()):
        fake_label_studio.server.add_user("stranger@example.com", STRANGER_KEY, organization=3)
    ours, theirs = (created(fake_label_studio, key) for key in (fake_label_studio.token, STRANGER_KEY))
    for number in (ours, theirs):
        sqlite_store.ensure_project(number, label_config=CONFIG)
    return ours, theirs


def created(label_studio: Fake, key: str) -> int:
    with closing(LabelStudio(label_studio.url, key)) as client:
        return int(client.request("POST", "api/projects", body={"title": "P", "label_config": CONFIG})["id"])


def listed(client: FlaskClient) -> list[int]:
    return [project["project"] for project in client.get("/projects").json["projects"]]


def test_a_browser_is_led_to_the_form_and_back_to_the_page(studio: Make, projects: tuple[int, int]):
    client, page = studio(), f"/projects/{projects[0]}"
    away = client.get(page, headers=BROWSER)
    assert (away.status_code, away.location) == (302, f"/sign-in?next={page}")
    assert f'name="next" value="{page}"' in client.get(away.location, headers=BROWSER).text
    back = sign_in(client, page, **PASSWORD)
    assert (back.status_code, back.location) == (303, page)
    assert "basic auth user ann" in client.get(page, headers=BROWSER).text


@pytest.mark.parametrize(
    "elsewhere",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "/%2f/evil.example", "javascript:alert(1)",
     "/projects/7/status", "/sign-out", "/static/page.js", "projects", "/projects?next=//evil.example",
     "/projects\r\nX: 1"],
)  # fmt: skip
def test_signing_in_leads_nowhere_but_to_our_pages(studio: Make, elsewhere: str):
    client = studio()
    assert "evil" not in client.get("/sign-in", query_string={"next": elsewhere}, headers=BROWSER).text
    assert sign_in(client, elsewhere, **PASSWORD).location == "/projects"


def test_a_search_is_led_back_to_with_no_arguments_but_its_own(studio: Make, projects: tuple[int, int]):
    client, page = studio(), f"/projects/{projects[0]}/find?q=late"
    back = sign_in(client, f"{page}&endpoint=x&_external=1&project_id=9", **PASSWORD)
    assert (back.status_code, back.location) == (303, page)


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(studio: Make):
    cookie = sign_in(studio(), **PASSWORD).headers["Set-Cookie"]
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
    assert "Expires=" in cookie
    assert "Secure" not in cookie, "without TLS a browser would not send it back"


@pytest.mark.parametrize(
    ("settings", "headers"),
    [({"backend_url": "https://backend.example/al"}, {}), ({}, {"X-Forwarded-Proto": "https"})],
)
def test_behind_tls_the_cookie_is_sent_over_tls_only(studio: Make, settings: dict[str, Any], headers: dict[str, str]):
    client = studio(**settings)
    form = client.get("/sign-in", headers={**BROWSER, **headers})
    cookie = set(form.headers["Set-Cookie"].split("; "))
    assert "Secure" in cookie
    assert f"Path={'/al' if settings else '/'}" in cookie


def test_each_signing_in_begins_another_session_and_ends_the_one_before(studio: Make, sqlite_store: Store):
    client, ids = studio(), []
    for _ in range(2):
        token = form_token(client)
        sign_in(client, **PASSWORD)
        with client.session_transaction() as cookie:
            ids.append(cookie["id"])
        assert form_token(client) != token
    assert ids[0] != ids[1]
    assert [sqlite_store.session(number) is not None for number in ids] == [False, True]


def test_a_session_holds_on_a_server_whose_clock_is_behind(studio: Make, monkeypatch: pytest.MonkeyPatch):
    client = studio()
    with monkeypatch.context() as ahead:
        ahead.setattr(time, "time", lambda real=time.time: real() + 5)
        sign_in(client, **PASSWORD)
    assert client.get("/projects").status_code == 200


def test_a_link_signs_in_once_by_its_form_and_not_when_it_is_opened(studio: Make, sqlite_store: Store):
    sqlite_store.add_sign_in_link("token", "ann", 900)
    first, second, page = studio(), studio(), "/projects/7"
    for _ in range(2):  # as a preview does
        shown = first.get("/sign-in", query_string={"link": "token", "next": page}, headers=BROWSER)
        assert '<input type="hidden" name="link" value="token">' in shown.text
    assert first.get("/projects").status_code == 401
    signed_in = sign_in(first, link="token")
    assert (signed_in.status_code, first.get("/projects").status_code) == (303, 200)
    again = sign_in(second, link="token")
    assert (again.status_code, second.get("/projects").status_code) == (403, 401)
    assert "This link was used before, or is older than 15 minutes." in again.text


def test_a_link_that_is_too_old_or_belongs_to_a_session_opens_nothing(studio: Make, sqlite_store: Store):
    client = studio()
    sqlite_store.add_sign_in_link("old", "ann", -1)
    assert sign_in(client, link="old").status_code == 403
    sign_in(client, **PASSWORD)
    with client.session_transaction() as cookie:
        session_id = cookie["id"]
    assert sign_in(studio(), link=session_id).status_code == 403
    assert sqlite_store.session(session_id) is not None


def test_a_link_needs_the_token_of_its_form_and_a_backend_with_a_key(studio: Make, sqlite_store: Store):
    sqlite_store.add_sign_in_link("token", "ann", 900)
    assert studio().post("/sign-in", data={"link": "token"}, headers=BROWSER).status_code == 403
    assert sign_in(studio(label_studio_api_key=None), link="token").status_code == 403
    assert sign_in(studio(), link="token").status_code == 303, "neither has used it up"


def test_what_a_link_carries_is_escaped(studio: Make):
    shown = studio().get("/sign-in", query_string={"link": '"><script>'}, headers=BROWSER)
    assert "<script>" not in shown.text.replace("<script src", "")


def test_signing_out_ends_the_session_on_every_server(studio: Make):
    first, second = studio(), studio()
    sign_in(first, **PASSWORD)
    stolen = first.get_cookie("active_learning_session").value  # type: ignore[union-attr]
    second.set_cookie("active_learning_session", stolen)
    assert second.get("/projects").status_code == 200
    out = first.post("/sign-out", headers=csrf(first), data={})
    assert (out.status_code, out.location) == (303, "/sign-in")
    assert second.get("/projects").status_code == 401


def test_another_password_ends_the_sessions_of_the_old_one(studio: Make):
    before, after = studio(), studio(basic_auth_pass="another")
    sign_in(before, **PASSWORD)
    after.set_cookie("active_learning_session", before.get_cookie("active_learning_session").value)  # type: ignore[union-attr]
    assert (before.get("/projects").status_code, after.get("/projects").status_code) == (200, 401)


def test_a_label_studio_user_sees_and_changes_the_projects_of_the_organization(
    studio: Make, fake_label_studio: Fake, projects: tuple[int, int], sqlite_store: Store
):
    client, (ours, theirs) = studio(), projects
    assert sign_in(client, key=f" {fake_label_studio.second_token()} ").status_code == 303
    assert listed(client) == [ours]
    change, token = {"strategy": "margin"}, csrf(client)
    assert client.patch(f"/projects/{ours}/settings", json=change, headers=token).status_code == 200
    refused = client.patch(f"/projects/{theirs}/settings", json=change, headers=token)
    assert (refused.status_code, refused.json) == (
        404,
        {"error": f"Label Studio shows {SECOND_USER} no project {theirs}."},
    )
    (entry,) = client.get(f"/projects/{ours}/status").json["setting_changes"]
    assert (entry["who"], entry["changes"]) == (SECOND_USER, {"strategy": ["uherding", "margin"]})
    assert SECOND_USER in client.get(f"/projects/{ours}", headers=BROWSER).text


def test_a_personal_access_token_is_a_way_in(studio: Make, fake_label_studio: Fake, projects: tuple[int, int]):
    with closing(LabelStudio(fake_label_studio.url, fake_label_studio.token)) as client:
        token = client.request("POST", "api/token/")["token"]
    browser = studio()
    assert sign_in(browser, key=token).status_code == 303
    assert projects[0] in listed(browser)


def test_the_key_is_neither_in_the_cookie_nor_in_the_database_nor_in_the_log(
    studio: Make, fake_label_studio: Fake, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    client, key = studio(), fake_label_studio.second_token()
    sign_in(client, key=key)
    sign_in(client, key="wrong" * 8)
    with client.session_transaction() as cookie:
        content = repr(dict(cookie))
    with closing(sqlite3.connect(tmp_path / "store.db")) as connection:
        stored = "\n".join(connection.iterdump())
    for place in (content, stored, caplog.text):
        assert key not in place
        assert "wrong" * 8 not in place


def test_label_studio_is_asked_again_what_a_person_may_see(
    studio: Make, fake_label_studio: Fake, projects: tuple[int, int], monkeypatch: pytest.MonkeyPatch
):
    person = fake_label_studio.server.add_user("leaves@example.com", "c" * 40)
    client = studio()
    sign_in(client, key="c" * 40)
    later = created(fake_label_studio, "c" * 40)
    client.application.extensions["active_learning"].store.ensure_project(later, label_config=CONFIG)
    assert later not in listed(client)
    monkeypatch.setattr(sessions, "CHECK_SECONDS", 0.0)
    assert later in listed(client)
    with fake_label_studio.server.tables.lock:
        person.organization = 99
    assert listed(client) == []
    fake_label_studio.server.remove_user(person)
    assert client.get("/projects").status_code == 401


def test_while_label_studio_is_gone_the_last_answer_holds_for_an_hour(
    studio: Make, fake_label_studio: Fake, projects: tuple[int, int], monkeypatch: pytest.MonkeyPatch
):
    client = studio()
    sign_in(client, key=fake_label_studio.second_token())
    monkeypatch.setattr(sessions, "CHECK_SECONDS", 0.0)
    fake_label_studio.server.faults.down = True
    try:
        assert projects[0] in listed(client)
        monkeypatch.setattr(time, "time", lambda real=time.time: real() + 3700)
        refused = client.get("/projects")
    finally:
        fake_label_studio.server.faults.down = False
    assert (refused.status_code, "for an hour" in refused.json["error"]) == (503, True)


def test_a_page_does_not_wait_for_label_studio_while_others_do(
    studio: Make, fake_label_studio: Fake, projects: tuple[int, int], monkeypatch: pytest.MonkeyPatch
):
    client = studio()
    sign_in(client, key=fake_label_studio.second_token())
    monkeypatch.setattr(sessions, "CHECK_SECONDS", 0.0)
    checks = client.application.extensions["active_learning"].key_checks
    while checks.acquire(blocking=False):
        pass
    later = created(fake_label_studio, fake_label_studio.token)
    client.application.extensions["active_learning"].store.ensure_project(later, label_config=CONFIG)
    assert (projects[0] in listed(client), later in listed(client)) == (True, False)
    checks.release()
    assert later in listed(client)
    assert later in listed(client), "the check that has ended lets the next one begin"


def test_wrong_attempts_are_bounded_and_logged_without_what_was_typed(studio: Make, caplog: pytest.LogCaptureFixture):
    client, wrong = studio(), {"user": "ann", "password": "guess-number"}
    statuses = [sign_in(client, **wrong).status_code for _ in range(11)]
    assert statuses == [403] * 10 + [429]
    right_too_late = sign_in(client, **PASSWORD)
    assert (right_too_late.status_code, int(right_too_late.headers["Retry-After"]) > 60) == (429, True)
    assert client.get("/projects", auth=("ann", "pässword")).status_code == 429, "by the header as little"
    assert "127.0.0.1" in caplog.text
    assert "guess-number" not in caplog.text


def test_an_address_that_sent_the_right_password_is_not_locked_out(studio: Make):
    client = studio()
    assert client.get("/projects", auth=("ann", "pässword")).status_code == 200
    assert {client.get("/projects", auth=("ann", "wrong")).status_code for _ in range(20)} == {401}
    assert client.get("/projects", auth=("ann", "pässword")).status_code == 200


def test_signing_in_with_a_key_gives_no_more_attempts_at_the_password(studio: Make, fake_label_studio: Fake):
    client = studio()
    assert sign_in(client, key=fake_label_studio.second_token()).status_code == 303
    client.delete_cookie("active_learning_session")
    assert [client.get("/projects", auth=("ann", "guess")).status_code for _ in range(11)] == [401] * 10 + [429]


def test_the_script_of_a_page_never_makes_the_browser_ask_for_a_password(studio: Make):
    client = studio()
    assert "WWW-Authenticate" in client.get("/projects").headers
    refused = client.get("/projects", headers={"X-Requested-With": "XMLHttpRequest"})
    assert (refused.status_code, "WWW-Authenticate" in refused.headers) == (401, False)


def test_programs_need_no_csrf_token_and_are_named_in_the_history(
    studio: Make, fake_label_studio: Fake, projects: tuple[int, int]
):
    client, path = studio(), f"/projects/{projects[0]}/settings"
    client.patch(path, json={"batch_size": 7}, auth=("ann", "pässword"))
    client.patch(path, json={"batch_size": 7}, auth=("ann", "pässword"))
    client.patch(path, json={"batch_size": 8}, headers={"Authorization": f"Token {fake_label_studio.token}"})
    status = client.get(f"/projects/{projects[0]}/status", auth=("ann", "pässword")).json
    assert [(change["who"], change["changes"]) for change in status["setting_changes"]] == [
        ("somebody with the backend's key", {"batch_size": [7, 8]}),
        ("basic auth user ann", {"batch_size": [20, 7]}),
    ]


def test_who_changed_a_setting_is_not_told_to_everybody(connected: FlaskClient, sqlite_store: Store):
    sqlite_store.add_setting_change(7, "ann@example.com", {"batch_size": [20, 7]})
    (change,) = connected.get("/projects/7/status").json["setting_changes"]
    assert (change["who"], change["changes"]) == (None, {"batch_size": [20, 7]})
    page = connected.get("/projects/7/details", headers=BROWSER).text
    assert "batch_size: 20 → 7" in page
    assert "ann@example.com" not in page


def test_only_pages_with_a_form_may_send_one_and_none_is_stored(studio: Make):
    client = studio(basic_auth_user=None, basic_auth_pass=None)
    policies = {}
    for path in ("/projects", "/sign-in"):
        page = client.get(path, headers=BROWSER)
        assert page.headers["Cache-Control"] == "no-store"
        policies[path] = page.headers["Content-Security-Policy"]
    assert "form-action 'none'" in policies["/projects"]
    assert "form-action 'self'" in policies["/sign-in"]


def test_health_needs_no_database_even_with_a_cookie_of_another_program(studio: Make, sqlite_store: Store):
    client = studio()
    client.set_cookie("session", "of another program")
    sqlite_store.session_key = lambda _configured: pytest.fail("the database was read")  # type: ignore[method-assign]
    assert client.get("/health").status_code == 200


def test_behind_a_trusted_proxy_attempts_are_counted_by_the_address_that_it_names(studio: Make):
    client = studio(trusted_proxies="127.0.0.0/8")

    def statuses(forwarded: str) -> set[int]:
        headers = {"X-Forwarded-For": forwarded}
        return {client.get("/projects", auth=("ann", "wrong"), headers=headers).status_code for _ in range(12)}

    assert statuses("192.0.2.1, 198.51.100.7") == {401, 429}
    assert statuses("192.0.2.2, 198.51.100.7") == {429}, "what the caller claims itself does not count"
    assert 401 in statuses("198.51.100.8")


def test_ipv4_addresses_in_ipv6_notation_are_counted_one_by_one(studio: Make):
    client = studio(trusted_proxies="127.0.0.0/8")

    def statuses(address: str) -> set[int]:
        headers = {"X-Forwarded-For": address}
        return {client.get("/projects", auth=(address, "wrong"), headers=headers).status_code for _ in range(12)}

    assert statuses("::ffff:198.51.100.7") == {401, 429}
    assert 401 in statuses("::ffff:198.51.100.8")
