import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import save_file

from ml_backend.learning.embedding.embedder import Embedder, ModelNotAvailable
from ml_backend.learning.embedding.names import parse, problem_in_live_project

TEXTS = ["first", "second", "third"]
MATRIX = np.arange(12, dtype=np.float16).reshape(3, 4)


def test_rows_of_a_matrix_belong_to_the_fitted_texts_in_their_order(tmp_path):
    np.save(tmp_path / "a.npy", MATRIX)
    save_file({"embeddings": MATRIX, "other": MATRIX}, tmp_path / "a.safetensors")
    for name in ("a.npy", "a.safetensors"):
        embedder = Embedder(str(tmp_path / name))
        assert embedder.needs_corpus
        fitted = embedder.fit(TEXTS)
        vectors = fitted.encode(["third", "first", "third"])
        assert vectors.dtype == np.float32
        np.testing.assert_array_equal(vectors, MATRIX[[2, 0, 2]])


def test_a_repeated_text_has_the_vector_of_its_first_row(tmp_path):
    np.save(tmp_path / "a.npy", MATRIX)
    fitted = Embedder(str(tmp_path / "a.npy")).fit(["same", "other", "same"])
    np.testing.assert_array_equal(fitted.encode(["same"]), MATRIX[[0]])


def test_a_parquet_file_with_texts_needs_no_fit(tmp_path):
    pd.DataFrame({"text": TEXTS, "embedding": list(MATRIX.astype(np.float32))}).to_parquet(tmp_path / "a.parquet")
    pd.DataFrame(MATRIX.astype(np.float32)).rename(columns=str).assign(text=TEXTS).to_parquet(tmp_path / "b.parquet")
    for name in ("a.parquet", "b.parquet"):
        embedder = Embedder(str(tmp_path / name))
        assert not embedder.needs_corpus
        assert embedder.dimensions == 4
        np.testing.assert_array_equal(embedder.encode(["second"]), MATRIX[[1]])
        with pytest.raises(ValueError, match=r"1 of 2 texts have no row.*'fourth'"):
            embedder.encode(["first", "fourth"])


def test_a_matrix_with_another_number_of_rows_is_refused_with_the_numbers(tmp_path):
    np.save(tmp_path / "a.npy", MATRIX)
    with pytest.raises(ValueError, match="3 rows, but there are 2 texts"):
        Embedder(str(tmp_path / "a.npy")).fit(TEXTS[:2])


def test_files_that_hold_no_embeddings_are_refused(tmp_path):
    with pytest.raises(ModelNotAvailable, match="does not exist"):
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


def test_the_pandas_index_in_a_parquet_file_is_no_dimension(tmp_path):
    pd.DataFrame(MATRIX.astype(np.float32), index=[7, 8, 9]).rename(columns=str).to_parquet(tmp_path / "a.parquet")
    fitted = Embedder(str(tmp_path / "a.parquet")).fit(TEXTS)
    np.testing.assert_array_equal(fitted.encode(TEXTS), MATRIX)


@pytest.mark.parametrize("name", ["vectors.npy:unit", "folder/vectors.parquet:bf16", "mine=vectors.safetensors:chunks"])
def test_a_file_takes_no_options(name: str):
    with pytest.raises(ModelNotAvailable, match="a file with vectors takes no options"):
        parse(name)


def test_only_files_with_texts_serve_a_project_that_gets_new_ones():
    for name in ("vectors.npy", "vectors.safetensors"):
        assert "fixed list of texts" in (problem_in_live_project(name) or "")
    assert problem_in_live_project("vectors.parquet") is None
