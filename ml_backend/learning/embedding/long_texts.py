"""What becomes of a text that is longer than its model takes; every model's texts go through here.

Two ways, an option of an embedding's name (`minilm:chunks`):
cut     The first tokens, as many as the model takes; the rest is dropped. Tokenizers do it by themselves
        (`cutting`), except where something is put behind the text, which has to stay: then `first_tokens` comes before.
chunks  All of the text, in consecutive pieces that each fill the model; the vector is the mean of the pieces' vectors
        weighted by their numbers of tokens: `mean_of_chunks`.
How many tokens a model takes is its own limit, or the option `max128`; `room` is what it leaves to the text.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning.embedding.unit_length import to_unit_length

Encode = Callable[[list[str]], NDArray[np.float32]]
"""Texts that the model takes whole → (N, D) float32."""


def cutting(tokenizer: Any, max_length: int) -> Any:
    """The tokenizer, of the tokenizers package, as it cuts texts at `max_length` tokens, special ones included."""
    tokenizer = copy.deepcopy(tokenizer)
    tokenizer.enable_truncation(max_length)
    tokenizer.no_padding()
    return tokenizer


def whole(tokenizer: Any) -> Any:
    """The tokenizer, of the tokenizers package, as it reads texts of any length."""
    tokenizer = copy.deepcopy(tokenizer)
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def room(tokenizer: Any, max_length: int, *around: str) -> int:
    """Tokens that a model of that length leaves to a text beside its special ones and what is put around it.

    tokenizer: a `whole` one. Raises ValueError where nothing is left.
    """
    taken = tokenizer.num_special_tokens_to_add(False)
    taken += sum(len(tokenizer.encode(part, add_special_tokens=False).ids) for part in around if part)
    if taken >= max_length:
        raise ValueError(f"a length of {max_length} tokens leaves a text no room: {taken} are special or of the prompt")
    return max_length - int(taken)


def first_tokens(texts: Sequence[str], tokenizer: Any, size: int) -> list[str]:
    """The first `size` tokens of each text, as text; tokenizer: a `whole` one."""
    tokenized = tokenizer.encode_batch(list(texts), add_special_tokens=False)
    return [_pieces(text, tokens.offsets, size)[0][0] for text, tokens in zip(texts, tokenized, strict=True)]


def mean_of_chunks(texts: Sequence[str], tokenizer: Any, size: int, encode: Encode, unit: bool) -> NDArray[np.float32]:
    """Vectors (N, D) float32 of the texts, of long ones the mean over pieces of `size` tokens, weighted by length.

    tokenizer: a `whole` one. unit: bring the means to length 1 again. Pieces are cut from the text between tokens, so
    that the model reads each as any other text.
    """
    pieces: list[str] = []
    token_counts: list[int] = []
    text_of_piece: list[int] = []
    tokenized = tokenizer.encode_batch(list(texts), add_special_tokens=False)
    for row, (text, tokens) in enumerate(zip(texts, tokenized, strict=True)):
        for piece, count in _pieces(text, tokens.offsets, size):
            pieces.append(piece)
            token_counts.append(count)
            text_of_piece.append(row)
    vectors = encode(pieces)
    weights = np.asarray(token_counts, dtype=np.float32)
    totals = np.bincount(text_of_piece, weights=weights, minlength=len(texts)).astype(np.float32)
    means = np.zeros((len(texts), vectors.shape[1]), dtype=np.float32)
    np.add.at(means, text_of_piece, vectors * weights[:, None])
    means /= totals[:, None]
    return to_unit_length(means) if unit else means


def _pieces(text: str, offsets: Sequence[tuple[int, int]], size: int) -> list[tuple[str, int]]:
    """Consecutive pieces of at most `size` tokens with their numbers of tokens; a short text is its own piece."""
    if len(offsets) <= size:
        return [(text, max(1, len(offsets)))]
    return [
        (text[part[0][0] : part[-1][1]], len(part))
        for part in (offsets[start : start + size] for start in range(0, len(offsets), size))
    ]
