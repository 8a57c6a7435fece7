"""Synthetic results with known effects, in the form of the simulator's output."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

DATASETS = ["agnews", "banking77", "dbpedia", "mnli", "sst2", "trec6", "yelp5"]
EMBEDDINGS = ["minilm", "minilm-layer6", "minilm-layer3", "minilm-layer1", "tfidf", "random-projection"]
STRATEGIES = [
    "random",
    "margin",
    "entropy",
    "least_confidence",
    "badge",
    "coreset",
    "typiclust",
    "dropquery",
    "probcover",
    "bait",
    "alfamix",
    "max_herding",
    "uherding",
    "tcm",
]


def quality_of(embedding: int, n_embeddings: int) -> float:
    """1 for the first embedding, 0 for the last."""
    return 1 - embedding / max(1, n_embeddings - 1)


def synthetic_results(
    datasets=DATASETS,
    embeddings=EMBEDDINGS,
    strategies=STRATEGIES,
    initials=("random", "typiclust"),
    seeds=5,
    cycles=15,
    start_effect=None,
    gain=None,
    embedding_effect=0.3,
    noise=0.004,
):
    """start_effect(initial, quality), gain(strategy, dataset index, quality): added accuracy, early and throughout."""
    start_effect = start_effect or (
        lambda initial, quality: 0.06 * quality * (initial == "typiclust") - 0.03 * (initial == "coreset")
    )
    gain = gain or (lambda strategy, d, quality: 0.0)
    rng = np.random.default_rng(0)
    cycle = np.arange(cycles + 1)
    labels = 100 * (cycle + 1)
    keys, curves, times = [], [], []
    for (d, dataset), (e, embedding), initial, seed in product(
        enumerate(datasets), enumerate(embeddings), initials, range(seeds)
    ):
        quality = quality_of(e, len(embeddings))
        top = 0.6 + 0.03 * d + embedding_effect * (quality - 0.5)
        start = top * (1 - np.exp(-0.7 - labels / 500)) + rng.normal(0, noise * 2) * np.exp(-cycle / 4)
        start = start + start_effect(initial, quality) * np.exp(-cycle / 5)
        for s, strategy in enumerate(strategies):
            chance = np.where(cycle > 0, rng.normal(0, noise, len(cycle)), 0)
            curves.append(start + gain(strategy, d, quality) * (1 - np.exp(-cycle / 3)) + chance)
            times.append(0.001 * 3.0 ** (s % 6) * (1 + 0.1 * rng.random(len(cycle))))
            keys.append((dataset, embedding, strategy, initial, seed))
    accuracy = np.round(np.clip(np.concatenate(curves), 0, 1), 3)
    columns = ["dataset", "embedding", "strategy", "initial", "seed"]
    table = pd.DataFrame([key for key in keys for _ in cycle], columns=columns)
    return table.assign(
        cycle=np.tile(cycle, len(keys)),
        n_labeled=np.tile(labels, len(keys)),
        accuracy=accuracy,
        balanced_accuracy=accuracy - 0.02,
        macro_f1=accuracy - 0.03,
        nll=2 - 1.5 * accuracy,
        ece=0.12 - 0.05 * accuracy,
        fit_seconds=0.05 + 0.0001 * np.tile(labels, len(keys)),
        query_seconds=np.concatenate(times),
    )


def synthetic_quality(datasets=DATASETS, embeddings=EMBEDDINGS):
    rows = []
    rng = np.random.default_rng(1)
    for d, dataset in enumerate(datasets):
        for e, embedding in enumerate(embeddings):
            quality = quality_of(e, len(embeddings))
            rows.append(
                (
                    dataset,
                    embedding,
                    0.62 + 0.03 * d + 0.3 * (quality - 0.5),
                    0.1 + 0.3 * quality + rng.normal(0, 0.05),
                    0.02 + 0.2 * quality + rng.normal(0, 0.03),
                )
            )
    return pd.DataFrame(rows, columns=["dataset", "embedding", "probe_accuracy", "tightness", "class_margin"])


def paper_like_gain(strategy, d, quality):
    spikes = 0.09 if d == 2 else -0.005
    return {
        "random": 0.0,
        "margin": spikes,
        "entropy": 0.02 * (0.6 + quality),
        "badge": 0.025 * (0.6 + quality),
        "coreset": -0.02,
        "least_confidence": 0.012,
        "typiclust": -0.01 + 0.01 * (d % 2),
        "dropquery": 0.015,
        "bait": 0.02,
        "tcm": 0.018,
    }.get(strategy, 0.005 * (d % 3))


def write_results(folder: Path, results, quality=None) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    results.to_parquet(folder / "results.parquet")
    if quality is not None:
        quality.to_parquet(folder / "embedding_quality.parquet")
    protocol = {"initial_size": 100, "batch_size": 100, "cycles": 15, "C": 1.0}
    (folder / "run.json").write_text(
        json.dumps({"command": "python -m simulator run ...", "protocol": protocol, "versions": {"numpy": "2"}})
    )
    return folder
