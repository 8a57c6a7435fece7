"""`python -m simulator live` and `advise` on a real project."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from live_loop import Loop, gold_texts, wait_until
from typer.testing import CliRunner

from ml_backend.commands.demo.messages import messages
from ml_backend.labelstudio.client import LabelStudio
from simulator.cli.app import app
from simulator.experiment.results import COLUMNS


@pytest.fixture
def environment(loop: Callable[..., Loop], monkeypatch: pytest.MonkeyPatch) -> Loop:
    project = loop(gold_texts(150), strategy="margin", batch_size=10, retrain_every=10, seed=5)
    monkeypatch.setenv("LABEL_STUDIO_URL", project.label_studio.url)
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", project.label_studio.token)
    project.embedded()
    return project


def command(*arguments: object) -> tuple[int, str]:
    done = CliRunner().invoke(app, [str(a) for a in arguments])
    return done.exit_code, done.output


def test_two_simulated_annotators_with_skips_and_errors_are_replayed_and_measured(
    environment: Loop, second_user: LabelStudio, tmp_path: Path
):
    held_back = pd.DataFrame([{"text": m.text, "label": m.label} for m in messages()[600:900]])
    held_back.assign(split=["train", "test"] * 150).to_parquet(tmp_path / "messages.parquet")
    keys = ["--key", environment.label_studio.token, "--key", str(second_user._api_key)]
    behaviour = ["--noise", 0.1, "--skip", 0.2, "--pause", 0.01, "--labels", 30]
    where = ["--data", tmp_path / "messages.parquet", "--out", tmp_path / "out"]
    status, output = command("live", "--project", environment.project_id, *where, *keys, *behaviour)
    assert status == 0, output
    results = pd.read_parquet(tmp_path / "out" / "results.parquet")
    assert list(results.columns) == COLUMNS
    assert results.n_labeled.tolist() == [0, 10, 20, 30], "before the first label the head knows the class names"
    assert (results.strategy.unique().tolist(), results.seed.unique().tolist()) == (["margin"], [5])
    assert results.fit_seconds[1:].notna().any()
    counted = wait_until("30 labels", lambda: environment.status()["labeled"] >= 30 and environment.status())
    # A task that one of them skipped may have been labelled by the other since.
    annotations = [
        a for page in environment.client.task_pages(environment.project_id) for t in page.tasks for a in t.annotations
    ]
    assert any(annotation.cancelled for annotation in annotations)
    assert counted["annotators"] == 2


def test_a_wrong_gold_field_is_named(environment: Loop, tmp_path: Path):
    held_back = pd.DataFrame([{"text": m.text, "label": m.label} for m in messages()[600:700]])
    held_back.to_parquet(tmp_path / "messages.parquet")
    where = ["--data", tmp_path / "messages.parquet", "--out", tmp_path / "out", "--gold", "truth"]
    status, output = command("live", "--project", environment.project_id, *where)
    assert status == 1
    assert "None in its field 'truth'" in output
    assert "--gold" in output


def test_advice_is_refused_while_a_project_has_few_labels(environment: Loop):
    person = environment.person()
    for _ in range(12):
        person.label_next()
    status, output = command("advise", "--project", environment.project_id)
    assert status == 1
    assert "advice needs" in output
