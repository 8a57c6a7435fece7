"""The oracle takes the batch whose gold labels bring most on the test split, and begins as every run does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from small_texts import hashed
from typer.testing import CliRunner

from ml_backend.learning import strategies
from ml_backend.learning.cycle import Cycle
from ml_backend.learning.pool import Pool
from simulator.cli.app import app
from simulator.data import vector_cache
from simulator.data.embedded_dataset import EmbeddedDataset
from simulator.experiment import oracle
from simulator.experiment.budget import Budget
from simulator.experiment.oracle import OracleCycle, candidate_batches
from simulator.experiment.simulate import simulate

BUDGET = Budget(initial_size=20, batch_size=10, cycles=3)


@pytest.fixture(scope="module")
def blobs() -> EmbeddedDataset:
    """Five classes that overlap."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 5, 900)
    X = (rng.normal(size=(5, 8))[y] + rng.normal(size=(900, 8))).astype(np.float32)
    offered = np.arange(500) % 7 > 0
    return EmbeddedDataset(X[:500], y[:500], offered, X[500:], y[500:], 5)


def accuracy_with(data: EmbeddedDataset, rows: list[int]) -> float:
    head = Cycle("random", "random", 1, C=BUDGET.C).fit(data.X[rows], data.y[rows], 5)
    return float((head.predict_proba(data.X_test).argmax(axis=1) == data.y_test).mean())


def test_no_other_candidate_would_have_been_better(blobs: EmbeddedDataset, monkeypatch: pytest.MonkeyPatch):
    tried: list[np.ndarray] = []

    def noted(*arguments: object) -> Iterator[np.ndarray]:
        for batch in candidate_batches(*arguments):  # type: ignore[arg-type]
            tried.append(batch)
            yield batch

    monkeypatch.setattr(oracle, "CANDIDATES", 26)
    monkeypatch.setattr(oracle, "candidate_batches", noted)
    run = simulate(blobs, OracleCycle.of(blobs, "random", 3), BUDGET)
    assert len(tried) == 3 * 26
    labelled = run.picks[0]
    for cycle in range(3):
        batches = tried[26 * cycle : 26 * (cycle + 1)]
        best = max(accuracy_with(blobs, [*labelled, *batch]) for batch in batches)
        labelled = [*labelled, *run.picks[cycle + 1]]
        assert run.cycles[cycle + 1]["accuracy"] == best == accuracy_with(blobs, labelled)
    assert blobs.offered[labelled].all()
    assert len(set(labelled)) == 50


def test_candidates_are_different_batches_of_every_strategy_from_parts_of_the_pool(
    blobs: EmbeddedDataset, monkeypatch: pytest.MonkeyPatch
):
    asked: list[tuple[str, int]] = []
    select = strategies.select

    def noted(name: str, *arguments: object, subpool: int) -> np.ndarray:
        asked.append((name, subpool))
        return select(name, *arguments, subpool=subpool)  # type: ignore[arg-type]

    monkeypatch.setattr(strategies, "select", noted)
    labels = np.where(np.arange(500) % 9 == 0, blobs.y, -1)
    pool = Pool(blobs.X, labels, 5, candidates=blobs.offered)
    pool.head = Cycle("random", "random", 1).fit(blobs.X[labels >= 0], labels[labels >= 0], 5)
    batches = [tuple(sorted(batch)) for batch in candidate_batches(pool, 10, np.random.default_rng(0))]
    assert {name for name, _ in asked} == {*strategies.names()} - {"tcm"}
    sizes = [size for _, size in asked]
    assert min(sizes) < 40
    assert max(sizes) > 400
    assert len(batches) == oracle.CANDIDATES
    assert len(set(batches)) > 80
    assert all(blobs.offered[list(batch)].all() and (labels[list(batch)] < 0).all() for batch in batches)


def test_its_initial_pool_is_that_of_the_other_runs_and_it_needs_labels_of_two_classes(
    blobs: EmbeddedDataset, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(oracle, "CANDIDATES", 13)
    of_oracle = simulate(blobs, OracleCycle.of(blobs, "typiclust", 1), Budget(0, 5, 3))
    of_margin = simulate(blobs, Cycle("margin", "typiclust", 1, seed=1), Budget(0, 5, 3))
    assert of_oracle.picks[1] == of_margin.picks[1]
    assert of_oracle.picks[2] != of_margin.picks[2]
    assert of_oracle.cycles[-1]["accuracy"] >= of_margin.cycles[-1]["accuracy"]


def test_it_is_run_by_its_name_only(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(vector_cache, "embed", hashed)
    monkeypatch.setattr(oracle, "CANDIDATES", 13)
    out = tmp_path / "out"
    named = f"--data {data} --datasets mail --strategies random,oracle --seeds 1 --initial-size 10 --batch-size 10"
    arguments = [*named.split(), "--cycles", "2", "--out", str(out), "--cache", str(tmp_path / "cache")]
    result = CliRunner().invoke(app, ["run", *arguments])
    assert result.exit_code == 0, result.output
    table = pd.read_parquet(out / "results.parquet")
    by_name = dict(table.groupby("strategy").__iter__())
    assert by_name["oracle"]["n_labeled"].tolist() == [10, 20, 30]
    assert by_name["oracle"]["accuracy"].iloc[0] == by_name["random"]["accuracy"].iloc[0]
    assert by_name["oracle"]["accuracy"].iloc[1] > by_name["random"]["accuracy"].iloc[1]
    assert oracle.ORACLE not in strategies.names(), "it is not part of `all`"
