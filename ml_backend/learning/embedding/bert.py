"""BERT models with mean pooling, run layer by layer with almost no padding.

Devlin et al.: BERT, NAACL 2019; Reimers, Gurevych: Sentence-BERT, EMNLP 2019.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from ml_backend.learning.embedding.linear_layers import Linear, linear
from ml_backend.learning.embedding.long_texts import with_truncation
from ml_backend.learning.embedding.progress import Report, silent

LAYER_NORM_EPSILON = 1e-12
CPU_TOKENS = 512
"""Tokens per batch and thread on a CPU: few enough that the activations stay in the cache, with little padding."""
CUDA_TOKENS = 32_768
"""Tokens per batch on a GPU."""

Tensors = dict[str, torch.Tensor]
"""Weights by the names that the transformers library gives them."""


@dataclass(frozen=True)
class Layer:
    """One transformer layer; each part maps (…, in) to (…, out), float32.

    `mix` computes queries, keys and values in one product; `up` includes its activation.
    """

    mix: Linear
    attended: Linear
    attended_norm: Linear
    up: Linear
    down: Linear
    norm: Linear


class Bert:
    """Mean-pooled hidden states of a BERT; layers above the highest requested one are not run."""

    def __init__(
        self, tokenizer: Any, tensors: Tensors, heads: int, max_length: int, precision: str | None = None
    ) -> None:
        """Take the weights over.

        tokenizer: a Tokenizer of the tokenizers package; tensors: float32, all on one device; heads: attention heads of
        a layer; max_length: limit in tokens; precision: as in `linear_layers.linear`.
        Raises ModelNotAvailable if this machine does not support the precision.
        """
        self.max_length = max_length
        self.tokenizer: Any = with_truncation(tokenizer, max_length)
        self._heads = heads
        self._words = tensors["embeddings.word_embeddings.weight"]
        self.dimensions = self._words.shape[1]
        # All tokens belong to the first segment, so its vector is added to the positions in advance.
        self._positions = (
            tensors["embeddings.position_embeddings.weight"] + tensors["embeddings.token_type_embeddings.weight"][0]
        )
        self._norm = _norm(tensors, "embeddings.LayerNorm")
        depth = sum(name.endswith(".attention.output.dense.weight") for name in tensors)
        self._layers = [_layer(tensors, number, precision) for number in range(depth)]

    @property
    def depth(self) -> int:
        """Number of layers."""
        return len(self._layers)

    def token_ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Returns the token numbers of each text, with the special tokens, cut at the maximum length."""
        return [encoding.ids for encoding in self.tokenizer.encode_batch(list(texts))]

    def encode(self, texts: Sequence[str], layers: Sequence[int], report: Report = silent) -> list[NDArray[np.float32]]:
        """Returns the mean-pooled hidden states after each of the layers, each (N, D) float32, from one pass.

        layers: numbers from 1. report: called with the number of texts done since the last call.
        """
        ids = self.token_ids(texts)
        pooled: list[NDArray[np.float32]] = [np.empty((len(ids), self.dimensions), dtype=np.float32) for _ in layers]
        for rows in batches([len(i) for i in ids], self._batch_tokens()):
            with torch.inference_mode():
                states = self._states([ids[row] for row in rows], max(layers))
                for out, layer in zip(pooled, layers, strict=True):
                    out[rows] = states[layer].cpu().numpy()
            report(len(rows))
        return pooled

    def _batch_tokens(self) -> int:
        return CUDA_TOKENS if self._words.is_cuda else CPU_TOKENS * torch.get_num_threads()

    def _states(self, ids: list[list[int]], depth: int) -> dict[int, torch.Tensor]:
        """Returns the pooled states per layer, each (B, D), of B texts; similar lengths need little padding."""
        lengths = torch.tensor([len(i) for i in ids], device=self._words.device)
        longest = int(lengths.max())
        tokens = torch.tensor([i + [0] * (longest - len(i)) for i in ids], device=self._words.device)
        mask = None
        if int(lengths.min()) < longest:
            mask = torch.arange(longest, device=self._words.device)[None, :] < lengths[:, None]
        hidden = self._norm(functional.embedding(tokens, self._words) + self._positions[:longest])
        states = {}
        for number, layer in enumerate(self._layers[:depth], start=1):
            hidden = _run(layer, hidden, mask, self._heads)
            states[number] = _mean(hidden, mask, lengths)
        return states


def batches(lengths: Sequence[int], budget: int) -> Iterator[NDArray[np.int64]]:
    """Yields batches of row numbers, each (b,) int64, the longest texts first.

    lengths: number of tokens of each text; budget: largest number of tokens per batch, padding included; a single text
    may exceed it.
    """
    order = np.argsort(-np.asarray(lengths, dtype=np.int64), kind="stable")
    start = 0
    while start < len(order):
        size = max(1, budget // max(1, lengths[order[start]]))
        yield order[start : start + size]
        start += size


def _layer(tensors: Tensors, number: int, precision: str | None) -> Layer:
    prefix = f"encoder.layer.{number}."
    of_layer = {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
    query, key, value = (f"attention.self.{part}" for part in ("query", "key", "value"))
    return Layer(
        mix=linear(
            torch.cat([of_layer[f"{part}.weight"] for part in (query, key, value)]),
            torch.cat([of_layer[f"{part}.bias"] for part in (query, key, value)]),
            precision,
        ),
        attended=_linear(of_layer, "attention.output.dense", precision),
        attended_norm=_norm(of_layer, "attention.output.LayerNorm"),
        up=_linear(of_layer, "intermediate.dense", precision, gelu=True),
        down=_linear(of_layer, "output.dense", precision),
        norm=_norm(of_layer, "output.LayerNorm"),
    )


def _linear(tensors: Tensors, name: str, precision: str | None, gelu: bool = False) -> Linear:
    return linear(tensors[f"{name}.weight"], tensors[f"{name}.bias"], precision, gelu)


def _norm(tensors: Tensors, name: str) -> Linear:
    weight, bias = tensors[f"{name}.weight"], tensors[f"{name}.bias"]
    return lambda hidden: functional.layer_norm(hidden, weight.shape, weight, bias, LAYER_NORM_EPSILON)


def _run(layer: Layer, hidden: torch.Tensor, mask: torch.Tensor | None, heads: int) -> torch.Tensor:
    B, L, D = hidden.shape
    q, k, v = layer.mix(hidden).view(B, L, 3, heads, D // heads).permute(2, 0, 3, 1, 4)
    attention_mask = None if mask is None else mask[:, None, None, :]
    mixed = functional.scaled_dot_product_attention(q, k, v, attn_mask=attention_mask)
    mixed = mixed.transpose(1, 2).reshape(B, L, D)
    hidden = layer.attended_norm(layer.attended(mixed).add_(hidden))
    return layer.norm(layer.down(layer.up(hidden)).add_(hidden))


def _mean(hidden: torch.Tensor, mask: torch.Tensor | None, lengths: torch.Tensor) -> torch.Tensor:
    if mask is None:
        return hidden.mean(dim=1)
    return (hidden * mask[:, :, None]).sum(dim=1) / lengths[:, None]
