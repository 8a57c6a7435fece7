"""Data that kills the process that opens it, as the system does when memory runs out."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from simulator.data.embedded_dataset import EmbeddedDataset
from simulator.data.vector_cache import CachedDataset


@dataclass(frozen=True)
class Arrays(CachedDataset):
    """Data without files; opening it is deadly that many times. embeddings: a folder that remembers the deaths."""

    deaths: int = 0

    def open(self) -> EmbeddedDataset:
        died = Path(self.embeddings)
        if len(list(died.iterdir())) < self.deaths:
            (died / str(os.getpid())).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        rng = np.random.default_rng(0)
        y = np.arange(40) % 2
        X = (rng.normal(size=(40, 4)) + y[:, None]).astype(np.float32)
        return EmbeddedDataset(X[:30], y[:30], np.ones(30, dtype=bool), X[30:], y[30:], 2)


def stored(folder: Path, deaths: dict[str, int]) -> dict[tuple[str, str], CachedDataset]:
    """By names of datasets and how often each is deadly."""
    for name in deaths:
        (folder / name).mkdir()
    return {(name, "minilm"): Arrays(str(folder / name), "", 2, n) for name, n in deaths.items()}
