"""Texts embedded per second by the packaged model and by SentenceTransformer.encode with its defaults, in one run.

    python benchmarks/embedding.py [--texts 200] [--data DATA]

Texts are a random sample of every data set of the folder, pairs joined by a space, all of them shuffled into one list;
the encoders take turns, and the table shows medians. Cosines are to SentenceTransformer's vectors. ONNX Runtime and
OpenVINO are measured too where they are installed, on the batches of our embedder, so that only the runtime differs.
Accuracy is on the test split after 500 labelled rows of the training split, a mean over the data sets, head with C=10.
"""

from __future__ import annotations

import importlib.util
import logging
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import typer
from data_folder import DEFAULT, DataFolder
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from ml_backend.learning.embedding.bert import CPU_TOKENS, batches
from ml_backend.learning.embedding.embedder import Embedder, load
from ml_backend.learning.embedding.minilm import packaged_folder, shared
from ml_backend.learning.head import Head

Vectors = NDArray[np.float32]
Encoder = Callable[[list[str]], Vectors]
LABELS = 500
PRECISIONS = {"ours, float32": "minilm", "ours, bf16": "minilm:bf16", "ours, int8": "minilm:int8"}


def texts_of(table: pd.DataFrame) -> list[str]:
    """The texts of a data set, pairs joined."""
    if "text_pair" not in table or table["text_pair"].isna().all():
        return table["text"].tolist()
    return (table["text"] + " " + table["text_pair"].fillna("")).tolist()


def sample(folder: Path, size: int) -> list[str]:
    """`size` texts of every data set, shuffled."""
    texts: list[str] = []
    for path in sorted(folder.glob("*.parquet")):
        table = pd.read_parquet(path)
        texts += texts_of(table.sample(min(size, len(table)), random_state=0))
    np.random.default_rng(0).shuffle(texts)  # type: ignore[arg-type]
    return texts


def sentence_transformers() -> Encoder:
    """sentence-transformers with its defaults."""
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(packaged_folder()), device="cpu", local_files_only=True)
    return lambda texts: model.encode(texts, show_progress_bar=False)


def pooled_bert() -> tuple[Any, tuple[Any, Any]]:
    """The packaged model as one torch module (ids, mask) → means, and an example of its inputs."""
    import torch
    from transformers import BertModel

    class Pooled(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.bert = BertModel.from_pretrained(str(packaged_folder()), attn_implementation="eager")

        def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
            hidden = self.bert(input_ids=ids, attention_mask=mask).last_hidden_state
            weights = mask.unsqueeze(-1).float()
            means: torch.Tensor = (hidden * weights).sum(1) / weights.sum(1)
            return means

    example = torch.ones(2, 8, dtype=torch.long)
    return Pooled().eval(), (example, example)


def by_batches(run: Callable[[NDArray[np.int64], NDArray[np.int64]], Vectors]) -> Encoder:
    """An encoder that makes batches as our embedder does; `run` turns one, (ids, mask), into vectors."""
    model = shared()

    def encode(texts: list[str]) -> Vectors:
        ids = model.token_ids(texts)
        vectors = np.empty((len(ids), model.dimensions), dtype=np.float32)
        for rows in batches([len(i) for i in ids], CPU_TOKENS):
            longest = max(len(ids[row]) for row in rows)
            tokens = np.array([ids[row] + [0] * (longest - len(ids[row])) for row in rows], dtype=np.int64)
            mask = np.array([[1] * len(ids[row]) + [0] * (longest - len(ids[row])) for row in rows], dtype=np.int64)
            vectors[rows] = run(tokens, mask)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    return encode


def openvino() -> Encoder:
    """OpenVINO in float32."""
    import openvino as ov

    module, example = pooled_bert()
    model = ov.convert_model(module, example_input=example)
    compiled = ov.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return by_batches(lambda ids, mask: compiled([ids, mask])[0])


def onnx_runtime() -> Encoder:
    """ONNX Runtime in float32."""
    import onnxruntime
    import torch

    module, example = pooled_bert()
    axes = {name: {0: "batch", 1: "length"} for name in ("ids", "mask")}
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "model.onnx")
        torch.onnx.export(
            module, example, path, input_names=["ids", "mask"], output_names=["out"], dynamic_axes=axes, dynamo=False
        )
        session = onnxruntime.InferenceSession(path)
    return by_batches(lambda ids, mask: session.run(None, {"ids": ids, "mask": mask})[0])


def encoders() -> dict[str, Encoder]:
    """Every encoder that is installed here, SentenceTransformer first."""
    by_title = {"SentenceTransformer.encode": sentence_transformers()}
    by_title |= {title: load(name).encode for title, name in PRECISIONS.items()}
    for title, package, make in (
        ("OpenVINO, float32", "openvino", openvino),
        ("ONNX Runtime, float32", "onnxruntime", onnx_runtime),
    ):
        if importlib.util.find_spec(package) is not None:
            by_title[title] = make()
    return by_title


def accuracy(folder: Path, embedder: Embedder, test_rows: int) -> float:
    """Mean accuracy over the data sets of a head fitted to LABELS labels."""
    accuracies = []
    for path in sorted(folder.glob("*.parquet")):
        table = pd.read_parquet(path)
        train = table[table["split"] == "train"].sample(LABELS, random_state=0)
        test = table[table["split"] == "test"]
        test = test.sample(min(test_rows, len(test)), random_state=0)
        classes = sorted(set(table["label"]))
        y, y_test = (rows["label"].map(classes.index).to_numpy() for rows in (train, test))
        head = Head(C=10.0).fit(embedder.encode(texts_of(train)), y, len(classes))
        accuracies.append((head.predict_proba(embedder.encode(texts_of(test))).argmax(axis=1) == y_test).mean())
    return float(np.mean(accuracies))


def main(
    texts: Annotated[int, typer.Option(help="Texts of each data set.")] = 200,
    rounds: Annotated[int, typer.Option(help="Times that every way is measured.")] = 3,
    test_rows: Annotated[int, typer.Option(help="Test rows of each data set for the accuracy; 0: leave it out.")] = 300,
    data: DataFolder = DEFAULT,
) -> None:
    """Measure, and print the table."""
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    sampled = sample(data, texts)
    seconds: dict[str, list[float]] = {}
    vectors: dict[str, Vectors] = {}
    measured = encoders()
    for title, encode in measured.items():
        encode(sampled[:32])
        seconds[title] = []
    for _ in range(rounds):
        for title, encode in measured.items():
            started = time.perf_counter()
            vectors[title] = encode(sampled)
            seconds[title].append(time.perf_counter() - started)
    scores = {t: accuracy(data, load(n), test_rows) for t, n in PRECISIONS.items()} if test_rows else {}
    show(len(sampled), seconds, vectors, scores)


def show(n: int, seconds: dict[str, list[float]], vectors: dict[str, Vectors], scores: dict[str, float]) -> None:
    """Print the table."""
    table = Table(title=f"{n:,} texts")
    for name in ("", "texts/s", "ratio", "cosine, least", "mean", f"accuracy at {LABELS}"):
        table.add_column(name, justify="right" if name else "left")
    peer = next(iter(seconds))
    for title, times in seconds.items():
        cosine = (vectors[title] * vectors[peer]).sum(axis=1)
        cosine /= np.linalg.norm(vectors[title], axis=1) * np.linalg.norm(vectors[peer], axis=1)
        table.add_row(
            title,
            f"{n / np.median(times):.0f}",
            f"{np.median(seconds[peer]) / np.median(times):.2f}x",
            f"{cosine.min():.5f}",
            f"{cosine.mean():.5f}",
            f"{scores[title]:.4f}" if title in scores else "",
        )
    Console(width=120).print(table)


if __name__ == "__main__":
    typer.run(main)
