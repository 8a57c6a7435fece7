"""Which datasets there are: the files of a folder, a single file, or those of the registry on the hub."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from ml_backend.learning.unknown_names import unknown_name
from simulator.data.data_error import DataError
from simulator.data.encodings import access_to
from simulator.data.file_kinds import SUFFIXES, check_kind
from simulator.data.registry import CARDS

PROGRAMS_OWN = (".", "~$")
"""Names of files that are no data begin so: hidden ones, and those with which Excel marks an open workbook."""


def known_names(data: Path | None) -> list[str]:
    """Names of the datasets: those of the files in the folder, of the file, or that the hub has if `data` is None.

    Raises DataError for a folder that cannot be opened or has no file with data, and if two files in it have the same
    name with different suffixes.
    """
    if data is None:
        return [name for name, card in CARDS.items() if not card.note]
    with access_to(data):
        if not data.is_dir():
            return [data.stem]
    files = _files(data)
    if not files:
        raise DataError(f"the folder {data} has no file that can be read: {', '.join(SUFFIXES)}")
    return [_single_file(name, list(same)).stem for name, same in groupby(files, key=lambda p: p.stem)]


def check_dataset(name: str, data: Path | None) -> None:
    """Raise DataError for an unknown name, a missing file or folder, or an unknown kind of file; reads no file."""
    if data is not None:
        check_kind(file_of(name, data))
    elif name not in CARDS:
        raise DataError(f"{unknown_name('dataset', name, list(CARDS))}. For a file of your own, give --data.")
    elif CARDS[name].note:
        raise DataError(f"{name}: {CARDS[name].note}")


def file_of(name: str, data: Path) -> Path:
    """The file of a dataset: `data` itself, or a file in this folder. Raises DataError if there is none or several."""
    with access_to(data):
        exists, is_folder = data.exists(), data.is_dir()
    if not exists:
        raise DataError(f"{data}: no such file or folder; check --data")
    if not is_folder:
        if name != data.stem:
            raise DataError(f"unknown dataset {name!r}; the file {data} is called {data.stem!r}")
        return data
    files = _files(data)
    if name in {path.stem for path in files}:
        return _single_file(name, [path for path in files if path.stem == name])
    if name in CARDS:
        in_registry = " (the registry knows it: leave --data out to load it from the hub)"
        raise DataError(f"unknown dataset {name!r}{in_registry}; the folder {data} has: {_names(files)}")
    names = list(dict.fromkeys(path.stem for path in files))
    raise DataError(f"{unknown_name('dataset', name, names)}. They are the files of the folder {data}.")


def _names(files: Sequence[Path]) -> str:
    return ", ".join(dict.fromkeys(path.stem for path in files)) or "none"


def _files(folder: Path) -> list[Path]:
    with access_to(folder):
        files = [p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES and not p.name.startswith(PROGRAMS_OWN)]
    return sorted(files, key=lambda p: (p.stem, p.suffix))


def _single_file(name: str, files: Sequence[Path]) -> Path:
    if len(files) > 1:
        raise DataError(
            f"the dataset {name!r} is in {len(files)} files, {' and '.join(map(str, files))}: rename or remove all "
            "but one"
        )
    return files[0]
