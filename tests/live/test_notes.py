"""What was chosen where a label config leaves a choice is logged by the run that sees it before /setup does."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest
from project_runs import MakeProject

from ml_backend.labelstudio.label_config import parse
from ml_backend.pipeline import open_run

NOTE = "The texts `title` and `body` are read."


def test_notes_are_logged_once_per_change(
    make_project: MakeProject, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(open_run, "parse", lambda *chosen: replace(parse(*chosen), notes=(NOTE,)))
    caplog.set_level(logging.INFO)
    project = make_project()
    line = f"project {project.id}: {NOTE}"
    changed = project.client.project(project.id).label_config.replace("<View>", "<View><Header value='Hello'/>")
    for label_config, lines in ((None, 0), (changed, 1), (None, 1)):
        if label_config is not None:
            project.change(label_config=label_config)
        project.run("project")
        assert [r.getMessage() for r in caplog.records].count(line) == lines
