import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import save_file

from ml_backend.learning.embedding import cache as embedding_cache
from ml_backend.learning.embedding.cache import EmbeddingCache
from ml_backend.learning.embedding.embedder import Embedder, ModelNotAvailable, encode_layers, load

TEXTS = ["first", "second", "third"]
MATRIX = np.arange(12, dtype=np.float16).reshape(3, 4)


def test_rows_of_a_matrix_are_matched_in_order(tmp_path):
    np.save(tmp_path / "a.npy", MATRIX)
    save_file({"embeddings": MATRIX, "other": MATRIX}, tmp_path / "a.safetensors")
    for name in ("a.npy", "a.safetensors"):
        embedder = Embedder(str(tmp_path / name))
        assert embedder.needs_corpus
        fitted = embedder.fit(TEXTS)
        vectors = fitted.encode(["third", "first", "third"])
        assert vectors.dtype == np.float32
        np.testing.assert_array_equal(vectors, MATRIX[[2, 0, 2]])


def test_of_copies_of_a_text_the_first_row_counts(tmp_path):
    np.save(tmp_path / "a.npy", MATRIX)
    fitted = Embedder(str(tmp_path / "a.npy")).fit(["same", "other", "same"])
    np.testing.assert_array_equal(fitted.encode(["same"]), MATRIX[[0]])


def test_parquet_says_itself_which_row_is_which_text(tmp_path):
    pd.DataFrame({"text": TEXTS, "embedding": list(MATRIX.astype(np.float32))}).to_parquet(tmp_path / "a.parquet")
    pd.DataFrame(MATRIX.astype(np.float32)).rename(columns=str).assign(text=TEXTS).to_parquet(tmp_path / "b.parquet")
    for name in ("a.parquet", "b.parquet"):
        embedder = Embedder(str(tmp_path / name))
        assert not embedder.needs_corpus
        assert embedder.dimensions == 4
        np.testing.assert_array_equal(embedder.encode(["second"]), MATRIX[[1]])
        with pytest.raises(ValueError, match=r"1 of 2 texts have no row.*'fourth'"):
            embedder.encode(["first", "fourth"])


def test_another_number_of_texts_is_refused_with_the_numbers(tmp_path):
    np.save(tmp_path / "a.npy", MATRIX)
    with pytest.raises(ValueError, match="3 rows, but there are 2 texts"):
        Embedder(str(tmp_path / "a.npy")).fit(TEXTS[:2])


def test_files_that_hold_no_embeddings_are_refused(tmp_path):
    with pytest.raises(ModelNotAvailable, match="no file"):
        Embedder(str(tmp_path / "none.npy"))
    np.save(tmp_path / "nan.npy", np.array([[1.0, 2.0], [np.nan, 1.0]]))
    with pytest.raises(ModelNotAvailable, match="row 1"):
        Embedder(str(tmp_path / "nan.npy"))
    save_file({"a": MATRIX, "b": MATRIX}, tmp_path / "two.safetensors")
    with pytest.raises(ModelNotAvailable, match="name one of them `embeddings`"):
        Embedder(str(tmp_path / "two.safetensors"))
    (tmp_path / "broken.npy").write_bytes(b"nonsense")
    with pytest.raises(ModelNotAvailable, match="cannot be read"):
        Embedder(str(tmp_path / "broken.npy"))


class Counting:
    """An embedder that counts what it computes, and may fail at a text."""

    name, worth_keeping = "counting", True

    def __init__(self, fails_at=None):
        self.computed, self.fails_at = [], fails_at

    def encode(self, texts, progress=False):
        if self.fails_at in texts:
            raise KeyboardInterrupt
        self.computed.extend(texts)
        return np.array([[len(text), hash(text) % 1000] for text in texts], dtype=np.float32).reshape(len(texts), 2)


def test_known_texts_are_looked_up(tmp_path):
    embedder = Counting()
    first = EmbeddingCache(tmp_path).encode(embedder, ["a", "bb", "a"])
    again = EmbeddingCache(tmp_path).encode(embedder, ["bb", "ccc", "a"])
    assert embedder.computed == ["a", "bb", "ccc"]
    np.testing.assert_array_equal(again[[0, 2]], first[[1, 0]])
    np.testing.assert_array_equal(again, Counting().encode(["bb", "ccc", "a"]))


def test_a_crash_costs_the_chunk_under_way(tmp_path, monkeypatch):
    monkeypatch.setattr(embedding_cache, "CHUNK", 2)
    texts = ["a", "b", "c", "d", "e"]
    with pytest.raises(KeyboardInterrupt):
        EmbeddingCache(tmp_path).encode(Counting(fails_at="d"), texts)
    embedder = Counting()
    EmbeddingCache(tmp_path).encode(embedder, texts)
    assert embedder.computed == ["c", "d", "e"]


def test_half_written_chunks_are_not_read(tmp_path, monkeypatch):
    def full_disk(file, **arrays):
        file.write(b"PK half of it")
        raise OSError("no space left on device")

    EmbeddingCache(tmp_path).encode(Counting(), ["a"])
    with monkeypatch.context() as patch:
        patch.setattr(np, "savez", full_disk)
        with pytest.raises(OSError, match="no space"):
            EmbeddingCache(tmp_path).encode(Counting(), ["b"])
    embedder = Counting()
    EmbeddingCache(tmp_path).encode(embedder, ["a", "b"])
    assert embedder.computed == ["b"]


def test_models_do_not_share_vectors(tmp_path):
    cache, other = EmbeddingCache(tmp_path), Counting()
    other.name = "other"
    cache.encode(Counting(), ["a"])
    cache.encode(other, ["a"])
    assert other.computed == ["a"]


def test_layers_are_kept_one_by_one(tmp_path):
    cache, texts = EmbeddingCache(tmp_path), ["hello", "world"]
    whole = cache.encode_layers(texts, [1, "minilm"])
    for name, vectors in encode_layers(texts, [1, "minilm"]).items():
        np.testing.assert_allclose(whole[name], vectors, atol=2e-6)
    np.testing.assert_array_equal(cache.encode(load("minilm"), texts), whole["minilm"])
    assert cache.encode(load("minilm"), []).shape == (0, 384)
