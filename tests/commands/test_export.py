import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from ml_backend.commands.export import NothingToExport, export_head, program
from ml_backend.commands.failure import NotConnected
from ml_backend.learning.embedding.embedder import load
from ml_backend.learning.embedding.minilm import packaged_folder
from ml_backend.learning.embedding.registry import MODELS, registered
from ml_backend.learning.head import Head
from ml_backend.learning.head.files import to_bytes
from ml_backend.settings import Settings
from ml_backend.store import Store
from ml_backend.store.records import Agreement, HeadRecord

CARDS = ["my card is lost", "the card was stolen", "card not working", "where is my new card"]
WEATHER = ["it rains today", "sunny in spring", "snow and wind tomorrow", "a storm is coming"]
QUESTIONS = ["they stole my bank card", "heavy rain and wind"]
CLASSES = ["Karte", "Wetter – draußen", "never labelled"]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(model_dir=tmp_path / "data")


def keep_head(settings: Settings, embedding: str, y: np.ndarray) -> Head:
    embedder = load(embedding)
    head = Head(C=10.0).fit(embedder.encode(CARDS + WEATHER), y, len(CLASSES))
    settings.model_dir.mkdir()
    store = Store(settings.database_url)
    store.create()
    store.ensure_project(7)
    store.put_head(
        HeadRecord("v1", 7, CLASSES, y.ndim == 2, embedder.name, len(y), to_bytes(head), Agreement(), time.time())
    )
    store.close()
    return head


def classify(folder: Path) -> list[str]:
    """What the exported program prints, run where this package cannot be imported."""
    environment = {"PATH": os.environ["PATH"], "EMBEDDING_MODEL": str(packaged_folder()), "PYTHONIOENCODING": "utf-8"}
    code = "import runpy, sys; sys.modules['ml_backend'] = None; runpy.run_path(sys.argv.pop(1), run_name='__main__')"
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder / "classify.py"), *QUESTIONS],
        check=False, capture_output=True, encoding="utf-8", env=environment, cwd="/", timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("embedding", ["minilm:layer3", "random-projection"])
def test_the_exported_program_predicts_what_the_service_predicts(settings, tmp_path, embedding):
    head = keep_head(settings, embedding, np.repeat([0, 1], 4))
    message = export_head(settings, 7, tmp_path / "out")
    assert "v1: 3 classes" in message
    best = head.predict_proba(load(embedding).encode(QUESTIONS)).argmax(axis=1)
    assert classify(tmp_path / "out") == [f"{CLASSES[k]} | {q}" for k, q in zip(best, QUESTIONS, strict=True)]
    assert best.tolist() == [0, 1]


def test_the_exported_program_lists_the_labels_of_a_multi_label_project(settings, tmp_path):
    Y = np.zeros((8, 3), dtype=np.int64)
    Y[:4, 0], Y[4:, 1] = 1, 1
    keep_head(settings, "minilm", Y)
    export_head(settings, 7, tmp_path / "out")
    assert classify(tmp_path / "out") == [f"['{CLASSES[k]}'] | {q}" for k, q in enumerate(QUESTIONS)]


def test_exporting_without_a_project_or_a_head_says_what_is_missing(settings, tmp_path):
    settings.model_dir.mkdir()
    with pytest.raises(NotConnected, match=r"project 7 is not connected.*none"):
        export_head(settings, 7, tmp_path / "out")
    store = Store(settings.database_url)
    store.ensure_project(7)
    with pytest.raises(NothingToExport, match="label tasks"):
        export_head(settings, 7, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "embedding",
    [*(m.short_name for m in MODELS), "minilm:int8:chunks", "some/model:raw:max64:prompt=query", "minilm:layer2:unit"],
)
def test_programs_for_every_kind_of_embedding_compile_and_name_their_model(embedding):
    source = program(embedding, multi_label=False)
    compile(source, "classify.py", "exec")
    model = embedding.split(":")[0].replace("minilm", "sentence-transformers/all-MiniLM-L6-v2")
    registered_model = registered(model)
    assert repr(registered_model.hub_id if registered_model else model) in source
    assert ("trust_remote_code=True" in source) == bool(registered_model and registered_model.remote_code)
