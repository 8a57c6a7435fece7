"""Whether a folder holds results, without reading them."""

from __future__ import annotations

from pathlib import Path

RESULTS = "results.parquet"
PARTS = "parts"
"""Folder with one file per finished run."""


def check_results(folder: Path) -> None:
    """Raise ValueError for a folder without results and without finished runs."""
    if not (folder / RESULTS).exists() and not (folder / PARTS).is_dir():
        raise ValueError(f"{folder / RESULTS} does not exist: run `python -m simulator run --out {folder} ...` first")
