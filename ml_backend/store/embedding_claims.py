"""Texts without a vector, and which worker embeds which of them, so that several embed one project together.

A claim expires if its owner does not renew it. It only saves work: a text that two workers embed gets the same vector.
Times are those of the database, so that machines whose clocks differ agree on what has expired.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, func, or_, select, update

from ml_backend.store import tables
from ml_backend.store.database import Database, slices
from ml_backend.store.leases import CLOCK_TOLERANCE_SECONDS

TRIES = 10
"""How often claiming is tried again when other workers were quicker each time."""


class EmbeddingClaimRows:
    """Finds texts that have no vector, and claims, renews and releases them."""

    _database: Database

    def count_missing_embeddings(self, project_id: int, model: str) -> int:
        """Number of distinct texts of the project without a vector of the model, claimed ones included."""
        count = select(func.count(func.distinct(tables.tasks.c.text_hash)))
        with self._database.reading() as connection:
            return int(connection.execute(_without_vector(count, project_id, model)).scalar_one())

    def count_embedded_texts(self, project_id: int, model: str) -> int:
        """Number of distinct texts of the project with a vector of the model."""
        task, vector = tables.tasks, tables.embeddings
        count = select(func.count(func.distinct(task.c.text_hash))).join(
            vector, (vector.c.text_hash == task.c.text_hash) & (vector.c.model == model)
        )
        with self._database.reading() as connection:
            return int(connection.execute(count.where(task.c.project_id == project_id)).scalar_one())

    def claim_texts(self, project_id: int, model: str, owner: str, seconds: float, limit: int) -> list[tuple[str, str]]:
        """Claim at most `limit` texts without a vector of the model, oldest first; returns (hash, text) of them.

        Half of them are texts of annotated tasks and half of others, so that a project that already has labels soon
        gets both a head and a batch. Nobody else gets the same texts until `seconds` have passed.
        """
        for _ in range(TRIES):
            candidates = self._unclaimed(project_id, model, seconds, limit)
            claimed = self._claim(model, sorted(candidates), owner, seconds)
            if claimed or not candidates:
                return [(text_hash, text) for text_hash, text in candidates.items() if text_hash in claimed]
        return []

    def renew_claims(self, model: str, owner: str, seconds: float) -> None:
        """Let the claims of the owner expire `seconds` from now."""
        table = tables.embedding_claims
        with self._database.writing() as connection:
            statement = update(table).where(table.c.model == model, table.c.owner == owner)
            connection.execute(statement.values(until=self._database.now() + seconds))

    def release_claims(self, owners: Sequence[str]) -> None:
        """End all claims of these owners."""
        with self._database.writing() as connection:
            connection.execute(delete(tables.embedding_claims).where(tables.embedding_claims.c.owner.in_(owners)))

    def claim_owners(self, model: str | None = None) -> list[str]:
        """Owners of claims, expired ones included; of all models, or of one."""
        query = select(tables.embedding_claims.c.owner).distinct()
        if model is not None:
            query = query.where(tables.embedding_claims.c.model == model)
        with self._database.reading() as connection:
            return list(connection.execute(query).scalars())

    def _unclaimed(self, project_id: int, model: str, seconds: float, limit: int) -> dict[str, str]:
        """Text hash → text."""
        task, text, claim = tables.tasks, tables.texts, tables.embedding_claims
        is_claimed = (
            select(claim.c.text_hash)
            .where(
                claim.c.model == model,
                claim.c.text_hash == task.c.text_hash,
                ~_has_expired(claim.c.until, self._database.now(), seconds),
            )
            .exists()
        )
        query = (
            _without_vector(select(text.c.text_hash, text.c.text), project_id, model)
            .join(text, text.c.text_hash == task.c.text_hash)
            .where(~is_claimed)
            .group_by(text.c.text_hash, text.c.text)
            .order_by(func.min(task.c.task_id))
            .limit(limit)
        )
        annotation = tables.annotation_table
        annotated = select(annotation.c.task_id).where(annotation.c.project_id == project_id)
        with self._database.reading() as connection:
            labelled = dict(connection.execute(query.where(task.c.task_id.in_(annotated))).tuples().all())
            others = dict(connection.execute(query.where(task.c.task_id.not_in(annotated))).tuples().all())
        half = max(limit // 2, limit - len(others))
        return dict(list((dict(list(labelled.items())[:half]) | others).items())[:limit])

    def _claim(self, model: str, hashes: Sequence[str], owner: str, seconds: float) -> set[str]:
        """Claim those of the texts that nobody else has claimed or embedded meanwhile.

        hashes: in ascending order, since two transactions that lock rows in different orders would block each other.
        """
        table, vector = tables.embedding_claims, tables.embeddings
        claimed: set[str] = set()
        with self._database.writing() as connection:
            now = self._database.now()
            until = float(connection.execute(select(now)).scalar_one()) + seconds
            statement = self._database.upsert(table)
            statement = statement.on_conflict_do_update(
                index_elements=[table.c.model, table.c.text_hash],
                set_={"owner": statement.excluded.owner, "until": statement.excluded.until},
                where=_has_expired(table.c.until, now, seconds),
            ).returning(table.c.text_hash)
            for chunk in slices(hashes):
                rows = [{"model": model, "text_hash": h, "owner": owner, "until": until} for h in chunk]
                claimed |= set(connection.execute(statement, rows).scalars())
                embedded = select(vector.c.text_hash).where(vector.c.model == model, vector.c.text_hash.in_(chunk))
                done = set(connection.execute(embedded).scalars())
                end_claims(connection, model, sorted(claimed & done))
                claimed -= done
        return claimed


def end_claims(connection: Connection, model: str, hashes: Sequence[str]) -> None:
    """Delete the claims of these texts, within a transaction."""
    table = tables.embedding_claims
    for chunk in slices(hashes):
        connection.execute(delete(table).where(and_(table.c.model == model, table.c.text_hash.in_(chunk))))


def _has_expired(until: ColumnElement[float], now: ColumnElement[float], seconds: float) -> ColumnElement[bool]:
    """Whether a claim of at most `seconds` has expired; one from before the clock was set back has."""
    return or_(until < now, until > now + seconds + CLOCK_TOLERANCE_SECONDS)


def _without_vector(query: Any, project_id: int, model: str) -> Any:
    """The query, from the tasks of the project whose text has no vector of the model and no problem."""
    task, vector = tables.tasks, tables.embeddings
    has_vector = (
        select(vector.c.text_hash).where(vector.c.model == model, vector.c.text_hash == task.c.text_hash).exists()
    )
    return query.select_from(task).where(
        task.c.project_id == project_id, task.c.text_hash.is_not(None), task.c.problem.is_(None), ~has_vector
    )
