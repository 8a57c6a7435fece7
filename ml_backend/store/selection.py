"""Reads all rows of a query, or those with some values, without exceeding the parameters of a statement."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select

from ml_backend.store.database import slices


def selected_rows(
    connection: Connection, query: Select[Any], column: ColumnElement[int], values: Iterable[int] | None
) -> Iterator[Row[Any]]:
    """The query's rows, or only those whose column has one of the values."""
    if values is None:
        yield from connection.execute(query.execution_options(yield_per=4096))
        return
    for chunk in slices(sorted(values)):
        yield from connection.execute(query.where(column.in_(chunk)))
