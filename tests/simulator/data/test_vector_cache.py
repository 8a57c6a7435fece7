"""Embeddings are cached by their texts, their name, and the content of files that the user names."""

from __future__ import annotations

import io
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rich.console import Console
from small_experiments import small_experiment
from small_texts import table

from ml_backend.learning.embedding.names import ModelNotAvailable
from simulator.cli.progress import TerminalProgress
from simulator.data.cleaning import Cleaning
from simulator.data.dataset_files import kept
from simulator.data.datasets import Dataset, dataset_of
from simulator.data.embedding_names import check_names, content_of
from simulator.data.labelled_table import LabelledTable
from simulator.data.vector_cache import _embeddings_file, embed_and_cache
from simulator.experiment.manifest import AnotherExperiment
from simulator.experiment.runner import run


@pytest.fixture
def dataset() -> Dataset:
    return dataset_of("mail", LabelledTable(table(60)), Cleaning(), seed=0)


def write_matrix(path: Path, rows: int, seed: int) -> np.ndarray:
    vectors = np.random.default_rng(seed).normal(size=(rows, 8)).astype(np.float32)
    np.save(path, vectors)
    # Two writes within one tick of the file system's clock would have the same time.
    os.utime(path, ns=(seed, seed))
    return vectors


def test_a_changed_matrix_is_read_again(dataset: Dataset, tmp_path: Path):
    path = tmp_path / "mine.npy"
    for seed in (1, 2, 1):
        vectors = write_matrix(path, 60, seed)
        [(_, cached)] = embed_and_cache(dataset, [str(path)], tmp_path / "cache")
        assert (vectors[:45] == cached.open().X).all()
    assert len(list((tmp_path / "cache" / "matrices").iterdir())) == 2


@pytest.mark.parametrize(
    ("embedding", "key"),
    [
        ("minilm", "f8ab193f145fa63050f05d49"),
        ("minilm:layer3", "cb1ccc2e2e312dff4e5f8f82"),
        ("tfidf", "d0f9f0441ab3efa3079dcdda"),
        ("random-projection", "996d354b06740d3746aab76e"),
        ("mpnet", "dc11627070dbd32691f42801"),
    ],
)
def test_embeddings_known_by_name_keep_their_file_name_in_the_cache(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, embedding: str, key: str
):
    for folder in ("tfidf", "minilm", "mpnet", "random-projection"):
        (tmp_path / folder).mkdir()
    monkeypatch.chdir(tmp_path)
    assert _embeddings_file(dataset, embedding, tmp_path).name == f"{embedding}-{key}.npy"


def test_a_change_in_a_models_files_is_a_change_of_its_content(tmp_path: Path):
    model = tmp_path / "model"
    (model / "1_Pooling").mkdir(parents=True)
    weights = model / "1_Pooling" / "weights"
    weights.write_text("one")
    os.utime(weights, ns=(1, 1))
    before = content_of(str(model))
    assert before == content_of(f"{model}:int8") is not None
    os.utime(weights, ns=(2, 2))
    assert content_of(str(model)) == before
    copy = shutil.copytree(model, tmp_path / "copy")
    assert content_of(f"mine={copy}") == before
    weights.write_text("two")
    assert content_of(str(model)) != before
    assert content_of(str(tmp_path / "none.npy")) is content_of("owner/name") is None


def test_results_of_a_changed_embedding_file_need_another_folder(data: Path, tmp_path: Path):
    path = tmp_path / "mine.npy"
    write_matrix(path, 240, seed=1)
    experiment = small_experiment(data, tmp_path, embeddings=[str(path)], strategies=["random"], seeds=1)
    quiet = TerminalProgress(Console(file=io.StringIO()))
    assert run(experiment, quiet).finished == 1
    write_matrix(path, 240, seed=2)
    with pytest.raises(
        AnotherExperiment, match=r"results of the embedding .*mine.npy with other contents: use another --out"
    ):
        run(replace(experiment, seeds=2), quiet)
    write_matrix(path, 240, seed=1)
    assert run(replace(experiment, seeds=2), quiet).saved_before == 1


def test_an_embedding_has_its_own_name_in_the_results(data: Path, tmp_path: Path):
    path = tmp_path / "some folder" / "mine.npy"
    path.parent.mkdir()
    write_matrix(path, 240, seed=1)
    experiment = small_experiment(
        data,
        tmp_path,
        embeddings=["random-projection", f"mine={path}", "mpnet=random-projection"],
        strategies=["random"],
        seeds=1,
    )
    quiet = TerminalProgress(Console(file=io.StringIO()))
    assert run(experiment, quiet).finished == 3
    results = pd.read_parquet(experiment.out / "results.parquet").set_index("embedding")
    assert set(results.index) == {"random-projection", "mine", "mpnet"}
    assert (
        results.loc["mpnet", "accuracy"].to_numpy() == results.loc["random-projection", "accuracy"].to_numpy()
    ).all()
    manifest = json.loads((experiment.out / "run.json").read_text())
    cards = manifest["embedding_cards"]
    assert (manifest["embeddings"], list(cards)) == ([*cards], ["random-projection", "mine", "mpnet"])
    assert (cards["mine"]["embedding"], cards["mine"]["licence"]) == (f"mine={path}", "")
    assert cards["random-projection"]["trained_on"] == []
    moved = path.rename(tmp_path / "moved.npy")
    elsewhere = replace(experiment, embeddings=[f"mine={moved}", "mpnet=random-projection"])
    assert run(elsewhere, quiet).saved_before == 2
    for other in ("mpnet=tfidf", f"mine={write_other(tmp_path)}"):
        with pytest.raises(AnotherExperiment, match=rf"results of the embedding {other.split('=')[0]} with other"):
            run(replace(experiment, embeddings=[other]), quiet)


def write_other(folder: Path) -> Path:
    write_matrix(folder / "other.npy", 240, seed=2)
    return folder / "other.npy"


@pytest.mark.parametrize("names", [["minilm=tfidf"], ["a=minilm", "a=tfidf"], ["tfidf", "tfidf=minilm"]])
def test_two_embeddings_cannot_have_one_name(names: list[str]):
    with pytest.raises(ModelNotAvailable, match="is the name of another embedding; choose another"):
        check_names(names)
    check_names(["minilm", "minilm=minilm", "a=minilm", "b=minilm"][1:])


def test_the_texts_beside_the_vectors_are_those_of_the_dataset(tmp_path: Path):
    texts = table(24).assign(text_pair=[f"second {i}" if i % 2 else "" for i in range(24)])
    texts.loc[3, "text"] = "one\u0000 two\u2003three"
    dataset = dataset_of("my mail", LabelledTable(texts), Cleaning(), seed=0)
    vectors = write_matrix(tmp_path / "mine.npy", 24, 1)
    [(_, cached)] = embed_and_cache(dataset, [str(tmp_path / "mine.npy")], tmp_path / "cache")
    again = kept("my mail", dataset.fingerprint(), tmp_path / "cache")
    assert again is not None
    assert (again.fingerprint(), again.classes) == (dataset.fingerprint(), dataset.classes)
    assert again.train.joined("|") == dataset.train.joined("|")
    assert cached.open().words.tolist() == [len(text.split()) for text in dataset.train.joined(" ")]
    assert (vectors[: len(dataset.train)] == cached.open().X).all()
    assert kept("my mail", "0" * 16, tmp_path / "cache") is None
