"""Write a folder so that it is there whole or not at all."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ml_backend.pipeline.export.errors import ExportFailed

MARK = "model.json"
"""A file that every exported folder has."""


@contextmanager
def new_folder(folder: Path, force: bool) -> Iterator[Path]:
    """Yields an empty folder beside `folder` to write into; it gets its name when the block ends without an error.

    force: whether an earlier export of that name is replaced. Raises ExportFailed if the folder may not be written,
    and for OSError of the block.
    """
    check_folder(folder, force)
    beside = folder.parent / f".{folder.name}.{uuid.uuid4().hex[:8]}.part"
    try:
        beside.mkdir(parents=True)
        yield beside
        _move(beside, folder)
    except OSError as problem:
        raise ExportFailed(f"{folder} cannot be written: {problem.strerror or problem}") from problem
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def check_folder(folder: Path, force: bool) -> None:
    """Raise ExportFailed for a folder that may not be written. force: as of `new_folder`."""
    if folder.is_dir() and not any(folder.iterdir()):
        return
    if not folder.exists():
        return
    if not (folder / MARK).is_file():
        raise ExportFailed(f"{folder} exists and is not an exported model: choose another folder")
    if not force:
        raise ExportFailed(f"{folder} exists: choose another folder, or replace it with --force")


def _move(beside: Path, folder: Path) -> None:
    """Give the new folder its name; an earlier one is put aside first, as a folder cannot replace one with files."""
    if not folder.exists():
        beside.rename(folder)
        return
    aside = beside.with_suffix(".old")
    folder.rename(aside)
    try:
        beside.rename(folder)
    except OSError:
        aside.rename(folder)
        raise
    shutil.rmtree(aside, ignore_errors=True)
