"""Runs of a head that knows the class names: beside those of the plain head, resumed, and added to old results."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from quiet_progress import Quiet
from small_experiments import small_experiment
from small_texts import WORDS, Hashed, hashed
from typer.testing import CliRunner

from simulator.cli.app import app
from simulator.data import vector_cache
from simulator.data.class_descriptions import ANY, ClassDescriptions
from simulator.experiment.budget import Budget
from simulator.experiment.definition import Experiment
from simulator.experiment.grid import Cell, HeadKind
from simulator.experiment.manifest import AnotherExperiment
from simulator.experiment.results import Results, same_results
from simulator.experiment.runner import run

BOTH = (HeadKind.PLAIN, HeadKind.NAMED)
WORDS_OF_TEXTS = ClassDescriptions("mine.json", {ANY: WORDS})


class Listener(Quiet):
    """Progress that keeps what is said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, line: str) -> None:
        self.said.append(line)


@pytest.fixture
def experiment(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Experiment:
    monkeypatch.setattr(vector_cache, "embed", hashed)
    monkeypatch.setattr(vector_cache, "embedder_of_classes", lambda embedding, train: Hashed())
    return small_experiment(data, tmp_path, heads=BOTH, descriptions=WORDS_OF_TEXTS, budget=Budget(0, 5, 3))


def simulated(experiment: Experiment) -> pd.DataFrame:
    outcome = run(experiment, Listener())
    assert not outcome.failed
    return pd.read_parquet(experiment.out / "results.parquet")


def test_a_head_that_knows_the_descriptions_predicts_without_a_label(experiment: Experiment):
    table = simulated(experiment)
    at_zero = table[table.n_labeled == 0].groupby("head")["accuracy"].mean()
    assert at_zero["plain"] == pytest.approx(1 / 3)
    assert at_zero["named"] > 0.6
    assert table.groupby("head").size().to_dict() == {"named": 16, "plain": 16}
    assert sorted(table.n_labeled.unique()) == [0, 5, 10, 15]


def test_results_with_the_plain_head_are_those_of_a_command_without_heads(experiment: Experiment, tmp_path: Path):
    both = simulated(experiment)
    plain = simulated(replace(experiment, heads=(HeadKind.PLAIN,), out=tmp_path / "plain"))
    assert same_results(both[both["head"] == "plain"].reset_index(drop=True), plain)
    assert "class_texts" not in json.loads((tmp_path / "plain" / "run.json").read_text())


def test_results_without_a_head_are_of_the_plain_head_and_go_on(experiment: Experiment):
    plain = simulated(replace(experiment, heads=(HeadKind.PLAIN,)))
    for path in Results(experiment.out).parts.rglob("*.json"):
        part = json.loads(path.read_text())
        del part["cell"]["head"]
        path.write_text(json.dumps(part))
    manifest = experiment.out / "run.json"
    manifest.write_text(json.dumps({k: v for k, v in json.loads(manifest.read_text()).items() if k != "heads"}))
    outcome = run(experiment, Listener())
    assert (outcome.saved_before, outcome.finished) == (4, 4)
    table = pd.read_parquet(experiment.out / "results.parquet")
    assert table[table["head"] == "plain"].reset_index(drop=True).equals(plain)
    assert json.loads(manifest.read_text())["heads"] == ["plain", "named"]
    assert run(experiment, Listener()).saved_before == 8


def test_parts_of_the_plain_head_stay_where_they_were_before_there_was_another():
    plain, named = (str(Cell("mail", "owner/model", "random", "margin", 3, head).part()) for head in BOTH)
    assert plain == "mail/owner%2Fmodel/random/margin/3.json"
    assert named == "mail/owner%2Fmodel/random/margin/named/3.json"


def test_a_name_of_dots_has_a_folder_of_its_own():
    part = Cell("..", ".", "random", "margin", 0).part()
    assert ".." not in part.parts
    assert len(part.parts) == 5


def test_runs_of_both_heads_begin_with_the_same_initial_pool(experiment: Experiment):
    simulated(replace(experiment, budget=Budget(10, 5, 1)))
    cells = [Cell("mail", "minilm", "random", "margin", 0, head) for head in BOTH]
    plain, named = (Results(experiment.out).read(cell).picks for cell in cells)
    assert plain[0] == named[0]
    assert plain[1] != named[1]


def test_other_descriptions_need_another_folder_and_the_class_is_named(experiment: Experiment):
    simulated(experiment)
    other = ClassDescriptions("mine.json", {ANY: WORDS | {"bug": "The app crashes."}})
    with pytest.raises(AnotherExperiment, match=r"for the class 'bug' of 'mail', and this .*'The app crashes.'"):
        run(replace(experiment, descriptions=other), Listener())
    with pytest.raises(AnotherExperiment, match="and this command has the text 'bill'"):
        run(replace(experiment, descriptions=ClassDescriptions()), Listener())
    plain = replace(experiment, heads=(HeadKind.PLAIN,), descriptions=other)
    assert run(plain, Listener()).saved_before == 4, "the plain head does not know them"


def test_names_that_are_codes_are_not_used_and_a_note_says_so(experiment: Experiment, data: Path):
    table = pd.read_parquet(data / "mail.parquet")
    table["label"] = table["label"].map({"bill": "C1", "ship": "C2", "bug": "C3"})
    table.to_parquet(data / "mail.parquet")
    listener = Listener()
    assert not run(replace(experiment, descriptions=ClassDescriptions()), listener).failed
    assert any("'C1', 'C2', 'C3'" in line and "--class-descriptions" in line for line in listener.said)
    assert any("The head `named` is then the head `plain`" in line for line in listener.said)
    results = pd.read_parquet(experiment.out / "results.parquet")
    plain, named = (results[results["head"] == head].drop(columns="head").reset_index(drop=True) for head in BOTH)
    assert same_results(plain, named)


def test_a_misspelt_class_fails_its_dataset_only(experiment: Experiment):
    misspelt = ClassDescriptions("mine.json", {"mail": {"bugs": "The app crashes."}, "chat": WORDS})
    outcome = run(replace(experiment, datasets=["mail", "chat"], descriptions=misspelt), Listener())
    assert "the class 'bugs', which mail does not have" in outcome.failed["mail"].message
    assert outcome.finished == 8


def test_a_matrix_file_has_no_vectors_of_names_and_is_run_with_the_plain_head(
    experiment: Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.undo()
    matrix = tmp_path / "mine.npy"
    np.save(matrix, np.random.default_rng(0).normal(size=(240, 8)).astype(np.float32))
    outcome = run(replace(experiment, embeddings=[str(matrix)]), Listener())
    assert outcome.finished == 4
    [(name, failure)] = outcome.failed.items()
    assert name == f"mail {matrix}, head named"
    assert "no model for the names of classes: use the head `plain`" in failure.message


@pytest.mark.parametrize("embedding", ["tfidf", "random-projection"])
def test_class_vectors_are_made_as_the_texts_are_and_kept(
    experiment: Experiment, monkeypatch: pytest.MonkeyPatch, embedding: str
):
    monkeypatch.undo()
    real = replace(experiment, embeddings=[embedding], seeds=1, strategies=["random"])
    table = simulated(real)
    assert table[(table.n_labeled == 0) & (table["head"] == "named")].accuracy.item() > 0.6
    [file] = (experiment.cache / "class-vectors").iterdir()
    [texts] = (experiment.cache / "matrices").iterdir()
    assert np.load(file).shape == (3, np.load(texts).shape[1])
    before = file.stat().st_mtime_ns
    again = simulated(replace(real, out=real.out.with_name("again")))
    assert same_results(table, again)
    assert file.stat().st_mtime_ns == before


def test_the_command_takes_heads_descriptions_and_no_initial_labels(data: Path, tmp_path: Path):
    described = tmp_path / "classes.json"
    described.write_text(json.dumps(WORDS))
    command = ["run", "--data", str(data), "--datasets", "mail", "--seeds", "1", "--embeddings", "tfidf"]
    command += ["--strategies", "random", "--initial-size", "0", "--batch-size", "10", "--cycles", "1"]
    command += ["--cache", str(tmp_path / "cache"), "--out", str(tmp_path / "out")]
    named = ["--heads", "plain,named", "--class-descriptions", str(described)]
    assert CliRunner().invoke(app, [*command, *named]).exit_code == 0
    table = pd.read_parquet(tmp_path / "out" / "results.parquet")
    assert table[["head", "n_labeled"]].values.tolist() == [["named", 0], ["named", 10], ["plain", 0], ["plain", 10]]
    refused = CliRunner().invoke(app, [*command, "--heads", "plain,name"])
    assert refused.exit_code == 1
    assert "unknown head 'name': did you mean named? Known: plain, named" in " ".join(refused.output.split())
