"""Stored settings that are no longer valid: of a removed strategy, or of a newer version."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from ml_backend.labelstudio.label_config import parse
from ml_backend.pipeline.extra_params import settings_from_extra_params
from ml_backend.project_settings import ProjectSettings, SettingsError
from ml_backend.store import Store

AUTHORIZED = {"Authorization": "Token label-studio-key"}
SETTINGS = "/projects/7/settings"


@pytest.fixture(params=[{"strategy": "from_a_removed_package"}, {"setting_of_a_newer_version": 3}], ids=str)
def unusable(request: pytest.FixtureRequest, connected: FlaskClient, sqlite_store: Store) -> dict[str, Any]:
    """Stored settings that cannot be used; the project's batch size can."""
    sqlite_store.update_project(7, settings={**request.param, "batch_size": 9})
    return dict(request.param)


def test_the_pages_show_the_settings_that_can_be_used(unusable: dict[str, Any], connected: FlaskClient):
    expected = ProjectSettings(batch_size=9).model_dump(mode="json")
    assert connected.get(SETTINGS, headers=AUTHORIZED).json == expected
    assert connected.get("/projects/7/status").json["settings"] == expected
    assert connected.get("/projects/7", headers={"Accept": "text/html"}).status_code == 200
    task = {"id": 1, "data": {"text": "hello"}}
    assert connected.post("/predict", json={"tasks": [task], "project": "7.1"}).status_code == 200


@pytest.mark.parametrize("chosen", ["margin", "uherding"], ids=["another", "the default"])
def test_choosing_another_strategy_repairs_the_settings(
    unusable: dict[str, Any], connected: FlaskClient, sqlite_store: Store, chosen: str
):
    sqlite_store.take_requests(7)
    assert connected.patch(SETTINGS, json={"strategy": chosen}, headers=AUTHORIZED).status_code == 200
    stored = sqlite_store.project(7)
    assert stored is not None
    assert ProjectSettings.of_project(stored.settings) == ProjectSettings(batch_size=9, strategy=chosen)
    assert sqlite_store.take_requests(7) == ["settings"]


def test_the_connect_form_repairs_the_settings(unusable: dict[str, Any], sqlite_store: Store):
    project = sqlite_store.project(7)
    assert project is not None
    changes = settings_from_extra_params(project, {"strategy": "margin"})
    assert changes["settings"] == {"strategy": "margin", "batch_size": 9}


def test_a_run_names_the_settings_that_cannot_be_used(unusable: dict[str, Any], sqlite_store: Store):
    project = sqlite_store.project(7)
    assert project is not None
    assert parse(project.label_config)
    (value,) = (name if name.startswith("setting") else chosen for name, chosen in unusable.items())
    with pytest.raises(SettingsError, match=f"unknown (strategy|setting) '{value}'; known: "):
        ProjectSettings.of_project(project.settings)
