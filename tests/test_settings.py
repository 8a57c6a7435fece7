"""Settings in the environment, and the errors for values that cannot be used."""

from __future__ import annotations

import pytest

from ml_backend.settings import SettingsError, load_settings, variables


@pytest.fixture(autouse=True)
def _empty(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in variables():
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("present", "missing"), [("BASIC_AUTH_USER", "BASIC_AUTH_PASS"), ("BASIC_AUTH_PASS", "BASIC_AUTH_USER")]
)
def test_half_of_basic_auth_is_refused_and_no_secret_is_shown(
    monkeypatch: pytest.MonkeyPatch, present: str, missing: str
):
    monkeypatch.setenv(present, "hidden")
    monkeypatch.setenv(missing, "")
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", "hidden")
    with pytest.raises(SettingsError) as refused:
        load_settings()
    assert f"{present} is set without {missing}" in str(refused.value)
    assert "hidden" not in str(refused.value)


def test_basic_auth_is_on_with_both_and_off_with_neither(monkeypatch: pytest.MonkeyPatch):
    assert not load_settings().basic_auth_on
    monkeypatch.setenv("BASIC_AUTH_USER", "ann")
    monkeypatch.setenv("BASIC_AUTH_PASS", "secret")
    assert load_settings().basic_auth == ("ann", "secret")


def test_the_backend_address_is_backend_url_or_localhost_with_the_port(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PORT", "9999")
    assert load_settings().address == "http://localhost:9999"
    monkeypatch.setenv("BACKEND_URL", "https://backend.example/")
    assert load_settings().address == "https://backend.example"
    monkeypatch.setenv("BACKEND_URL", "backend.example")
    with pytest.raises(SettingsError, match="BACKEND_URL: must start with http"):
        load_settings()


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PORT", "")
    monkeypatch.setenv("LABEL_STUDIO_URL", "")
    monkeypatch.setenv("LABEL_STUDIO_HOST", "http://studio:8080")
    settings = load_settings()
    assert (settings.port, settings.label_studio_url) == (9090, "http://studio:8080")


@pytest.mark.parametrize(
    "model", ["minilm", " minilm:int8 ", "mpnet", "owner/model", "/models/own", "./vectors.parquet"]
)
def test_an_embedding_model_that_may_exist_is_accepted_without_looking_for_it(
    monkeypatch: pytest.MonkeyPatch, model: str
):
    monkeypatch.setenv("EMBEDDING_MODEL", model)
    assert load_settings().embedding_model == model.strip()
