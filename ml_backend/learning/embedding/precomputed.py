"""Precomputed embeddings from .npy, .parquet or .safetensors files, matched to texts by order or by text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning.embedding.names import ModelNotAvailable
from ml_backend.learning.embedding.progress import Report, silent

TEXT_COLUMN = "text"
VECTOR_COLUMNS = ("embedding", "embeddings", "vector")


class Precomputed:
    """A matrix (rows, D) of any float or integer type and, if known, the text of each row.

    .npy: a 2-D array. .safetensors: the tensor `embeddings`, or the only tensor. .parquet: a list column `embedding`,
    `embeddings` or `vector`, or else all numeric columns; a column `text` holds the text of each row.
    """

    def __init__(self, path: str) -> None:
        """Raises ModelNotAvailable if the file is missing or does not hold a matrix of finite numbers."""
        self.path = path
        if not Path(path).is_file():
            raise ModelNotAvailable(f"the file of embeddings {path} does not exist; check its path")
        try:
            matrix, texts = _READERS[Path(path).suffix](Path(path))
        except (OSError, ValueError, KeyError) as error:
            raise ModelNotAvailable(f"{path} cannot be read as embeddings: {error}") from error
        if matrix.ndim != 2 or matrix.dtype.kind not in "fiu":
            raise ModelNotAvailable(f"{path} must hold a matrix of numbers, got {matrix.dtype} of shape {matrix.shape}")
        finite = np.isfinite(matrix).all(axis=1)
        if not finite.all():
            raise ModelNotAvailable(
                f"row {int(np.flatnonzero(~finite)[0])} of {path} holds NaN or infinity; compute it again"
            )
        self._matrix = matrix
        self.dimensions = int(matrix.shape[1])
        self._rows: dict[str, int] | None = None
        if texts is not None:
            self._set_texts(texts)

    @property
    def knows_its_texts(self) -> bool:
        """Whether the text of each row is known."""
        return self._rows is not None

    def matched(self, texts: Sequence[str]) -> Precomputed:
        """Returns a copy whose rows belong to these texts, in this order. Raises ValueError if the numbers differ."""
        if len(texts) != len(self._matrix):
            raise ValueError(
                f"{self.path} has {len(self._matrix):,} rows, but there are {len(texts):,} texts: it needs one row per "
                "text"
            )
        copy = object.__new__(Precomputed)
        copy.__dict__.update(self.__dict__)
        copy._set_texts(texts)
        return copy

    def encode(self, texts: Sequence[str], report: Report = silent) -> NDArray[np.float32]:
        """Returns the vectors (N, D) float32 of N texts. report is not called.

        Raises ValueError if texts have no row in the matrix; the message shows the first of them.
        """
        assert self._rows is not None
        rows = [self._rows.get(text, -1) for text in texts]
        unknown = [text for text, row in zip(texts, rows, strict=True) if row < 0]
        if unknown:
            raise ValueError(
                f"{len(unknown):,} of {len(texts):,} texts have no row in {self.path}: add their vectors to the file. "
                f"The first is {unknown[0][:80]!r}"
            )
        return np.asarray(self._matrix[rows], dtype=np.float32)

    def encode_class_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Returns the vectors (N, D) float32 of N class texts. Raises ModelNotAvailable if one has no row."""
        assert self._rows is not None
        unknown = [text for text in texts if text not in self._rows]
        if unknown:
            raise ModelNotAvailable(
                f"{self.path} has no vectors for {len(unknown):,} of {len(texts):,} class names or descriptions, the "
                f"first of which is {unknown[0][:80]!r}: add them to a .parquet file with the texts of its rows, "
                'choose a model as the embedding, or switch the setting "class_names" off'
            )
        return self.encode(texts)

    def _set_texts(self, texts: Sequence[str]) -> None:
        # If a text occurs several times, its first row is used.
        self._rows = {text: row for row, text in reversed(list(enumerate(texts)))}


MatrixAndTexts = tuple[NDArray[Any], list[str] | None]


def _read_npy(path: Path) -> MatrixAndTexts:
    return np.load(path, mmap_mode="r", allow_pickle=False), None


def _read_safetensors(path: Path) -> MatrixAndTexts:
    from safetensors.numpy import load_file

    tensors = load_file(path)
    if "embeddings" not in tensors and len(tensors) != 1:
        raise ValueError(f"it has the tensors {', '.join(sorted(tensors))}; name one of them `embeddings`")
    matrix: NDArray[Any] = tensors["embeddings"] if "embeddings" in tensors else next(iter(tensors.values()))
    return matrix, None


def _read_parquet(path: Path) -> MatrixAndTexts:
    import pyarrow.parquet as pq
    from pyarrow.types import is_floating, is_integer

    table = pq.read_table(path)
    texts = table[TEXT_COLUMN].to_pylist() if TEXT_COLUMN in table.column_names else None
    for name in VECTOR_COLUMNS:
        if name in table.column_names:
            return np.stack(table[name].to_numpy()), texts
    # pandas may store the index of a table as a column of the file; it is not a dimension of the vectors.
    index = (table.schema.pandas_metadata or {}).get("index_columns", [])
    numbers = [
        field.name
        for field in table.schema
        if (is_floating(field.type) or is_integer(field.type)) and field.name not in index
    ]
    if not numbers:
        raise ValueError(
            f"it needs a column {', '.join(VECTOR_COLUMNS)} or columns of numbers, got {', '.join(table.column_names)}"
        )
    return np.column_stack([table[name].to_numpy() for name in numbers]), texts


_READERS = {".npy": _read_npy, ".safetensors": _read_safetensors, ".parquet": _read_parquet}
