"""Keys, passwords and addresses as people write them: cleaned, or refused by a sentence without the secret."""

from __future__ import annotations

import logging

import pytest
from pydantic import ValidationError
from typer.testing import CliRunner

from ml_backend.cli import app
from ml_backend.settings import Settings, SettingsError, load_settings, variables

SECRET = "secret0123456789"


@pytest.fixture(autouse=True)
def _empty(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in variables():
        monkeypatch.delenv(name, raising=False)


def refusal(monkeypatch: pytest.MonkeyPatch, **environment: str) -> str:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as problem:
        load_settings()
    return str(problem.value)


@pytest.mark.parametrize("around", ["\n", " ", "\r\n", "\t", "\u00a0", "\ufeff", "\u200b"], ids=ascii)
@pytest.mark.parametrize("name", ["LABEL_STUDIO_API_KEY", "BASIC_AUTH_PASS", "WEBHOOK_SECRET", "LABEL_STUDIO_URL"])
def test_white_space_around_a_value_is_not_part_of_it(monkeypatch: pytest.MonkeyPatch, name: str, around: str):
    value = "http://studio:8080" if name == "LABEL_STUDIO_URL" else SECRET
    monkeypatch.setenv("BASIC_AUTH_USER", f"{around}ann{around}")
    monkeypatch.setenv("BASIC_AUTH_PASS", "any")
    monkeypatch.setenv(name, f"{around}{value}{around}")
    settings = load_settings()
    assert getattr(settings, name.lower()) == value
    assert settings.basic_auth_user == "ann"


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        (f"“{SECRET}”", "has quotes in it"),
        (f"'{SECRET}'", "has quotes in it"),
        (f"{SECRET}’", "has quotes in it"),
        (f"{SECRET} {SECRET}", "has white space inside"),
        (f"Bearer {SECRET}", "starts with 'Token' or 'Bearer'"),
        (f"{SECRET}ü", "has a character that no key has, at place 17 of 17"),
        ("…", "is the placeholder of an example"),
        ("<your key>", "is the placeholder of an example"),
        ("change-me-to-40-hex-characters", "is the placeholder of an example"),
    ],
)
def test_a_key_that_cannot_be_one_is_refused_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, written: str, sentence: str
):
    said = refusal(monkeypatch, LABEL_STUDIO_API_KEY=written)
    assert f"LABEL_STUDIO_API_KEY: {sentence}" in said
    assert "secret" not in said


@pytest.mark.parametrize(
    ("name", "written", "sentence"),
    [
        ("BASIC_AUTH_PASS", f'"{SECRET}"', "is in quotes"),
        ("BASIC_AUTH_PASS", f"„{SECRET}“", "is in quotes"),
        ("BASIC_AUTH_PASS", f"{SECRET}\n{SECRET}", "has a line break"),
        ("BASIC_AUTH_PASS", "…", "is the placeholder"),
        ("BASIC_AUTH_PASS", "change-me", "is the placeholder of an example; make one with `openssl rand -hex 20`"),
        ("BASIC_AUTH_PASS", "Password", "is the placeholder of an example"),
        ("WEBHOOK_SECRET", "change_me_to_something", "is the placeholder of an example"),
        ("WEBHOOK_SECRET", "your-webhook-secret", "is the placeholder of an example"),
        ("LABEL_STUDIO_API_KEY", "change-me-to-40-hex-characters", "is the placeholder of an example; the key is in"),
        ("SECRET_KEY", "dev", "has fewer than 32 characters"),
        ("SECRET_KEY", "change-me-to-a-long-string-of-my-own-choice", "is the placeholder of an example"),
        (
            "DATABASE_URL",
            "postgresql://u:change-me@host/name",
            "has the placeholder of an example as its password; make",
        ),
        ("REDIS_URL", "redis://:changeme@host:6379/0", "has the placeholder of an example as its password; make"),
        ("BASIC_AUTH_USER", f"{SECRET}:{SECRET}", "has a colon in it"),
        ("BASIC_AUTH_USER", "...", "is the placeholder of an example; choose a name of your own"),
        ("BASIC_AUTH_USER", "<user>", "is the placeholder of an example; choose a name of your own"),
        ("BASIC_AUTH_USER", "change-me", "is the placeholder of an example; choose a name of your own"),
        ("BASIC_AUTH_PASS", "...", "is the placeholder of an example; make one"),
        ("BASIC_AUTH_PASS", "admin", "is the placeholder of an example; make one"),
        ("WEBHOOK_SECRET", f"{SECRET}ü", "has a character that a header cannot have"),
        ("LABEL_STUDIO_URL", f"http://ann:{SECRET}@studio", "has a user or a password in it"),
        ("LABEL_STUDIO_URL", f"ann:{SECRET}@studio", "has a user or a password in it"),
        ("LABEL_STUDIO_URL", f"http://studio:{SECRET}", "has no host name, one that no server has, or a port"),
    ],
)
def test_other_secrets_are_refused_by_name_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, name: str, written: str, sentence: str
):
    values = {"BASIC_AUTH_USER": "ann", "BASIC_AUTH_PASS": "word", name: written}
    said = refusal(monkeypatch, **values)
    assert f"{name}: {sentence}" in said
    assert "secret" not in said


def test_a_word_that_is_no_password_may_be_a_user(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("BASIC_AUTH_USER", "admin")
    monkeypatch.setenv("BASIC_AUTH_PASS", "a word")
    assert load_settings().basic_auth == ("admin", "a word")


def test_passwords_may_hold_spaces_letters_of_any_language_and_single_quotes(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("BASIC_AUTH_USER", "Zoë")
    monkeypatch.setenv("BASIC_AUTH_PASS", "it's a pässword")
    assert load_settings().basic_auth == ("Zoë", "it's a pässword")


@pytest.mark.parametrize(
    "url", ["postgresql://admin@host/name", "postgresql://u:p%40ss@host/name", "postgresql:///name"]
)
def test_addresses_of_databases_with_other_passwords_are_taken_as_they_are(monkeypatch: pytest.MonkeyPatch, url: str):
    monkeypatch.setenv("DATABASE_URL", url)
    assert load_settings().database_url == url


@pytest.mark.parametrize(
    ("written", "own"),
    [
        ("http://studio:8080/projects/27/data", "http://studio:8080"),
        ("http://studio:8080/projects/27/data?tab=3&task=1", "http://studio:8080"),
        ("http://studio:8080/projects/", "http://studio:8080"),
        ("https://host/ls/projects/27/settings/ml", "https://host/ls"),
        ("https://host/user/login/", "https://host"),
        ("https://host/user/account/personal-access-token", "https://host"),
        ("https://host/api", "https://host"),
        ("https://host/api/projects", "https://host"),
        ("https://host/#top", "https://host"),
    ],
)
def test_an_address_below_label_studios_own_names_its_own(monkeypatch: pytest.MonkeyPatch, written: str, own: str):
    for name in ("LABEL_STUDIO_URL", "LABEL_STUDIO_PUBLIC_URL"):
        said = refusal(monkeypatch, **{name: written})
        assert f"is an address below Label Studio's own; set it to {own}." in said
        monkeypatch.delenv(name)


@pytest.mark.parametrize("written", ["http://backend:9090/health", "http://backend:9090/projects/3"])
def test_an_address_below_the_backends_own_names_its_own(monkeypatch: pytest.MonkeyPatch, written: str):
    said = refusal(monkeypatch, BACKEND_URL=written)
    assert "is an address below the backend's own; set it to http://backend:9090." in said


@pytest.mark.parametrize(
    "written", ["https://host/ls", "https://host/projects/label-studio", "https://host/api/label-studio"]
)
def test_a_path_that_may_be_a_prefix_is_kept(monkeypatch: pytest.MonkeyPatch, written: str):
    monkeypatch.setenv("LABEL_STUDIO_URL", f"{written}/")
    assert load_settings().label_studio_url == written


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ("studio:8080", "must start with http:// or https://, not 'studio:8080'"),
        ("“http://studio”", "is in quotes"),
        ("http://", "has no host name"),
        ("http://studio:80a", "has no host name, one that no server has, or a port"),
        ("http://my studio", "has white space inside"),
        ("http://…", "has no host name"),
        ("http://studio..example.com", "has no host name, one that no server has"),
        (f"http://{'x' * 64}.example.com", "has no host name, one that no server has"),
    ],
)
def test_what_is_no_address_is_refused(monkeypatch: pytest.MonkeyPatch, written: str, sentence: str):
    assert f"LABEL_STUDIO_URL: {sentence}" in refusal(monkeypatch, LABEL_STUDIO_URL=written)


def test_settings_show_no_secret_when_they_are_printed():
    values = dict.fromkeys(("label_studio_api_key", "basic_auth_user", "basic_auth_pass", "webhook_secret"), SECRET)
    assert SECRET not in repr(Settings(**values, database_url=f"postgresql://u:{SECRET}@h/d"))


@pytest.mark.parametrize(
    "command",
    [["doctor"], ["connect", "3"], ["serve"], ["worker"], ["export", "3", "x"], ["label-copies", "3"]],
)
def test_every_command_says_what_is_wrong_with_the_address_and_the_key(
    monkeypatch: pytest.MonkeyPatch, command: list[str], caplog: pytest.LogCaptureFixture
):
    monkeypatch.setenv("LABEL_STUDIO_URL", "http://studio/projects/27/data")
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", f"“{SECRET}”")
    caplog.set_level(logging.DEBUG)
    result = CliRunner().invoke(app, command)
    said = " ".join(result.output.split())
    assert result.exit_code == 2
    assert "is an address below Label Studio's own; set it to http://studio;" in said
    assert "LABEL_STUDIO_API_KEY: has quotes in it" in said
    assert "secret" not in said + caplog.text


def test_a_traceback_of_a_command_shows_no_values():
    assert app.pretty_exceptions_show_locals is False, "they hold the key"


def test_an_error_of_the_settings_themselves_shows_no_value():
    with pytest.raises(ValidationError) as problem:
        Settings(label_studio_api_key=f"“{SECRET}”")
    assert SECRET not in str(problem.value)


def test_what_looks_like_markup_in_a_message_is_printed_as_it_is(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("LABEL_STUDIO_URL", "[/red]studio")
    result = CliRunner().invoke(app, ["doctor"])
    assert (result.exit_code, type(result.exception)) == (2, SystemExit)
    assert "not '[/red]studio'" in " ".join(result.output.split())
