"""Vectors of the texts that describe a project's classes, so that a restart does not load the embedding model.

They are not among the embeddings of tasks' texts: a model may encode class texts with another prompt, and texts that no
task has are deleted there. A project keeps only the vectors that it uses now.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, select

from ml_backend.store import tables
from ml_backend.store.database import Database, slices

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class ClassVectorRows:
    """Reads and writes vectors of class texts, float32."""

    _database: Database

    def put_class_vectors(self, project_id: int, keys: Sequence[str], vectors: NDArray[np.float32]) -> None:
        """Replace the project's vectors by these, (n, D) float32 in the order of their keys.

        keys: of a model and a text together. Raises ValueError if the numbers of keys and vectors differ.
        """
        import numpy as np

        table = tables.class_vectors
        by_key = dict(zip(keys, np.ascontiguousarray(vectors, dtype="<f4"), strict=True))
        rows = [{"project_id": project_id, "key": key, "vector": vector.tobytes()} for key, vector in by_key.items()]
        with self._database.writing() as connection:
            connection.execute(delete(table).where(table.c.project_id == project_id))
            for chunk in slices(rows):
                connection.execute(insert(table), chunk)

    def class_vectors(self, project_id: int) -> dict[str, NDArray[np.float32]]:
        """Key → vector (D,) float32, of the class texts that the project used last."""
        import numpy as np

        table = tables.class_vectors
        query = select(table.c.key, table.c.vector).where(table.c.project_id == project_id)
        with self._database.reading() as connection:
            return {row[0]: np.frombuffer(row[1], dtype="<f4") for row in connection.execute(query)}
