"""Deletes texts, and their vectors, that no task has any more."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, delete, select

from ml_backend.store import tables
from ml_backend.store.database import slices

HASHES_AT_ONCE = 500


def delete_unused_texts(connection: Connection, hashes: Sequence[str]) -> None:
    """Delete the texts with these hashes, and their vectors, unless a task still has them."""
    used = tables.tasks.c.text_hash
    for hash_slice in slices(hashes, HASHES_AT_ONCE):
        still_used = set(connection.execute(select(used).where(used.in_(hash_slice)).distinct()).scalars())
        unused = [text_hash for text_hash in hash_slice if text_hash not in still_used]
        for table in (tables.texts, tables.embeddings):
            connection.execute(delete(table).where(table.c.text_hash.in_(unused)))
