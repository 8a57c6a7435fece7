"""Turns texts into vectors with the MiniLM in this folder, in numpy alone.

A BERT with six layers; vectors are the means of a text's hidden states. Wang et al.: MiniLM, NeurIPS 2020; Reimers,
Gurevych: Sentence-BERT, EMNLP 2019.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

HEADS = 12
LAYER_NORM_EPSILON = 1e-12
BATCH_TOKENS = 1024
"""Tokens per batch, padding included: few enough that the activations stay in the processor's cache."""

Vectors = NDArray[np.float32]


class Encoder:
    """Encodes texts with the model's weights in `minilm.npz` and its tokens in `tokenizer.json`."""

    def __init__(self, folder: Path, options: Mapping[str, Any]) -> None:
        """Load the model from the folder.

        options: "layers", the number of layers to run; "max_length", the limit in tokens; "unit", whether vectors are
        scaled to length 1.
        """
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.no_truncation()
        self.tokenizer.no_padding()
        with np.load(folder / "minilm.npz", allow_pickle=False) as file:
            self._weights: dict[str, Vectors] = {name: np.ascontiguousarray(file[name]) for name in file.files}
        self._layers, self._max_length = int(options["layers"]), int(options["max_length"])
        self.unit = bool(options["unit"])
        self.text_tokens = self._max_length - self.tokenizer.num_special_tokens_to_add(False)

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Returns vectors (N, 384) float32; a text is cut at the limit of tokens."""
        self.tokenizer.enable_truncation(self._max_length)
        ids = [encoding.ids for encoding in self.tokenizer.encode_batch(list(texts))]
        self.tokenizer.no_truncation()
        vectors = np.empty((len(ids), self._weights["words"].shape[1]), dtype=np.float32)
        for rows in _batches([len(tokens) for tokens in ids]):
            vectors[rows] = self._means([ids[row] for row in rows])
        if self.unit:
            vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), np.finfo(np.float32).tiny)
        return vectors

    def _means(self, ids: list[list[int]]) -> Vectors:
        """The mean hidden states, (B, 384), of B texts of similar length."""
        lengths = np.array([len(tokens) for tokens in ids])
        longest = int(lengths.max())
        tokens = np.array([row + [0] * (longest - len(row)) for row in ids])
        is_token = np.arange(longest) < lengths[:, None]
        weights = self._weights
        hidden = weights["words"][tokens] + weights["positions"][:longest]
        hidden = _layer_norm(hidden, weights["norm.weight"], weights["norm.bias"])
        for number in range(self._layers):
            hidden = self._layer(hidden, is_token, f"layer{number}")
        means: Vectors = (hidden * is_token[:, :, None]).sum(axis=1) / lengths[:, None].astype(np.float32)
        return means

    def _layer(self, hidden: Vectors, is_token: NDArray[np.bool_], name: str) -> Vectors:
        """One transformer layer: hidden states (B, L, 384) to hidden states; is_token (B, L) is False for padding."""
        B, L, D = hidden.shape
        q, k, v = self._linear(hidden, f"{name}.mix").reshape(B, L, 3, HEADS, D // HEADS).transpose(2, 0, 3, 1, 4)
        scores = q @ k.transpose(0, 1, 3, 2)
        scores *= np.float32((D // HEADS) ** -0.5)
        scores += np.where(is_token, np.float32(0), np.float32(-1e9))[:, None, None, :]
        scores -= scores.max(axis=-1, keepdims=True)
        np.exp(scores, out=scores)
        scores /= scores.sum(axis=-1, keepdims=True)
        mixed = (scores @ v).transpose(0, 2, 1, 3).reshape(B, L, D)
        hidden = self._norm(self._linear(mixed, f"{name}.attended") + hidden, f"{name}.attended_norm")
        return self._norm(
            self._linear(_gelu(self._linear(hidden, f"{name}.up")), f"{name}.down") + hidden, f"{name}.norm"
        )

    def _linear(self, hidden: Vectors, name: str) -> Vectors:
        out: Vectors = hidden.reshape(-1, hidden.shape[-1]) @ self._weights[f"{name}.weight"]
        out += self._weights[f"{name}.bias"]
        return out.reshape(*hidden.shape[:-1], -1)

    def _norm(self, hidden: Vectors, name: str) -> Vectors:
        return _layer_norm(hidden, self._weights[f"{name}.weight"], self._weights[f"{name}.bias"])


def _batches(lengths: Sequence[int]) -> Iterator[NDArray[np.int64]]:
    """Yields batches of row numbers, each (b,) int64, the longest texts first, so that little padding is needed."""
    order = np.argsort(-np.asarray(lengths, dtype=np.int64), kind="stable")
    start = 0
    while start < len(order):
        size = max(1, BATCH_TOKENS // max(1, lengths[order[start]]))
        yield order[start : start + size]
        start += size


def _layer_norm(hidden: Vectors, weight: Vectors, bias: Vectors) -> Vectors:
    hidden = hidden - hidden.mean(axis=-1, keepdims=True)
    variance = np.einsum("...d,...d->...", hidden, hidden)[..., None] / np.float32(hidden.shape[-1])
    hidden /= np.sqrt(variance + np.float32(LAYER_NORM_EPSILON))
    hidden *= weight
    hidden += bias
    return hidden


def _gelu(x: Vectors) -> Vectors:
    """x · Φ(x), in place, with the error function of Abramowitz and Stegun, 7.1.26; its error is below 2e-7."""
    size = np.abs(x)
    size *= np.float32(0.5**0.5)
    t = np.float32(1) / (np.float32(1) + np.float32(0.3275911) * size)
    tail = np.float32(1.061405429) * t
    for coefficient in (-1.453152027, 1.421413741, -0.284496736, 0.254829592):
        tail += np.float32(coefficient)
        tail *= t
    size *= -size
    tail *= np.exp(size, out=size)
    # tail is 1 − erf(|x|/√2); Φ(x) is 1 − tail/2 for x ≥ 0, and tail/2 below.
    tail *= np.float32(0.5)
    x *= np.where(x >= 0, np.float32(1) - tail, tail)
    return x
