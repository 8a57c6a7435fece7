"""Embeddings by model and text hash: each text is embedded once, however many projects contain it.

numpy is imported inside the functions that read or write vectors, since the server imports the store without numpy.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, Connection, and_, select, update

from ml_backend.store import tables
from ml_backend.store.changes import record_changes
from ml_backend.store.database import Database, slices
from ml_backend.store.embedding_claims import end_claims

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

VECTORS_AT_ONCE = 4096


class EmbeddingRows:
    """Reads and writes vectors, float32."""

    _database: Database

    def put_embeddings(self, model: str, hashes: Sequence[str], vectors: NDArray[np.float32]) -> None:
        """Store vectors (n, D) float32, in the order of the hashes; vectors that exist already are not changed.

        Claims of these texts end. Raises ValueError if the numbers of hashes and vectors differ.
        """
        import numpy as np

        rows = [
            {"model": model, "text_hash": text_hash, "vector": vector.tobytes()}
            for text_hash, vector in zip(hashes, np.ascontiguousarray(vectors, dtype="<f4"), strict=True)
        ]
        with self._database.writing() as connection:
            for chunk in slices(rows):
                connection.execute(self._database.upsert(tables.embeddings).on_conflict_do_nothing(), chunk)
            end_claims(connection, model, hashes)

    def embeddings(self, model: str, hashes: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        """Text hash → vector (D,) float32; texts without a vector are left out."""
        import numpy as np

        table = tables.embeddings
        vectors: dict[str, NDArray[np.float32]] = {}
        with self._database.reading() as connection:
            for chunk in slices(hashes):
                query = select(table.c.text_hash, table.c.vector).where(
                    table.c.model == model, table.c.text_hash.in_(chunk)
                )
                vectors.update({row[0]: np.frombuffer(row[1], dtype="<f4") for row in connection.execute(query)})
        return vectors

    def refuse_texts(self, project_id: int, problems: Mapping[str, str]) -> None:
        """Give tasks with these texts a problem, which keeps them out of the pool; problems: text hash → problem."""
        task = tables.tasks
        with self._database.writing() as connection:
            for text_hash, problem in problems.items():
                has_text = (task.c.project_id == project_id) & (task.c.text_hash == text_hash)
                _set_problem(self._database, connection, project_id, has_text, problem)

    def accept_texts_again(self, project_id: int, kept: str) -> None:
        """Remove the problems of `refuse_texts`, except those that begin with `kept`."""
        task = tables.tasks
        refused = (task.c.project_id == project_id) & task.c.problem.is_not(None) & task.c.text_hash.is_not(None)
        other = refused & ~task.c.problem.startswith(kept, autoescape=True)
        with self._database.reading() as connection:
            if connection.execute(select(task.c.task_id).where(other).limit(1)).first() is None:
                return
        with self._database.writing() as connection:
            _set_problem(self._database, connection, project_id, other, None)

    def hashes_with_problem(self, project_id: int, hashes: Sequence[str]) -> set[str]:
        """Those of the text hashes that tasks of the project have together with a problem."""
        task = tables.tasks
        refused = (task.c.project_id == project_id) & task.c.problem.is_not(None)
        with self._database.reading() as connection:
            queries = [select(task.c.text_hash).where(refused, task.c.text_hash.in_(chunk)) for chunk in slices(hashes)]
            return {text_hash for query in queries for text_hash in connection.execute(query).scalars()}

    def vectors_by_task(self, project_id: int, model: str) -> Iterator[tuple[list[int], NDArray[np.float32]]]:
        """Yields (task ids, vectors (n, D) float32) in the order of task ids, in chunks of up to 4,096."""
        import numpy as np

        task, vector = tables.tasks, tables.embeddings
        query = (
            select(task.c.task_id, vector.c.vector)
            .join(vector, and_(vector.c.text_hash == task.c.text_hash, vector.c.model == model))
            .where(task.c.project_id == project_id, task.c.problem.is_(None))
            .order_by(task.c.task_id)
            .execution_options(yield_per=VECTORS_AT_ONCE)
        )
        with self._database.reading() as connection:
            for rows in connection.execute(query).partitions():
                joined = b"".join(row[1] for row in rows)
                yield [row[0] for row in rows], np.frombuffer(joined, dtype="<f4").reshape(len(rows), -1)


def _set_problem(
    database: Database, connection: Connection, project_id: int, condition: ColumnElement[bool], problem: str | None
) -> None:
    statement = update(tables.tasks).where(condition).values(problem=problem).returning(tables.tasks.c.task_id)
    record_changes(database, connection, project_id, list(connection.execute(statement).scalars()))
