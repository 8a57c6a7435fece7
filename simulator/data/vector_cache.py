"""Cache of embeddings on disk: each dataset is embedded once, and later experiments read the files."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning.embedding.class_texts import class_text_key, encode_class_texts
from simulator.data.atomic_files import write_atomically
from simulator.data.cached_dataset import CachedDataset
from simulator.data.dataset_files import keep
from simulator.data.datasets import Dataset
from simulator.data.embedding_names import content_of, separator
from simulator.data.embeddings import embed, embedder_of_classes
from simulator.data.progress import Count, uncounted


def embed_and_cache(
    dataset: Dataset, embeddings: Sequence[str], cache: Path, count: Count = uncounted
) -> Iterator[tuple[str, CachedDataset]]:
    """Yield the name and files of each embedding: first those in the cache, then the others once they are written.

    count: shows how many texts are done. Raises CannotSave, and what `embed` raises.
    """
    labels = _labels_file(dataset, cache)
    keep(dataset, cache)
    files = {name: _embeddings_file(dataset, name, cache) for name in embeddings}
    missing_by_separator: dict[str, list[str]] = {}
    for name, file in files.items():
        if file.exists():
            yield name, CachedDataset(str(file), str(labels), len(dataset.classes))
        else:
            missing_by_separator.setdefault(separator(name), []).append(name)
    for joined_by, names in missing_by_separator.items():
        train, test = (split.joined(joined_by) for split in (dataset.train, dataset.test))
        for name, vectors in embed(names, train, test, dataset.name, count):
            _write_array(files[name], vectors)
            yield name, CachedDataset(str(files[name]), str(labels), len(dataset.classes))


def embed_classes_and_cache(
    cached: CachedDataset, dataset: Dataset, texts: Sequence[str], embedding: str, cache: Path
) -> CachedDataset:
    """The files of a dataset in an embedding, with those of its class vectors, one for each of the texts.

    Raises CannotSave, and what `embedder_of_classes` raises.
    """
    file = _class_vectors_file(dataset, texts, embedding, cache)
    if not file.exists():
        embedder = embedder_of_classes(embedding, dataset.train.joined(separator(embedding)))
        _write_array(file, encode_class_texts(embedder, texts))
    return replace(cached, class_vectors=str(file))


def cached_pool(dataset: Dataset, embedding: str, cache: Path) -> NDArray[np.float32] | None:
    """The vectors of a dataset's pool, (N, D) float32, mapped into memory; None if they are not in the cache."""
    try:
        return np.asarray(np.load(_embeddings_file(dataset, embedding, cache), mmap_mode="r")[: len(dataset.train)])
    except (OSError, ValueError):
        return None


def _embeddings_file(dataset: Dataset, embedding: str, cache: Path) -> Path:
    return cache / "matrices" / f"{quote(embedding, safe=':')}-{_texts_key(dataset, embedding)}.npy"


def _class_vectors_file(dataset: Dataset, texts: Sequence[str], embedding: str, cache: Path) -> Path:
    # The texts of the dataset count too: some embeddings are fitted on them.
    keys = [_texts_key(dataset, embedding), *(class_text_key(embedding, text) for text in texts)]
    digest = hashlib.blake2b("".join(keys).encode(), digest_size=12)
    return cache / "class-vectors" / f"{quote(embedding, safe=':')}-{digest.hexdigest()}.npy"


def _labels_file(dataset: Dataset, cache: Path) -> Path:
    path = cache / "pools" / f"{quote(dataset.name, safe='')}-{dataset.fingerprint()}.npz"
    if not path.exists():
        content = io.BytesIO()
        offered = dataset.train.first_of_each_text()
        words = np.array([len(text.split()) for text in dataset.train.joined(" ")], dtype=np.int64)
        np.savez(content, y=dataset.train.y, y_test=dataset.test.y, offered=offered, words=words)
        write_atomically(path, content.getvalue())
    return path


def _texts_key(dataset: Dataset, embedding: str) -> str:
    digest = hashlib.blake2b(embedding.encode(), digest_size=12)
    digest.update((content_of(embedding) or "").encode())
    for split in (dataset.train, dataset.test):
        digest.update(f"{len(split)}:".encode())
        digest.update("\x00".join(split.joined(separator(embedding))).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def _write_array(path: Path, array: NDArray[np.float32]) -> None:
    content = io.BytesIO()
    np.save(content, np.ascontiguousarray(array, dtype=np.float32))
    write_atomically(path, content.getvalue())
