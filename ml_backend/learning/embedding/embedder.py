"""Texts to vectors with a frozen embedding, known by its name."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from functools import cache
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning.embedding.names import (
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
from ml_backend.learning.embedding.registry import registered
from ml_backend.learning.numerics.finite import NotFinite, not_finite
from ml_backend.text_fields import FIELD_SEPARATOR

__all__ = ["PACKAGED", "Embedder", "ModelNotAvailable", "NeedsCorpus", "encode_layers", "load"]

Vectors = NDArray[np.float32]

IN_FLOAT32 = "float16 overflows in some models, bf16 and float32 do not"


class Encoder(Protocol):
    """What turns distinct texts into vectors; there is one for each kind of name."""

    dimensions: int

    def encode(self, texts: Sequence[str], report: Report) -> Vectors:
        """(N, dimensions) float32; report is called with the number of texts done since the last call."""


class Embedder:
    """A named embedding; `encode` gives the same vector for the same text every time (to float32 rounding, 1e-6).

    Names: `minilm` (packaged; vectors of length 1), `minilm:layer1` … `minilm:layer6` (mean-pooled hidden states, not
    normalised), `tfidf`, `random-projection`, a word of the registry, a hub id or folder of a sentence-transformers
    model, or the path of a computed matrix; after colons come options (see `names.OPTIONS`).

    `tfidf` and matrices without texts are defined for one list of texts only: `needs_corpus` is True until
    `fit(texts)`, which returns an embedder that is ready to encode. Thread-safe.
    """

    def __init__(self, name: str, *, prompt: str | None = None, trust_remote_code: bool = False) -> None:
        """prompt: put before every text, instead of the model's own; trust_remote_code: run code from its hub page.

        Raises ModelNotAvailable naming the remedy: unknown or unreachable model, missing package, unreadable file.
        """
        self._wanted = parse(name)
        self.name = str(self._wanted)
        if prompt is not None:
            self.name += f":prompt-{hashlib.sha256(prompt.encode()).hexdigest()[:8]}"
        self._encoder = _encoder(self._wanted, prompt, trust_remote_code)
        self._lock = threading.Lock()

    @property
    def needs_corpus(self) -> bool:
        """Whether `fit` has to come before `encode`."""
        return self._encoder is None

    @property
    def dimensions(self) -> int:
        """Length of a vector. Raises NeedsCorpus where that is known only after `fit`."""
        return self._ready().dimensions

    def fit(self, texts: Sequence[str]) -> Self:
        """This embedding for a list of texts: TF-IDF is fitted on them, a matrix's rows are matched to them in order.

        Returns a new Embedder, whose name ends in a fingerprint of the texts; other embeddings return themselves.
        Raises ValueError when a matrix has another number of rows, or the texts no words.
        """
        _check(texts)
        encoder = _fitted(self._wanted, texts)
        if encoder is None:
            return self
        fitted = object.__new__(type(self))
        fitted._wanted, fitted._lock, fitted._encoder = self._wanted, threading.Lock(), encoder
        fitted.name = f"{self._wanted}:{_fingerprint(texts)}"
        return fitted

    def encode(self, texts: Sequence[str], report: Report = silent) -> Vectors:
        """Embeddings of the texts in their order, (N, D) float32; (0, D) for none. A text given twice costs once.

        `FIELD_SEPARATOR` in a text becomes what the model reads between two fields.
        report: called with the number of distinct texts done since the last call.
        Raises TypeError naming the row that is no string, NotFinite naming the row whose vector holds NaN or infinity,
        and NeedsCorpus before `fit`.
        """
        _check(texts)
        encoder = self._ready()
        if not len(texts):
            return np.empty((0, encoder.dimensions), dtype=np.float32)
        between = self._wanted.field_separator
        distinct, rows = _distinct([text.replace(FIELD_SEPARATOR, between) for text in texts])
        with self._lock:
            vectors = encoder.encode(distinct, report)
        bad = not_finite(vectors)
        if len(bad):
            row = int(np.flatnonzero(rows == bad[0])[0])
            raise NotFinite(
                row, f"by {self.name} holds NaN or infinity", f"its text is {texts[row][:60]!r}; {IN_FLOAT32}"
            )
        return vectors if len(distinct) == len(texts) else vectors[rows]

    def _ready(self) -> Encoder:
        if self._encoder is None:
            raise NeedsCorpus(
                f"the embedding {self.name} is fitted on a fixed list of texts: call fit(texts) first. "
                f"A live project's texts keep coming, so it cannot serve one; choose minilm or a hub model there"
            )
        return self._encoder


def encode_layers(texts: Sequence[str], layers: Sequence[int | str], report: Report = silent) -> dict[str, Vectors]:
    """Several layers of the packaged model in one pass over the texts: name → (N, 384) float32.

    layers: numbers 1 to 6 or names, `minilm:layer3` or `minilm` (its last layer at length 1), which come back as keys.
    Costs as much as its highest layer. report: as of `Embedder.encode`.
    Raises ModelNotAvailable for names that are no layer of the packaged model, and TypeError as `Embedder.encode`.
    """
    from ml_backend.learning.embedding.minilm_encoder import MiniLMEncoder

    _check(texts)
    names = [f"minilm:layer{layer}" if isinstance(layer, int) else layer for layer in layers]
    wanted = [parse(name) for name in names]
    for name, parsed in zip(names, wanted, strict=True):
        if parsed not in (EmbeddingName(PACKAGED), EmbeddingName(PACKAGED, layer=parsed.layer)):
            raise ModelNotAvailable(f"one pass gives minilm and minilm:layer1 … layer{PACKAGED_LAYERS}, not {name!r}")
    if not len(texts):
        return {name: np.empty((0, MiniLMEncoder.dimensions), dtype=np.float32) for name in names}
    between = wanted[0].field_separator
    distinct, rows = _distinct([text.replace(FIELD_SEPARATOR, between) for text in texts])
    by_name = MiniLMEncoder(wanted[0]).encode_several(distinct, wanted, report)
    return {name: vectors[rows] for name, vectors in zip(names, by_name, strict=True)}


def _encoder(wanted: EmbeddingName, prompt: str | None, trust_remote_code: bool) -> Encoder | None:
    """What encodes that name; None while it waits for its texts."""
    if wanted.model == TFIDF:
        return None
    if wanted.is_matrix:
        from ml_backend.learning.embedding.precomputed import Precomputed

        matrix = Precomputed(wanted.model)
        return matrix if matrix.knows_its_texts else None
    if wanted.model == RANDOM_PROJECTION:
        from ml_backend.learning.embedding.random_projection import RandomProjection

        return RandomProjection()
    if wanted.model == PACKAGED:
        from ml_backend.learning.embedding.minilm_encoder import MiniLMEncoder

        return MiniLMEncoder(wanted)
    from ml_backend.learning.embedding.sentence_models import SentenceModel

    return SentenceModel(wanted, registered(wanted.model), prompt, trust_remote_code)


def _fitted(wanted: EmbeddingName, texts: Sequence[str]) -> Encoder | None:
    if wanted.model == TFIDF:
        from ml_backend.learning.embedding.tfidf import TfidfSvd

        return TfidfSvd(texts)
    if wanted.is_matrix:
        from ml_backend.learning.embedding.precomputed import Precomputed

        matrix = Precomputed(wanted.model)
        return matrix if matrix.knows_its_texts else matrix.matched(texts)
    return None


def _check(texts: Sequence[str]) -> None:
    for row, text in enumerate(texts):
        if not isinstance(text, str):
            raise TypeError(f"texts must be str; row {row} is {type(text).__name__}")


def _distinct(texts: Sequence[str]) -> tuple[list[str], NDArray[np.int64]]:
    """The texts without copies, and for each text its row among them."""
    first: dict[str, int] = {}
    rows = np.fromiter((first.setdefault(text, len(first)) for text in texts), dtype=np.int64, count=len(texts))
    return list(first), rows


def _fingerprint(texts: Sequence[str]) -> str:
    digest = hashlib.sha256()
    for text in texts:
        data = text.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "little") + data)
    return digest.hexdigest()[:12]


_loading = threading.Lock()


@cache
def _loaded(name: str, trust_remote_code: bool) -> Embedder:
    return Embedder(name, trust_remote_code=trust_remote_code)


def load(name: str, *, trust_remote_code: bool = False) -> Embedder:
    """The process's one embedder of that name; thread-safe. Raises ModelNotAvailable.

    trust_remote_code: allow models that bring their own code. It is an argument and no option of the name: who may
    set a project's model is not always who may run code on this machine.
    """
    with _loading:
        return _loaded(str(parse(name)), trust_remote_code)
