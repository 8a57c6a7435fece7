"""Class names and descriptions in the settings of a project: the form, with and without JavaScript, the API, /setup."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest
from flask.testing import FlaskClient
from signing_in import BROWSER, csrf, sign_in

from ml_backend.store import Store
from ml_backend.store.states import RunReason

CONFIG = (
    '<View><Text name="t" value="$t"/><Choices name="c" toName="t"><Choice value="billing"/>'
    '<Choice value="Re: bug"/></Choices></View>'
)
PAGE, SETTINGS = "/projects/7/strategy", "/projects/7/settings"


@pytest.fixture
def signed_in(make_client: Any, sqlite_store: Store) -> FlaskClient:
    """A person who has signed in, before project 7."""
    sqlite_store.ensure_project(7, label_config=CONFIG)
    client: FlaskClient = make_client(basic_auth_user="ann", basic_auth_pass="secret")
    assert sign_in(client, user="ann", password="secret").status_code == 303
    return client


def fields(client: FlaskClient) -> dict[str, str]:
    """What a browser without JavaScript sends of the form of settings."""
    form = re.search(r'<form id="settings".*?</form>', client.get(PAGE, headers=BROWSER).text, re.DOTALL)
    assert form
    found = dict(re.findall(r'<input[^>]* name="(\w+)"[^>]* value="([^"]*)"', form[0]))
    found |= dict(re.findall(r'<input name="(\w+)"[^>]* value="([^"]*)"', form[0]))
    for name, options in re.findall(r'<select name="(\w+)".*?>(.*?)</select>', form[0]):
        chosen = re.search(r"<option selected>(\w+)", options)
        assert chosen, f"{name} has no value"
        found[name] = chosen[1]
    # A browser leaves out the first line break of a text area, and sends the others as CR LF.
    areas = re.findall(r'<textarea name="(\w+)"[^>]*>\n?(.*?)</textarea>', form[0], re.DOTALL)
    found |= {name: text.replace("\n", "\r\n") for name, text in areas}
    return {name: html.unescape(value) for name, value in found.items()}


def patch(client: FlaskClient, changes: dict[str, Any]) -> Any:
    return client.patch(SETTINGS, json=changes, headers=csrf(client))


def settings(client: FlaskClient) -> dict[str, Any]:
    return dict(client.get(SETTINGS).json)


def test_the_form_has_a_line_for_each_class_and_is_saved_without_javascript(
    signed_in: FlaskClient, sqlite_store: Store
):
    typed = fields(signed_in)
    assert typed["class_descriptions"] == 'billing:\r\n"Re: bug":'
    before = settings(signed_in)
    assert signed_in.post(SETTINGS, data=typed, headers=BROWSER).status_code == 303
    assert settings(signed_in) == before, "what nobody changed stays as it is"
    assert not sqlite_store.take_requests(7)
    typed["class_descriptions"] = 'billing: About <invoices>.\r\n"Re: bug":'
    saved = signed_in.post(SETTINGS, data=typed | {"batch_size": "7", "class_names": "off"}, headers=BROWSER)
    assert (saved.status_code, saved.location) == (303, f"{PAGE}#settings")
    described = {"class_descriptions": {"billing": "About <invoices>."}, "batch_size": 7, "class_names": "off"}
    assert settings(signed_in) == before | described
    assert sqlite_store.take_requests(7) == [RunReason.SETTINGS]
    again = fields(signed_in)
    assert again["class_descriptions"] == 'billing: About <invoices>.\r\n"Re: bug":'
    assert again["class_names"] == "off"
    assert "billing: About &lt;invoices&gt;." in signed_in.get(PAGE, headers=BROWSER).text


def test_a_form_does_not_undo_what_somebody_else_changed_since_it_was_shown(signed_in: FlaskClient):
    typed = fields(signed_in)
    patch(signed_in, {"strategy": "margin", "text_fields": ["t"]})
    signed_in.post(SETTINGS, data=typed | {"batch_size": ""}, headers=BROWSER)
    signed_in.post(SETTINGS, data=typed | {"balance": "3"}, headers=BROWSER)
    now = settings(signed_in)
    assert (now["strategy"], now["text_fields"], now["batch_size"], now["balance"]) == ("margin", ["t"], 20, 3)


def test_a_form_needs_the_token_of_its_page(signed_in: FlaskClient):
    typed = fields(signed_in) | {"batch_size": "7"}
    for token in ("", "wrong"):
        assert signed_in.post(SETTINGS, data=typed | {"csrf_token": token}, headers=BROWSER).status_code == 403
    assert settings(signed_in)["batch_size"] == 20


def test_a_person_whose_browser_sends_basic_auth_saves_the_form_with_its_token_only(
    make_client: Any, sqlite_store: Store
):
    sqlite_store.ensure_project(7, label_config=CONFIG)
    client = make_client(basic_auth_user="ann", basic_auth_pass="secret")
    client.environ_base["HTTP_AUTHORIZATION"] = "Basic YW5uOnNlY3JldA=="
    assert "form-action 'self'" in client.get(PAGE, headers=BROWSER).headers["Content-Security-Policy"]
    typed = fields(client) | {"batch_size": "7"}
    assert client.post(SETTINGS, data=typed | {"csrf_token": ""}, headers=BROWSER).status_code == 403
    assert settings(client)["batch_size"] == 20, "a browser sends basic auth also for a page of another site"
    assert client.post(SETTINGS, data=typed, headers=BROWSER).status_code == 303
    assert settings(client)["batch_size"] == 7


def test_what_the_form_holds_and_cannot_be_used_is_refused_with_a_sentence(signed_in: FlaskClient):
    typed = fields(signed_in)
    for changes, words in (
        ({"class_descriptions": "billing: x\nbilings: y"}, "no class &#39;bilings&#39;; it has &#39;billing&#39;"),
        ({"batch_size": "many"}, "batch_size"),
        ({"shown": "no JSON"}, "are unchanged"),
    ):
        refused = signed_in.post(SETTINGS, data=typed | changes, headers=BROWSER)
        assert refused.status_code == 400
        assert words in refused.text
    assert settings(signed_in)["class_descriptions"] is None


def test_descriptions_of_many_classes_in_any_script_fit_into_the_form(signed_in: FlaskClient, sqlite_store: Store):
    names = [f"类别{n}" for n in range(90)]
    choices = "".join(f'<Choice value="{name}"/>' for name in names)
    sqlite_store.update_project(7, label_config=f"{CONFIG.split('<Choice ', maxsplit=1)[0]}{choices}</Choices></View>")
    described = dict.fromkeys(names, "说" * 1000)
    assert patch(signed_in, {"class_descriptions": described}).status_code == 200
    assert signed_in.post(SETTINGS, data=fields(signed_in) | {"batch_size": "7"}, headers=BROWSER).status_code == 303
    assert settings(signed_in)["class_descriptions"] == described
    assert settings(signed_in)["batch_size"] == 7


def test_a_class_that_the_label_config_lacks_is_refused_by_api_and_connect_form(
    signed_in: FlaskClient, sqlite_store: Store
):
    refused = patch(signed_in, {"class_descriptions": {"gone": "x"}})
    assert refused.status_code == 400
    assert "the label config has no class 'gone'; it has 'billing', 'Re: bug'" in refused.json["error"]
    body = {"project": "7.1", "schema": CONFIG, "extra_params": '{"class_descriptions": "gone: x"}'}
    refused = signed_in.post("/setup", json=body, auth=("ann", "secret"))
    assert refused.status_code == 400
    assert "no class 'gone'; it has 'billing'" in refused.json["error"]
    added = CONFIG.replace("billing", "gone")
    assert signed_in.post("/setup", json=body | {"schema": added}, auth=("ann", "secret")).status_code == 200


def test_a_class_that_leaves_the_label_config_stops_nothing_and_is_named(signed_in: FlaskClient, sqlite_store: Store):
    described = {"class_descriptions": {"billing": "x"}}
    assert patch(signed_in, described).status_code == 200
    sqlite_store.update_project(7, label_config=CONFIG.replace("billing", "invoices"))
    status = signed_in.get("/projects/7/status").json
    assert any("describes 'billing', which the label config does not have" in note for note in status["reads"]["notes"])
    assert fields(signed_in)["class_descriptions"] == 'invoices:\r\n"Re: bug":\r\nbilling: x'
    assert patch(signed_in, {"batch_size": 5}).status_code == 200
    assert signed_in.post(SETTINGS, data=fields(signed_in) | {"seed": "3"}, headers=BROWSER).status_code == 303
    assert settings(signed_in)["class_descriptions"] == {"billing": "x"}


def test_a_form_token_is_shown_only_to_who_may_change(make_client: Any, sqlite_store: Store):
    sqlite_store.ensure_project(7, label_config=CONFIG)
    page = make_client().get(PAGE, headers=BROWSER)
    assert 'name="csrf_token"' not in page.text
    assert "form-action 'none'" in page.headers["Content-Security-Policy"]
