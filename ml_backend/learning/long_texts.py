"""Texts beyond a model's length: as consecutive pieces, whose vectors are averaged."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

SPECIAL_TOKENS = 2
"""Room that a piece leaves for the tokens that a model adds."""

Encode = Callable[[list[str]], NDArray[np.float32]]


def mean_of_chunks(
    texts: Sequence[str], tokenizer: Any, max_length: int, encode: Encode, unit: bool
) -> NDArray[np.float32]:
    """Vectors (N, D) float32 of the texts, of long ones the mean over pieces of max_length tokens, weighted by length.

    tokenizer: of the tokenizers package, without truncation. unit: bring the means to length 1 again. Pieces are cut
    from the text between tokens, so that each is read as any other text.
    """
    pieces: list[str] = []
    weights: list[int] = []
    owners: list[int] = []
    tokenized = tokenizer.encode_batch(list(texts), add_special_tokens=False)
    for row, (text, tokens) in enumerate(zip(texts, tokenized, strict=True)):
        for piece, size in _pieces(text, tokens.offsets, max_length - SPECIAL_TOKENS):
            pieces.append(piece)
            weights.append(size)
            owners.append(row)
    vectors = encode(pieces)
    share = np.asarray(weights, dtype=np.float32)
    totals = np.bincount(owners, weights=share, minlength=len(texts)).astype(np.float32)
    means = np.zeros((len(texts), vectors.shape[1]), dtype=np.float32)
    np.add.at(means, owners, vectors * share[:, None])
    means /= totals[:, None]
    if unit:
        means /= np.linalg.norm(means, axis=1, keepdims=True)
    return means


def _pieces(text: str, offsets: Sequence[tuple[int, int]], size: int) -> list[tuple[str, int]]:
    """Consecutive pieces of at most `size` tokens and their numbers of tokens; a short text is its own piece."""
    if len(offsets) <= size:
        return [(text, max(1, len(offsets)))]
    return [
        (text[part[0][0] : part[-1][1]], len(part))
        for part in (offsets[start : start + size] for start in range(0, len(offsets), size))
    ]
