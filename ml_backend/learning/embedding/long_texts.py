"""Texts beyond a model's length: cut, or as consecutive pieces, whose vectors are averaged."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Encode = Callable[[list[str]], NDArray[np.float32]]


def room(tokenizer: Any, max_length: int, *around: str) -> int:
    """Tokens that a model of that length leaves to a text beside its special ones and what is put around it.

    tokenizer: of the tokenizers package, without truncation. Raises ValueError where nothing is left.
    """
    taken = tokenizer.num_special_tokens_to_add(False)
    taken += sum(len(tokenizer.encode(part, add_special_tokens=False).ids) for part in around if part)
    if taken >= max_length:
        raise ValueError(f"a length of {max_length} tokens leaves a text no room: {taken} are special or of the prompt")
    return max_length - int(taken)


def cut(texts: Sequence[str], tokenizer: Any, size: int) -> list[str]:
    """The first `size` tokens of each text; tokenizer: of the tokenizers package, without truncation."""
    tokenized = tokenizer.encode_batch(list(texts), add_special_tokens=False)
    return [_pieces(text, tokens.offsets, size)[0][0] for text, tokens in zip(texts, tokenized, strict=True)]


def mean_of_chunks(texts: Sequence[str], tokenizer: Any, size: int, encode: Encode, unit: bool) -> NDArray[np.float32]:
    """Vectors (N, D) float32 of the texts, of long ones the mean over pieces of `size` tokens, weighted by length.

    tokenizer: of the tokenizers package, without truncation. unit: bring the means to length 1 again. Pieces are cut
    from the text between tokens, so that each is read as any other text.
    """
    pieces: list[str] = []
    weights: list[int] = []
    owners: list[int] = []
    tokenized = tokenizer.encode_batch(list(texts), add_special_tokens=False)
    for row, (text, tokens) in enumerate(zip(texts, tokenized, strict=True)):
        for piece, count in _pieces(text, tokens.offsets, size):
            pieces.append(piece)
            weights.append(count)
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
