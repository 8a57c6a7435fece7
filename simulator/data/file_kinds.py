"""The kinds of files that hold data, by their endings."""

from __future__ import annotations

from pathlib import Path

from simulator.data.data_error import DataError

DELIMITED = (".csv", ".tsv")
JSON = (".json", ".jsonl", ".ndjson")
SUFFIXES = (".parquet", *DELIMITED, *JSON, ".xlsx")
"""Endings of the files that are read, in any letter case."""
REMEDIES = {
    ".gz": "unpack it first, with `gunzip`",
    ".bz2": "unpack it first, with `bunzip2`",
    ".xz": "unpack it first, with `unxz`",
    ".zst": "unpack it first, with `unzstd`",
    ".zip": "unpack it first, with `unzip`",
    ".xls": "save it as .xlsx or as CSV UTF-8",
    ".ods": "save it as .xlsx or as CSV UTF-8",
    ".txt": "if it has columns, rename it to .csv or .tsv",
}
"""Ending → what to do with such a file."""


def check_kind(path: Path) -> None:
    """Raise DataError, with what to do, for a file whose ending is not one of SUFFIXES."""
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        kind = f"unknown kind of file {path.suffix!r}" if suffix else "the name of a file with data needs an ending"
        remedy = f". {path.name}: {REMEDIES[suffix]}" if suffix in REMEDIES else ""
        raise DataError(f"{path}: {kind}; known: {', '.join(SUFFIXES)}{remedy}")
