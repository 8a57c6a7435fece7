"""What was chosen where a label config leaves a choice is logged when the project is set up, once per change."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest
from flask.testing import FlaskClient

from ml_backend.labelstudio.label_config import parse
from ml_backend.store import Store
from ml_backend.web.label_studio_routes import setup

CONFIG = (
    '<View><Text name="t" value="$text"/><Choices name="c" toName="t">'
    '<Choice value="a"/><Choice value="b"/></Choices></View>'
)
NOTE = "The texts `title` and `body` are read."


def test_notes_are_logged_once_per_change(
    web: FlaskClient, sqlite_store: Store, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    sqlite_store.ensure_project(7)
    monkeypatch.setattr(setup, "parse", lambda *chosen: replace(parse(*chosen), notes=(NOTE,)))
    caplog.set_level(logging.INFO)
    for schema, lines in ((CONFIG, 1), (CONFIG, 1), (CONFIG.replace('"b"', '"z"'), 2)):
        assert web.post("/setup", json={"project": "7.1", "schema": schema}).status_code == 200
        assert [r.getMessage() for r in caplog.records].count(f"project 7: {NOTE}") == lines
