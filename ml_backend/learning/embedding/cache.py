"""Embeddings on disk by text and model: a text is paid for once, whichever data set or run has it.

For work without a database; the live service keeps vectors in its store, the simulator a matrix a data set. A folder
a model, in it chunks of at most CHUNK texts, each a file of 16-byte text hashes and their vectors. A file is written
aside and then renamed: a crash costs the chunk under way, and several processes may share a folder (at worst a text is
embedded twice).
"""

from __future__ import annotations

import hashlib
import json
import os
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning.embedding.embedder import Embedder, encode_layers
from ml_backend.learning.embedding.names import parse
from ml_backend.learning.embedding.progress import bar

CHUNK = 1024
"""Texts a file; some seconds of work on a CPU."""
HASH_BYTES = 16

Vectors = NDArray[np.float32]


class EmbeddingCache:
    """A folder of embeddings that only grows."""

    def __init__(self, folder: Path | str) -> None:
        self._folder = Path(folder)

    def encode(self, embedder: Embedder, texts: Sequence[str], progress: bool = False) -> Vectors:
        """(N, D) float32 as `embedder.encode`; what is known is looked up, what is not is computed and kept.

        TF-IDF, random projections and matrices on disk cost less than a look-up and pass through.
        Raises what the embedder raises.
        """
        if not len(texts) or not embedder.worth_keeping:
            return embedder.encode(texts, progress=progress)

        def compute(some: list[str]) -> list[Vectors]:
            return [embedder.encode(some)]

        return self._encode([embedder.name], compute, texts, progress)[0]

    def encode_layers(
        self, texts: Sequence[str], layers: Sequence[int | str], progress: bool = False
    ) -> dict[str, Vectors]:
        """As `embedder.encode_layers`: name to (N, 384) float32; texts that lack any layer are read once for all."""
        titles = [f"minilm:layer{layer}" if isinstance(layer, int) else layer for layer in layers]
        if not len(texts):
            return encode_layers(texts, titles)

        def compute(some: list[str]) -> list[Vectors]:
            return list(encode_layers(some, titles).values())

        names = [str(parse(title)) for title in titles]
        return dict(zip(titles, self._encode(names, compute, texts, progress), strict=True))

    def _encode(
        self, names: list[str], compute: Callable[[list[str]], list[Vectors]], texts: Sequence[str], progress: bool
    ) -> list[Vectors]:
        digests = [_digest(text) for text in texts]
        distinct = dict(zip(digests, texts, strict=True))
        rows = {digest: row for row, digest in enumerate(distinct)}
        shelves = [_Shelf(self._folder, name, rows) for name in names]
        missing = [digest for digest, row in rows.items() if not all(shelf.known[row] for shelf in shelves)]
        with bar(f"embedding with {', '.join(names)}", len(missing), progress and bool(missing)) as report:
            for start in range(0, len(missing), CHUNK):
                some = missing[start : start + CHUNK]
                for shelf, vectors in zip(shelves, compute([distinct[digest] for digest in some]), strict=True):
                    shelf.put(some, vectors)
                report(len(some))
        order = [rows[digest] for digest in digests]
        return [shelf.vectors if len(rows) == len(order) else shelf.vectors[order] for shelf in shelves]


class _Shelf:
    """The chunks of one model, and from them the rows that are wanted: `known` (n,) bool, `vectors` (n, D) float32."""

    vectors: Vectors

    def __init__(self, folder: Path, name: str, rows: dict[bytes, int]) -> None:
        self._folder = folder / hashlib.sha256(name.encode()).hexdigest()[:16]
        self._name, self._rows = name, rows
        self.known = np.zeros(len(rows), dtype=np.bool_)
        for path in sorted(self._folder.glob("*.npz")):
            self._read(path)

    def put(self, digests: list[bytes], vectors: Vectors) -> None:
        """Keep what is new among these, on disk as well."""
        new = [i for i, digest in enumerate(digests) if not self.known[self._rows[digest]]]
        if not new:
            return
        self._take(digests, new, vectors[new])
        if not self._folder.exists():
            self._folder.mkdir(parents=True, exist_ok=True)
            (self._folder / "model.json").write_text(json.dumps({"embedding": self._name}))
        hashes = np.frombuffer(b"".join(digests[i] for i in new), dtype=np.uint8).reshape(len(new), HASH_BYTES)
        path = self._folder / f"{uuid.uuid4().hex}.npz"
        aside = path.with_suffix(".part")
        with aside.open("wb") as file:
            np.savez(file, hashes=hashes, vectors=vectors[new])
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)

    def _read(self, path: Path) -> None:
        with np.load(path, allow_pickle=False) as chunk:
            raw = chunk["hashes"].tobytes()
            digests = [raw[start : start + HASH_BYTES] for start in range(0, len(raw), HASH_BYTES)]
            wanted = [i for i, digest in enumerate(digests) if digest in self._rows]
            if wanted:
                self._take(digests, wanted, chunk["vectors"][wanted])

    def _take(self, digests: list[bytes], chosen: list[int], vectors: Vectors) -> None:
        rows = [self._rows[digests[i]] for i in chosen]
        if not self.known.any():
            self.vectors = np.empty((len(self.known), vectors.shape[1]), dtype=np.float32)
        self.vectors[rows] = vectors
        self.known[rows] = True


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=HASH_BYTES).digest()
