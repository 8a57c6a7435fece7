"""Rows of Parquet files."""

from __future__ import annotations

import math
from collections.abc import Collection
from pathlib import Path
from typing import Any, BinaryIO

from pyarrow import parquet

from simulator.data.columns import top_of
from simulator.data.data_error import DataError
from simulator.data.encodings import opened
from simulator.data.rows import Rows, check_names


def read_parquet(path: Path, wanted: Collection[str]) -> Rows:
    """Read the wanted columns of a Parquet file; rows are counted from 1. Raises DataError for a broken file."""
    with opened(path) as file:
        try:
            names, columns = _columns(file, {*wanted, *map(top_of, wanted)})
        except Exception as problem:
            raise DataError(
                f"{path} cannot be read as Parquet: {str(problem).rstrip('.')}. It may be incomplete: "
                "write or copy it again."
            ) from problem
    repeated = check_names(str(path), names, wanted)
    n_rows = len(columns[0]) if columns else 0
    values = {name: column for name, column in zip(names, columns, strict=True) if name not in repeated}
    return Rows(str(path), "row", range(1, n_rows + 1), values)


def _columns(file: BinaryIO, read: Collection[str]) -> tuple[list[str], list[list[Any]]]:
    """Names of all columns, and the values of those in `read`; others, which may be large, have None instead."""
    table = parquet.read_table(file)
    names = [str(name) for name in table.column_names]
    return names, [
        [_value(cell) for cell in table.column(i).to_pylist()] if name in read else [None] * len(table)
        for i, name in enumerate(names)
    ]


def _value(cell: Any) -> Any:
    # In a column of numbers, NaN stands for no value.
    return None if isinstance(cell, float) and math.isnan(cell) else cell
