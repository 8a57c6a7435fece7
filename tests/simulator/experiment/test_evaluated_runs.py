"""Runs in which each head is also evaluated from its own labels, beside the truth."""

from __future__ import annotations

import json
from dataclasses import replace
from math import isnan
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from quiet_progress import Quiet
from small_experiments import small_experiment
from small_texts import WORDS, Hashed, hashed
from typer.testing import CliRunner

from ml_backend.learning.cycle import Cycle
from simulator.cli.app import app
from simulator.data import vector_cache
from simulator.data.class_descriptions import ANY, ClassDescriptions
from simulator.data.embedded_dataset import EmbeddedDataset
from simulator.experiment.budget import Budget
from simulator.experiment.definition import Experiment
from simulator.experiment.evaluations import BASIS, NUMBERS, STOP, LabelTimes
from simulator.experiment.grid import Cell, HeadKind
from simulator.experiment.manifest import AnotherExperiment
from simulator.experiment.results import SECONDS, Results, same_results
from simulator.experiment.runner import run
from simulator.experiment.simulate import simulate
from simulator.experiment.strategy_options import StrategyOptions

K = 4
ESTIMATES = ["accuracy_estimate", "accuracy_low", "accuracy_high", "accuracy_open"]


def overlapping(n: int = 1500, **changes: object) -> EmbeddedDataset:
    """Four classes that overlap: a head reaches an accuracy of about .85."""
    rng = np.random.default_rng(0)
    centers = rng.normal(size=(K, 8))
    y = rng.integers(0, K, n)
    X = (centers[y] + rng.normal(size=(n, 8))).astype(np.float32)
    return EmbeddedDataset(X[300:], y[300:], np.ones(n - 300, dtype=bool), X[:300], y[:300], K, **changes)  # type: ignore[arg-type]


def evaluated(strategy: str, budget: Budget, initial: str = "random", share: float = 0.0, **changes: object) -> list:
    plan = Cycle(strategy, initial, batch_size=1, seed=0, random_share=share)
    return simulate(overlapping(**changes), plan, budget, with_evaluations=True).cycles


def test_with_many_random_labels_the_estimate_is_close_to_the_truth():
    cycles = evaluated("random", Budget(100, 100, 4))
    assert [c["audits"] for c in cycles] == [c["n_labeled"] for c in cycles]
    assert {c[BASIS] for c in cycles} == {"audits"}
    for c in cycles:
        assert c["accuracy_low"] <= c["accuracy_open"] <= c["accuracy_high"]
        assert c["accuracy_low"] < c["accuracy_estimate"] < c["accuracy_high"]
    last = cycles[-1]
    assert last["accuracy_estimate"] == pytest.approx(last["accuracy_open"], abs=0.06)
    assert last["accuracy_high"] - last["accuracy_low"] < cycles[0]["accuracy_high"] - cycles[0]["accuracy_low"]
    assert last["forecast_labels"] > 0
    assert isnan(cycles[0]["forecast_labels"]), "a forecast needs 120 labels"
    assert [isnan(c["changed"]) for c in cycles] == [True, False, False, False, False]
    assert all(c[STOP] == (c["changed"] <= 0.02) for c in cycles)


def test_nothing_is_shown_with_few_labels():
    for c in evaluated("margin", Budget(8, 5, 3), share=0.1):
        assert c["audits"] <= 9, "the initial pool is random"
        assert all(isnan(c[column]) for column in [*ESTIMATES, "forecast_labels", "changed"])
        assert (c[BASIS], c[STOP]) == (None, False)
        assert c["evaluate_seconds"] > 0


def test_without_random_labels_the_confidence_is_shown_once_it_is_believed():
    cycles = evaluated("margin", Budget(60, 60, 1), initial="typiclust")
    assert [(c["audits"], c[BASIS]) for c in cycles] == [(0, None), (0, "confidence")]


@pytest.mark.parametrize(("share", "least", "most"), [(0.0, 0, 0), (0.3, 20, 80), (1.0, 160, 160)])
def test_only_labels_drawn_at_random_are_audits(share: float, least: int, most: int):
    assert least <= evaluated("margin", Budget(0, 40, 4), "typiclust", share)[-1]["audits"] <= most


def test_labels_of_its_own_batch_come_after_the_draw_of_an_audit():
    times = LabelTimes(60)
    proposal = Cycle("margin", "random", batch_size=20, random_share=0.5).propose(
        overlapping().X[:60], np.where(np.arange(60) < 8, np.arange(60) % K, -1), K, cycle=1
    )
    times.add(proposal, 1)
    assert 0 < len(proposal.random_rows) < 20
    assert set(np.flatnonzero(times.drawn_at == 0.5)) == set(proposal.random_rows)
    assert set(np.flatnonzero(times.given_at == 1)) == set(proposal.rows)
    assert np.isnan(times.drawn_at).sum() == 60 - len(proposal.random_rows)


def test_the_truth_is_the_accuracy_of_the_heads_predictions_on_the_texts_without_a_label():
    data = overlapping()
    offered = np.arange(len(data.y)) % 3 > 0
    data = replace(data, offered=offered)
    plan = Cycle("random", "random", batch_size=1, seed=3)
    simulated = simulate(data, plan, Budget(100, 50, 1), with_evaluations=True)
    labelled = np.sort(np.concatenate(simulated.picks))
    head = plan.fit(data.X[labelled], data.y[labelled], K)
    still_open = np.setdiff1d(np.flatnonzero(offered), labelled)
    right = head.predict_proba(data.X[still_open]).argmax(axis=1) == data.y[still_open]
    assert simulated.cycles[-1]["accuracy_open"] == pytest.approx(right.mean(), abs=1e-12)


def test_no_truth_is_shown_once_no_text_is_open():
    *_, last = evaluated("random", Budget(100, 100, 20), n=500)
    assert last["n_labeled"] == 200
    assert all(isnan(last[column]) for column in ESTIMATES)


def test_a_head_that_knows_the_classes_is_evaluated_before_its_first_label():
    data = overlapping()
    means = np.array([data.X[data.y == c].mean(axis=0) for c in range(K)], dtype=np.float32)
    first, *_, last = evaluated("margin", Budget(0, 40, 3), share=0.3, class_vectors=means)
    assert (first["n_labeled"], first["audits"], first[STOP]) == (0, 0, False)
    assert isnan(first["accuracy_estimate"])
    assert last[BASIS] == "audits"


@pytest.mark.parametrize("strategy", ["margin", "uherding", "random"])
def test_an_evaluation_changes_no_run(strategy: str):
    plan = Cycle(strategy, "random", batch_size=1, seed=1, random_share=0.2)
    data = overlapping(words=np.ones(1200, dtype=np.int64))
    without, with_evaluations = (simulate(data, plan, Budget(40, 40, 3), on) for on in (False, True))
    assert without.picks == with_evaluations.picks
    for one, other in zip(without.cycles, with_evaluations.cycles, strict=True):
        assert {k: v for k, v in one.items() if k not in SECONDS}.items() <= other.items()


@pytest.fixture
def experiment(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Experiment:
    monkeypatch.setattr(vector_cache, "embed", hashed)
    monkeypatch.setattr(vector_cache, "embedder_of_classes", lambda embedding, train: Hashed())
    return small_experiment(
        data,
        tmp_path,
        heads=(HeadKind.PLAIN, HeadKind.NAMED),
        descriptions=ClassDescriptions("mine.json", {ANY: WORDS}),
        budget=Budget(20, 20, 4),
        options=StrategyOptions(random_share=0.2),
        evaluate=True,
    )


def simulated(experiment: Experiment) -> pd.DataFrame:
    assert not run(experiment, Quiet()).failed
    return pd.read_parquet(experiment.out / "results.parquet")


def test_evaluations_are_the_same_on_any_number_of_processes_and_after_resuming(experiment: Experiment, tmp_path: Path):
    whole = simulated(experiment)
    assert whole["accuracy_estimate"].notna().any()
    assert same_results(whole, simulated(replace(experiment, jobs=2, out=tmp_path / "two")))
    resumed = replace(experiment, out=tmp_path / "resumed")
    simulated(replace(resumed, seeds=1))
    outcome = run(resumed, Quiet())
    assert (outcome.saved_before, outcome.finished) == (4, 4)
    assert same_results(whole, pd.read_parquet(resumed.out / "results.parquet"))


def test_all_strategies_and_heads_begin_with_the_same_labels_and_draw_others_at_random(experiment: Experiment):
    simulated(replace(experiment, initials=["typiclust"], options=StrategyOptions(random_share=0.5)))
    folder = Results(experiment.out)
    runs = [
        folder.read(Cell("mail", "minilm", "typiclust", strategy, 0, head))
        for strategy in experiment.strategies
        for head in experiment.heads
    ]
    assert all(run.picks[0] == runs[0].picks[0] for run in runs)
    assert all(run.cycles[0]["audits"] == runs[0].cycles[0]["audits"] > 0 for run in runs)
    of_random, of_margin = runs[0].picks[1], runs[2].picks[1]
    assert len({*of_random} & {*of_margin}) < len(of_random) / 2


@pytest.mark.parametrize(
    ("changed", "saved", "now"),
    [({"evaluate": False}, "evaluate on", "off"), ({"options": StrategyOptions()}, "random_share 0.2", "off")],
)
def test_a_folder_is_with_or_without_evaluations_and_has_one_random_share(
    experiment: Experiment, changed: dict, saved: str, now: str
):
    small = replace(experiment, seeds=1, strategies=["random"], heads=[HeadKind.PLAIN])
    simulated(small)
    with pytest.raises(AnotherExperiment, match=f"with {saved}, and this command has {now}: use another --out"):
        run(replace(small, **changed), Quiet())
    assert run(small, Quiet()).saved_before == 1


def test_runs_without_evaluations_have_empty_columns_and_old_parts_go_on(experiment: Experiment):
    plain = replace(experiment, evaluate=False, options=StrategyOptions(), heads=[HeadKind.PLAIN])
    table = simulated(plain)
    empty = [*NUMBERS, BASIS, STOP, "evaluate_seconds"]
    assert table[empty].isna().all(axis=None)
    assert not {"evaluate", "random_share"} & json.loads((plain.out / "run.json").read_text()).keys()
    assert not {*empty} & Results(plain.out).read(Cell("mail", "minilm", "random", "margin", 0)).cycles[0].keys()
    assert table[NUMBERS].dtypes.eq("float64").all()
    outcome = run(replace(plain, seeds=3), Quiet())
    assert (outcome.saved_before, outcome.finished) == (4, 2)


def test_the_command_takes_both_options(data: Path, tmp_path: Path):
    command = ["run", "--data", str(data), "--datasets", "mail", "--seeds", "1", "--embeddings", "tfidf"]
    command += ["--strategies", "margin", "--initial-size", "20", "--batch-size", "20", "--cycles", "2"]
    command += ["--cache", str(tmp_path / "cache"), "--out", str(tmp_path / "out")]
    done = CliRunner().invoke(app, [*command, "--evaluate", "--random-share", "0.1"])
    assert done.exit_code == 0, done.output
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    assert (record["evaluate"], record["random_share"]) == (True, 0.1)
    table = pd.read_parquet(tmp_path / "out" / "results.parquet")
    assert table["accuracy_open"].between(0, 1).all()
    assert CliRunner().invoke(app, [*command, "--random-share", "1.5"]).exit_code == 2
