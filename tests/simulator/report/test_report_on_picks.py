"""The first picks of strategies: their places in two dimensions and their texts, as long as the cache has them."""

from __future__ import annotations

import json
import re
import shutil
from html import unescape
from pathlib import Path

import numpy as np
import pytest
from sklearn.decomposition import PCA
from small_texts import Hashed, hashed, table
from typer.testing import CliRunner

from simulator.analysis.plane import plane
from simulator.cli.app import app
from simulator.data import vector_cache
from simulator.report import write_report
from simulator.report.analysis import Analysis
from simulator.report.picked_texts import Picked


@pytest.fixture
def folder(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Results of two strategies on the dataset mail, and their cache."""
    monkeypatch.setattr(vector_cache, "embed", lambda names, train, test, *rest: hashed(names, train, test))
    return simulated(data, tmp_path, 10)


def simulated(data: Path, tmp_path: Path, initial_size: int, *more: str) -> Path:
    out = tmp_path / f"out-{initial_size}"
    options = "--datasets mail --strategies random,margin --seeds 2 --batch-size 10 --cycles 4"
    places = ["--data", str(data), "--out", str(out), "--cache", str(tmp_path / "cache")]
    result = CliRunner().invoke(app, ["run", *options.split(), "--initial-size", str(initial_size), *places, *more])
    assert result.exit_code == 0, result.output
    return out


def section(page: Path) -> str:
    found = re.search(r'<section id="picks">(.*?)</section>', page.read_text(), flags=re.DOTALL)
    return unescape(found.group(1)) if found else ""


def test_the_plane_is_that_of_the_principal_components():
    X = np.random.default_rng(0).normal(size=(200, 12)).astype(np.float32) @ np.diag(np.arange(1.0, 13))
    ours, theirs = plane(X), PCA(2, svd_solver="full").fit_transform(X)
    for axis in range(2):
        assert np.abs(np.corrcoef(ours[:, axis], theirs[:, axis])[0, 1]) == pytest.approx(1, abs=1e-9)
    assert ours.var(axis=0) == pytest.approx(theirs.var(axis=0))
    assert plane(X[:, ::-1].copy()) == pytest.approx(ours), "the signs do not depend on the order of columns"


def test_the_first_texts_of_the_first_batch_are_shown_beside_their_places(folder: Path):
    page = write_report([folder])
    texts = table(240)
    pool = texts[texts["split"] == "train"]["text"].tolist()
    for strategy in ("random", "margin"):
        part = json.loads((folder / f"parts/mail/minilm/random/{strategy}/0.json").read_text())
        for row in part["picks"][1][:3]:
            assert pool[row] in section(page)
    assert (folder / "figures" / "picks-mail.png").exists()
    [picked] = Analysis.of_folders([folder]).picks
    assert isinstance(picked, Picked)
    assert picked.points.shape == (180, 2)
    assert [len(rows) for rows in picked.batches["margin"]] == [10] * 4


@pytest.mark.usefixtures("folder")
def test_without_an_initial_pool_the_texts_are_those_of_the_first_batch_of_the_strategy(data: Path, tmp_path: Path):
    without = simulated(data, tmp_path, 0)
    [picked] = Analysis.of_folders([without]).picks
    assert isinstance(picked, Picked)
    part = json.loads((without / "parts/mail/minilm/random/margin/0.json").read_text())
    assert picked.batches["margin"] == part["picks"][1:]


def test_runs_of_the_named_head_and_of_an_embedding_with_a_name_of_its_own_are_shown(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(vector_cache, "embed", hashed)
    monkeypatch.setattr(vector_cache, "embedder_of_classes", lambda embedding, train: Hashed())
    (model := tmp_path / "model").mkdir()
    out = simulated(data, tmp_path, 10, "--heads", "named", "--embeddings", f"mine={model}", "--seeds", "1")
    [picked] = Analysis.of_folders([out]).picks
    assert isinstance(picked, Picked)
    assert (picked.embedding, set(picked.batches)) == ("mine", {"margin", "random"})


def test_without_the_cache_the_section_says_why(folder: Path, tmp_path: Path):
    shutil.rmtree(tmp_path / "cache" / "matrices")
    assert "the cache no vectors" in section(write_report([folder]))
    shutil.rmtree(tmp_path / "cache")
    page = write_report([folder])
    assert "its texts are not in the cache that run.json names" in section(page)
    assert "<img" not in section(page)


def test_tables_without_the_parts_of_their_runs_have_no_such_section(folder: Path, tmp_path: Path):
    tables = tmp_path / "tables only"
    tables.mkdir()
    for name in ("results.parquet", "run.json"):
        shutil.copy(folder / name, tables)
    assert 'id="picks"' not in write_report([tables]).read_text()
