"""Handles texts that are longer than a model's limit, for all models.

There are two ways, chosen by an option in the name of the embedding (`minilm:chunks`):
cut     Only the first tokens are used, up to the limit; the rest is dropped. Tokenizers do this themselves
        (`with_truncation`). If an ending is added after the text, it must not be cut off; then `first_tokens` shortens
        the text before.
chunks  The whole text is used, in consecutive pieces up to the limit. The vector is the mean of the pieces' vectors,
        weighted by their numbers of tokens (`mean_of_chunks`).
The limit is the model's own number of tokens, or that of the option `max128`. `text_tokens` is the part of it that is
left for the text.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning.embedding.unit_length import to_unit_length

Encode = Callable[[list[str]], NDArray[np.float32]]
"""Maps N texts within the model's limit to vectors (N, D) float32."""


def with_truncation(tokenizer: Any, max_length: int) -> Any:
    """Returns a copy of the tokenizer that cuts texts at `max_length` tokens, special ones included.

    tokenizer: a Tokenizer of the tokenizers package.
    """
    tokenizer = copy.deepcopy(tokenizer)
    tokenizer.enable_truncation(max_length)
    tokenizer.no_padding()
    return tokenizer


def without_truncation(tokenizer: Any) -> Any:
    """Returns a copy of the tokenizer that reads texts of any length.

    tokenizer: a Tokenizer of the tokenizers package.
    """
    tokenizer = copy.deepcopy(tokenizer)
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def text_tokens(tokenizer: Any, max_length: int, *around: str) -> int:
    """Returns the number of tokens that are left for a text, without special tokens and the texts around it.

    tokenizer: result of `without_truncation`; max_length: limit of the model in tokens; around: texts that are put
    before or after each text. Raises ValueError if no token is left.
    """
    reserved = tokenizer.num_special_tokens_to_add(False)
    reserved += sum(len(tokenizer.encode(part, add_special_tokens=False).ids) for part in around if part)
    if reserved >= max_length:
        raise ValueError(
            f"a limit of {max_length} tokens leaves none for the text: {reserved} are special tokens or belong to the "
            "prompt; raise the limit or shorten the prompt"
        )
    return max_length - int(reserved)


def first_tokens(texts: Sequence[str], tokenizer: Any, size: int) -> list[str]:
    """Returns each text shortened to its first `size` tokens; tokenizer: result of `without_truncation`."""
    tokenized = tokenizer.encode_batch(list(texts), add_special_tokens=False)
    return [_pieces(text, tokens.offsets, size)[0][0] for text, tokens in zip(texts, tokenized, strict=True)]


def mean_of_chunks(texts: Sequence[str], tokenizer: Any, size: int, encode: Encode, unit: bool) -> NDArray[np.float32]:
    """Returns vectors (N, D) float32 of N texts; the vector of a long text is the weighted mean over its pieces.

    A piece has at most `size` tokens, and its weight is its number of tokens. Pieces are cut from the text between
    tokens, so the model reads each piece like any other text.
    tokenizer: result of `without_truncation`; encode: maps pieces to vectors; unit: whether the means are scaled to
    length 1.
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
    """Returns consecutive pieces of at most `size` tokens, each with its token count; a short text is one piece."""
    if len(offsets) <= size:
        return [(text, max(1, len(offsets)))]
    return [
        (text[part[0][0] : part[-1][1]], len(part))
        for part in (offsets[start : start + size] for start in range(0, len(offsets), size))
    ]
