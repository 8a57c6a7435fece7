"""The alert rules and the dashboard name metrics that exist, and the page explains every alert."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import evaluations
import pytest
import yaml
from flask.testing import FlaskClient

from ml_backend.store import Store
from ml_backend.store.learning_records import LabelStudioUse, RunRecord
from ml_backend.store.states import ProjectState

REPOSITORY = Path(__file__).parents[2]
FOLDER = REPOSITORY / "deploy" / "monitoring"
ALERTS = [rule for group in yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"] for rule in group["rules"]]
PANELS = json.loads((FOLDER / "dashboard.json").read_text())["panels"]


@pytest.fixture
def exposed(web: FlaskClient, sqlite_store: Store) -> dict[str, set[str]]:
    """Name of every metric of a server with a project → names of its labels."""
    sqlite_store.ensure_project(7, last_success_at=time.time())
    sqlite_store.report_worker("worker 1")
    use = LabelStudioUse(1, 1.0)
    sqlite_store.add_run(RunRecord(7, 0.0, 1, "v", "badge", "", 1, [], {"fit": 1.0}, use, 0, 0, 0, 0))
    evaluations.put(sqlite_store, 7, [evaluations.body()])
    web.get("/health")
    text = web.get("/metrics").get_data(as_text=True)
    samples = re.findall(r"^(active_learning_\w+)(?:\{([^}]*)\})? ", text, re.MULTILINE)
    return {name: set(re.findall(r"(\w+)=", labels)) for name, labels in samples}


def expressions() -> list[str]:
    return [rule["expr"] for rule in ALERTS] + [target["expr"] for panel in PANELS for target in panel["targets"]]


def test_every_metric_of_the_rules_and_the_dashboard_exists(exposed: dict[str, set[str]]):
    named = {name for expression in expressions() for name in re.findall(r"active_learning_\w+", expression)}
    assert len(named) > 15
    assert named <= exposed.keys()


def test_every_label_of_the_rules_and_the_dashboard_exists(exposed: dict[str, set[str]]):
    labels = {"instance", "job"}.union(*exposed.values())
    texts = [rule["annotations"]["summary"] for rule in ALERTS] + [
        t["legendFormat"] for p in PANELS for t in p["targets"]
    ]
    used = {name for text in texts for name in re.findall(r"\{\{ ?(?:\$labels\.)?(\w+) ?\}\}", text)}
    used |= {name for expression in expressions() for name in re.findall(r"[{,] ?(\w+)=", expression)}
    assert used
    assert used <= labels


def test_the_page_explains_every_alert():
    page = (REPOSITORY / "docs" / "monitoring.md").read_text()
    assert re.findall(r"^\| `(ActiveLearning\w+)` \|", page, re.MULTILINE) == [rule["alert"] for rule in ALERTS]


def test_panels_do_not_overlap():
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in PANELS]
    assert len(set(places)) == len(places)


def test_no_alert_waits_for_runs_of_a_project_that_a_person_disconnected(web: FlaskClient, sqlite_store: Store):
    for number, state in ((7, ProjectState.DISCONNECTED), (8, ProjectState.FAILED)):
        sqlite_store.ensure_project(number, last_success_at=time.time(), state=state, error="a problem")
    text = web.get("/metrics").get_data(as_text=True)
    assert 'active_learning_failing{project="7"} 0.0' in text
    assert 'active_learning_failing{project="8"} 1.0' in text
    assert 'active_learning_seconds_since_success{project="7"}' not in text
    assert 'active_learning_seconds_since_success{project="8"}' in text
