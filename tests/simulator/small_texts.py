"""Small datasets that can be learned, and embeddings that are computed at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from simulator.data.cached_dataset import CachedDataset
from simulator.data.embedded_dataset import EmbeddedDataset

WORDS = {
    "bill": "invoice amount charged refund",
    "ship": "parcel courier late address",
    "bug": "crash button error app",
}


def table(n: int, seed: int = 0, split: bool = True) -> pd.DataFrame:
    """n different texts of three classes, each with words of its own class and of noise."""
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(n):
        label = list(WORDS)[i % len(WORDS)]
        words = [*rng.choice(WORDS[label].split(), 2), *(f"w{w}" for w in rng.integers(0, 40, 3)), f"nr{seed}.{i}"]
        rows.append({"text": " ".join(words), "label": label, "split": "test" if i % 4 == 0 else "train"})
    return pd.DataFrame(rows) if split else pd.DataFrame(rows).drop(columns="split")


@cache
def _vector(word: str) -> NDArray[np.float64]:
    return np.random.default_rng([*word.encode()]).normal(size=16)


def hashed(
    embeddings: Sequence[str], train: Sequence[str], test: Sequence[str], *_: object
) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """For every embedding the same matrix (texts, 16): means of a random vector per word."""
    rows = [np.mean([_vector(word) for word in text.split()], axis=0) for text in [*train, *test]]
    for embedding in embeddings:
        yield embedding, np.array(rows, dtype=np.float32)


class Hashed:
    """Embeds class texts as `hashed` embeds texts."""

    def encode_class_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return next(hashed(["minilm"], texts, []))[1]


@dataclass(frozen=True)
class Arrays(CachedDataset):
    """A dataset of 40 rows in two classes, without files."""

    embeddings: str = ""
    labels: str = ""
    n_classes: int = 2

    def open(self) -> EmbeddedDataset:
        rng = np.random.default_rng(0)
        y = np.arange(40) % 2
        X = (rng.normal(size=(40, 4)) + y[:, None]).astype(np.float32)
        return EmbeddedDataset(X[:30], y[:30], np.ones(30, dtype=bool), X[30:], y[30:], 2)
