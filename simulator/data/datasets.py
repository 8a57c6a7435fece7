"""A dataset: texts with their gold labels, a pool to choose from and a test split to measure on."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from simulator.data.registry import CARDS
from simulator.data.sources import SUFFIXES, Columns, DataError, read_file, read_hub

TEST_SHARE = 0.2
"""Of each class, where the data has no split of its own."""


@dataclass(frozen=True)
class Split:
    """texts and, for pair tasks, the second texts; y (N,) int64: position of the label in the dataset's classes."""

    texts: list[str]
    pairs: list[str] | None
    y: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.texts)

    def at(self, rows: NDArray[np.int64]) -> Split:
        """The rows (n,) int64, in their order."""
        pairs = None if self.pairs is None else [self.pairs[i] for i in rows]
        return Split([self.texts[i] for i in rows], pairs, self.y[rows])

    def joined(self, separator: str) -> list[str]:
        """One text per row; pairs with the separator between."""
        if self.pairs is None:
            return self.texts
        return [f"{a}{separator}{b}" for a, b in zip(self.texts, self.pairs, strict=True)]

    def first_of_each_text(self) -> NDArray[np.bool_]:
        """Rows whose text comes for the first time, (N,) bool: nobody is asked the same text twice."""
        return np.asarray(~pd.Series(self.joined("\n"), dtype=object).duplicated(), dtype=bool)


@dataclass(frozen=True)
class Dataset:
    """name; classes: names of the labels, sorted; train: the pool; test: what every cycle is measured on."""

    name: str
    classes: tuple[str, ...]
    train: Split
    test: Split

    def fingerprint(self) -> str:
        """16 hex digits that stand for all texts and labels in their order."""
        digest = hashlib.blake2b(repr(self.classes).encode(), digest_size=8)
        for split in (self.train, self.test):
            digest.update("\x00".join(split.joined("\x01")).encode("utf-8", "surrogatepass"))
            digest.update(split.y.tobytes())
        return digest.hexdigest()


@dataclass(frozen=True)
class Cleaning:
    """What is left out instead of being refused: empty texts, and labels with fewer than `drop_rare` examples."""

    drop_empty: bool = False
    drop_rare: int = 0


def load(
    name: str, data: Path | None, columns: Columns | None = None, cleaning: Cleaning | None = None, seed: int = 0
) -> Dataset:
    """The dataset of that name, out of a folder of files, the file itself, or the hub when `data` is None.

    Without a split column a fifth of each class, drawn by the seed, becomes the test split; copies of a text stay
    together.
    Raises DataError for everything that stands in the way.
    """
    columns = columns or Columns()
    if data is None:
        if name not in CARDS:
            raise DataError(f"unknown dataset {name!r}; known: {', '.join(CARDS)}. Your own: name its file by --data.")
        table = read_hub(name, CARDS[name])
    else:
        table = read_file(_file_of(name, data), columns)
    return from_table(name, table, cleaning or Cleaning(), seed)


def known_names(data: Path | None) -> list[str]:
    """Names that `load` takes: the files of the folder, the file, or the registry.

    Raises DataError where two files of the folder have one name.
    """
    if data is None:
        return list(CARDS)
    if not data.is_dir():
        return [data.stem]
    return [_only(name, list(same)).stem for name, same in groupby(_files(data), key=lambda p: p.stem)]


def _files(folder: Path) -> list[Path]:
    return sorted((p for p in folder.iterdir() if p.suffix in SUFFIXES), key=lambda p: (p.stem, p.suffix))


def _only(name: str, files: Sequence[Path]) -> Path:
    if len(files) > 1:
        raise DataError(
            f"the dataset {name!r} is in {len(files)} files, {' and '.join(map(str, files))}: rename or move away all "
            "but one"
        )
    return files[0]


def _file_of(name: str, data: Path) -> Path:
    if not data.exists():
        raise DataError(f"{data}: no such file or folder")
    if not data.is_dir():
        if name != data.stem:
            raise DataError(f"unknown dataset {name!r}; the file {data} is called {data.stem!r}")
        return data
    files = _files(data)
    if name in {path.stem for path in files}:
        return _only(name, [path for path in files if path.stem == name])
    registered = " (the registry knows it: leave --data out to load it from the hub)" if name in CARDS else ""
    names = dict.fromkeys(path.stem for path in files)
    raise DataError(f"unknown dataset {name!r}{registered}; the folder {data} has: {', '.join(names) or 'none'}")


def from_table(name: str, table: pd.DataFrame, cleaning: Cleaning, seed: int) -> Dataset:
    """Check a table with the columns text, label and perhaps text_pair and split, and make a dataset of it."""
    table = table.reset_index(drop=True)
    _check_cells(name, table)
    table = _without_empty(name, table, cleaning.drop_empty)
    table = table.assign(label=table["label"].astype(str).str.strip())
    table = _without_rare(name, table, max(2, cleaning.drop_rare), refuse=cleaning.drop_rare < 2)
    classes = tuple(sorted(table["label"].unique()))
    if len(classes) < 2:
        only = classes[0] if classes else "none at all"
        raise DataError(f"{name} has one class only ({only}): there is nothing to tell apart")
    y = table["label"].map({label: i for i, label in enumerate(classes)}).to_numpy(dtype=np.int64)
    is_test = _test_rows(name, table, y, seed)
    train, test = (_split(table[rows], y[rows]) for rows in (~is_test, is_test))
    dataset = Dataset(name, classes, train, test)
    check_splits(
        dataset,
        "correct the split column, or leave it out"
        if "split" in table.columns
        else "give texts of its own to each label, since copies of a text stay on one side",
    )
    return dataset


def _check_cells(name: str, table: pd.DataFrame) -> None:
    if not len(table):
        raise DataError(f"{name} has no rows")
    for column in table.columns.intersection(["text", "text_pair", "label"]):
        missing = table[column].isna()
        if column == "label":
            # A CSV has no other way to say that there is no label.
            missing |= table[column].astype(str).str.strip() == ""
        absent = np.flatnonzero(missing)
        if len(absent):
            remedy = "label or remove them" if column == "label" else "remove them"
            raise DataError(f"{name}: {len(absent)} rows have no {column}, the first is row {absent[0]}; {remedy}")
    for column in table.columns.intersection(["text", "text_pair"]):
        strange = [i for i, value in enumerate(table[column]) if not isinstance(value, str)]
        if strange:
            kind = type(table[column].iloc[strange[0]]).__name__
            raise DataError(f"{name}: the {column} of row {strange[0]} is no string but a {kind}")


def _without_empty(name: str, table: pd.DataFrame, drop: bool) -> pd.DataFrame:
    empty = table["text"].str.strip() == ""
    if empty.any() and not drop:
        raise DataError(
            f"{name}: {int(empty.sum())} texts are empty, the first in row {int(np.flatnonzero(empty)[0])}; remove "
            "them, or leave them out by --drop-empty"
        )
    return table[~empty]


def _without_rare(name: str, table: pd.DataFrame, least: int, refuse: bool) -> pd.DataFrame:
    counts = table["label"].value_counts()
    rare = sorted(counts.index[counts < least])
    if rare and refuse and len(counts) > 1:
        raise DataError(
            f"{name}: the label {rare[0]!r} has a single example ({len(rare)} such labels); at least two are needed, "
            "one to learn from and one to measure on. Leave such labels out by --drop-rare 2."
        )
    return table[~table["label"].isin(rare)] if rare and len(counts) > 1 else table


def _test_rows(name: str, table: pd.DataFrame, y: NDArray[np.int64], seed: int) -> NDArray[np.bool_]:
    if "split" in table.columns:
        valid = table["split"].isin(["train", "test"])
        if not valid.all():
            raise DataError(f"{name}: the split must be 'train' or 'test', not {table['split'][~valid].iloc[0]!r}")
        return np.asarray(table["split"] == "test", dtype=bool)
    columns = [column for column in ("text", "text_pair") if column in table.columns]
    return held_out_rows(y, seed, groups=table.groupby(columns, sort=False).ngroup().to_numpy(dtype=np.int64))


def held_out_rows(y: NDArray[np.int64], seed: int, groups: NDArray[np.int64] | None = None) -> NDArray[np.bool_]:
    """A fifth of each class, at least one and never its only one, drawn by the seed, (N,) bool; y (N,) int64.

    groups (N,): rows of one number, copies of a text, stay together; they count once, for the class of their first row.
    """
    groups = np.arange(len(y)) if groups is None else groups
    first = np.sort(np.unique(groups, return_index=True)[1])
    rng = np.random.default_rng(seed)
    drawn = []
    for label in np.unique(y):
        rows = rng.permutation(first[y[first] == label])
        drawn.append(rows[: min(max(1, round(TEST_SHARE * len(rows))), max(0, len(rows) - 1))])
    return np.isin(groups, groups[np.concatenate(drawn)])


def _split(table: pd.DataFrame, y: NDArray[np.int64]) -> Split:
    pairs = table["text_pair"].tolist() if "text_pair" in table.columns else None
    return Split(table["text"].tolist(), pairs, y)


def check_splits(dataset: Dataset, remedy: str) -> None:
    """Raise DataError, with that remedy, where a split is empty or the pool cannot teach what is measured."""
    name, classes, train, test = dataset.name, dataset.classes, dataset.train, dataset.test
    for what, split in (("train", train), ("test", test)):
        if not len(split):
            raise DataError(f"{name} has no rows of the split {what!r}; {remedy}")
    never = sorted(set(test.y.tolist()) - set(train.y.tolist()))
    if never:
        raise DataError(
            f"{name}: the label {classes[never[0]]!r} occurs in the test split only and could never be learned; "
            f"{remedy}, or remove its rows"
        )
    if len(set(train.y.tolist())) < 2:
        raise DataError(f"{name}: the pool has one class only ({classes[train.y[0]]}); {remedy}")
