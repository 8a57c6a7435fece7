"""A strategy in a file of the user, in the simulator: the example of the documentation, and a file that changes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pandas as pd
import pytest
from small_texts import table
from typer.testing import CliRunner

from simulator.cli.app import app

PAGE = (Path(__file__).parents[3] / "docs" / "strategies.md").read_text()
EXAMPLE = re.search(r"```python\n(# spread_margin.py.*?)```", PAGE, re.DOTALL)[1]


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.chdir(tmp_path)
    table(120).to_csv("texts.csv", index=False)
    Path("spread_margin.py").write_text(EXAMPLE)
    words = "run --data texts.csv --embeddings tfidf --initial-size 10 --batch-size 10 --cycles 2 --seeds 2 --out out"
    return [*words.split(), "--strategies", "random,./spread_margin.py", "--cache", str(tmp_path / "cache")]


def test_the_example_of_the_documentation_runs_in_worker_processes(command: list[str]):
    done = CliRunner().invoke(app, [*command, "--jobs", "2"])
    assert done.exit_code == 0, done.output
    results = pd.read_parquet("out/results.parquet")
    assert results.groupby("strategy")["seed"].nunique().to_dict() == {"random": 2, "spread_margin": 2}
    curves = results.pivot(index=["seed", "n_labeled"], columns="strategy", values="nll")
    assert (curves["random"] != curves["spread_margin"]).any()
    assert len(json.loads(Path("out/run.json").read_text())["strategy_files"]["spread_margin"]) == 64


def test_runs_of_a_changed_file_are_not_mixed_with_those_before(command: list[str]):
    assert CliRunner().invoke(app, command).exit_code == 0
    assert CliRunner().invoke(app, command).exit_code == 0
    Path("spread_margin.py").write_text(EXAMPLE.replace("4 * batch_size", "5 * batch_size"))
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 1
    assert "from this one before it was changed: give the file another name" in " ".join(done.output.split())


def test_a_file_that_does_not_conform_is_refused_before_the_first_run(command: list[str]):
    Path("spread_margin.py").write_text("def select(pool, batch_size, rng):\n    return [0] * batch_size\n")
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 1
    assert "must return 1 different unlabelled rows" in " ".join(done.output.split())
    assert not Path("out").exists()


def test_advice_does_not_recommend_a_file_that_no_project_can_use(command: list[str]):
    done = CliRunner().invoke(app, ["advise", "--data", "texts.csv", "--strategies", "./spread_margin.py"])
    assert done.exit_code == 1
    assert "compare it by `run`, and install it as a package" in " ".join(done.output.split())
