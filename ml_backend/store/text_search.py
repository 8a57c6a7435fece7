"""Finds tasks by the words of their texts."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, and_, or_, select

from ml_backend.store import tables
from ml_backend.store.database import Database

_ESCAPE = "\\"


class TextSearchRows:
    """Reads texts."""

    _database: Database

    def tasks_with_words(self, project_id: int, words: Sequence[str], first: int, last: int) -> list[int]:
        """Ids of tasks from `first` to `last`, ascending, whose usable text holds all the words, in any letter case.

        words: without NUL; each may have spaces, and may be a part of a longer word.
        """
        task, texts = tables.tasks, tables.texts
        query = (
            select(task.c.task_id)
            .join(texts, texts.c.text_hash == task.c.text_hash)
            .where(
                task.c.project_id == project_id,
                task.c.problem.is_(None),
                task.c.task_id.between(first, last),
                and_(*(self._holds(texts.c.text, word) for word in words)),
            )
            .order_by(task.c.task_id)
        )
        with self._database.reading() as connection:
            return list(connection.execute(query).scalars())

    def _holds(self, text: ColumnElement[str], word: str) -> ColumnElement[bool]:
        holds = text.like if self._database.on_sqlite else text.ilike
        found = holds(_pattern(word), escape=_ESCAPE)
        if word.isascii():
            return found
        # SQLite knows the letter case of ASCII only, and so does PostgreSQL in a database of the locale C.
        spellings = {_pattern(spelled) for spelled in (word.lower(), word.upper(), word.capitalize())}
        return or_(found, *(text.like(pattern, escape=_ESCAPE) for pattern in sorted(spellings)))


def _pattern(word: str) -> str:
    """The word anywhere in a text, without a special meaning of its characters."""
    for special in (_ESCAPE, "%", "_"):
        word = word.replace(special, _ESCAPE + special)
    return f"%{word}%"
