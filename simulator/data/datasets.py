"""A dataset: texts with their gold labels, a pool to choose from and a test split to measure on."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from simulator.data.cleaning import Cleaning
from simulator.data.columns import Columns
from simulator.data.counted import counted
from simulator.data.data_error import DataError
from simulator.data.dataset_names import check_dataset, file_of
from simulator.data.hub import read_hub
from simulator.data.labelled_table import LabelledTable
from simulator.data.registry import CARDS, DIFFERENCES, NOT_COMPARED
from simulator.data.shortened import shortened
from simulator.data.sources import read_file

TEST_SHARE = 0.2
"""Share of each class that becomes the test split if the data has no split column."""


@dataclass(frozen=True)
class Split:
    """Texts with their labels.

    pairs: the second texts of a pair task, or None; y (N,) int64: position of each label in the dataset's classes.
    """

    texts: list[str]
    pairs: list[str] | None
    y: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.texts)

    def at(self, rows: NDArray[np.int64]) -> Split:
        """The split with only these rows (n,) int64, in the order given."""
        pairs = None if self.pairs is None else [self.pairs[i] for i in rows]
        return Split([self.texts[i] for i in rows], pairs, self.y[rows])

    def joined(self, separator: str) -> list[str]:
        """One text per row; the two texts of a pair are joined by the separator."""
        if self.pairs is None:
            return self.texts
        # As in the live service, a field without a text adds no separator.
        return [f"{a}{separator}{b}" if b else a for a, b in zip(self.texts, self.pairs, strict=True)]

    def first_of_each_text(self) -> NDArray[np.bool_]:
        """Mark the first row of each different text, (N,) bool; only these are queried, each text once."""
        return np.asarray(~pd.Series(self.joined("\n"), dtype=object).duplicated(), dtype=bool)


@dataclass(frozen=True)
class Dataset:
    """A dataset.

    classes: names of the labels, sorted; train: the pool; test: the split on which every cycle is measured; notes: what
    was chosen or left out when its file was read, as sentences; note: how a dataset of the benchmark differs from the
    published one, as a sentence, "" for one from the hub and for other datasets.
    """

    name: str
    classes: tuple[str, ...]
    train: Split
    test: Split
    notes: tuple[str, ...] = ()
    note: str = ""

    def fingerprint(self) -> str:
        """Hash of all texts and labels in their order, as 16 hex digits."""
        digest = hashlib.blake2b(repr(self.classes).encode(), digest_size=8)
        for split in (self.train, self.test):
            digest.update("\x00".join(split.joined("\x01")).encode("utf-8", "surrogatepass"))
            digest.update(split.y.tobytes())
        return digest.hexdigest()


def load(
    name: str, data: Path | None, columns: Columns | None = None, cleaning: Cleaning | None = None, seed: int = 0
) -> Dataset:
    """Load a dataset by name.

    data: a folder with one file per dataset, the file itself, or None for the Hugging Face hub; seed: draws the test
    split, a fifth of each class, if there is no split column; copies of a text are then in the same split.
    Raises DataError for an unknown name and for data that cannot be read or used.
    """
    columns = columns or Columns()
    check_dataset(name, data)
    cleaning = cleaning or Cleaning()
    if data is None:
        read = read_hub(name, CARDS[name], cleaning.drop_long)
    else:
        read = read_file(file_of(name, data), columns, cleaning.drop_long)
    dataset = dataset_of(name, read, cleaning, seed)
    if data is None or name not in CARDS:
        return dataset
    return replace(dataset, note=DIFFERENCES.get(dataset.fingerprint(), NOT_COMPARED))


def dataset_of(name: str, read: LabelledTable, cleaning: Cleaning, seed: int) -> Dataset:
    """Check texts and labels, and make a dataset of them. seed: as of `load`.

    Raises DataError with the row, as its file counts rows, and what to do.
    """
    table, notes = read.table, list(read.notes)
    if not len(table):
        raise DataError(f"{name} has no rows; give texts with labels")
    table = _without_empty(name, table, cleaning.drop_empty, notes)
    _check_labels(name, table)
    table = _without_rare(name, table, cleaning.drop_rare, notes)
    classes = tuple(sorted(table["label"].unique()))
    if len(classes) < 2:
        only = shortened(classes[0]) if classes else "none at all"
        raise DataError(f"{name} has one class only ({only}): add texts of at least one other class")
    y = table["label"].map({label: i for i, label in enumerate(classes)}).to_numpy(dtype=np.int64)
    is_test = _test_rows(name, table, y, seed)
    train, test = (_split(table[rows], y[rows]) for rows in (~is_test, is_test))
    dataset = Dataset(name, classes, train, test, tuple(notes))
    check_splits(
        dataset,
        "correct the split column, or leave it out"
        if "split" in table.columns
        else "give each label texts that no other label has, since copies of a text stay in the same split",
    )
    return dataset


def _check_labels(name: str, table: pd.DataFrame) -> None:
    blank = table.index[table["label"].isna()]
    if len(blank):
        raise DataError(
            f"{name}: {counted(len(blank), 'row')} without a label, the first is {table.index.name} {blank[0]}; label "
            "or remove them"
        )


def _without_empty(name: str, table: pd.DataFrame, drop: bool, notes: list[str]) -> pd.DataFrame:
    empty = table["text"] == ""
    if not empty.any():
        return table
    rows, first = counted(int(empty.sum()), "row"), f"{table.index.name} {table.index[empty][0]}"
    if not drop:
        raise DataError(
            f"{name}: {rows} without a text, the first is {first}; remove them, or leave them out with --drop-empty"
        )
    notes.append(f"left out: {rows} without a text (the first: {first})")
    return table[~empty]


def _without_rare(name: str, table: pd.DataFrame, drop_rare: int, notes: list[str]) -> pd.DataFrame:
    counts = table["label"].value_counts()
    rare = sorted(counts.index[counts < max(2, drop_rare)])
    if not rare or len(counts) < 2:
        return table
    if drop_rare < 2:
        first, labels = shortened(rare[0]), counted(len(rare), "such label")
        raise DataError(
            f"{name}: the label {first!r} has a single example ({labels}); at least two are needed, one to learn from "
            "and one to measure on. Leave such labels out with --drop-rare 2."
        )
    is_rare = table["label"].isin(rare)
    rows, labels = counted(int(is_rare.sum()), "row"), counted(len(rare), "label")
    notes.append(f"left out: {rows} of {labels} with fewer than {drop_rare} examples")
    return table[~is_rare]


def _test_rows(name: str, table: pd.DataFrame, y: NDArray[np.int64], seed: int) -> NDArray[np.bool_]:
    if "split" in table.columns:
        splits = [value.strip() if isinstance(value, str) else value for value in table["split"]]
        for number, split in zip(table.index, splits, strict=True):
            if split not in ("train", "test"):
                raise DataError(
                    f"{name}: the split of {table.index.name} {number} must be 'train' or 'test', not "
                    f"{shortened(split)!r}"
                )
        return np.array([split == "test" for split in splits], dtype=bool)
    columns = [column for column in ("text", "text_pair") if column in table.columns]
    return held_out_rows(y, seed, groups=table.groupby(columns, sort=False).ngroup().to_numpy(dtype=np.int64))


def held_out_rows(y: NDArray[np.int64], seed: int, groups: NDArray[np.int64] | None = None) -> NDArray[np.bool_]:
    """Draw the test split: a fifth of each class, at least one row but never the only one; returns (N,) bool.

    y (N,) int64: labels; groups (N,) int64: rows with equal numbers, such as copies of a text, are in the same split
    and count once, for the class of their first row; None: every row is its own group.
    """
    groups = np.arange(len(y)) if groups is None else groups
    first_of_group = np.sort(np.unique(groups, return_index=True)[1])
    rng = np.random.default_rng(seed)
    test_rows = []
    for label in np.unique(y):
        rows = rng.permutation(first_of_group[y[first_of_group] == label])
        test_rows.append(rows[: min(max(1, round(TEST_SHARE * len(rows))), max(0, len(rows) - 1))])
    return np.isin(groups, groups[np.concatenate(test_rows)])


def _split(table: pd.DataFrame, y: NDArray[np.int64]) -> Split:
    pairs = table["text_pair"].tolist() if "text_pair" in table.columns else None
    return Split(table["text"].tolist(), pairs, y)


def check_splits(dataset: Dataset, remedy: str) -> None:
    """Raise DataError if a split is empty, or if the pool has one class only or lacks a class of the test split.

    remedy: what to do about it, added to the message.
    """
    name, classes, train, test = dataset.name, dataset.classes, dataset.train, dataset.test
    for split_name, split in (("train", train), ("test", test)):
        if not len(split):
            raise DataError(f"{name} has no rows of the split {split_name!r}; {remedy}")
    only_in_test = sorted(set(test.y.tolist()) - set(train.y.tolist()))
    if only_in_test:
        raise DataError(
            f"{name}: the label {classes[only_in_test[0]]!r} occurs in the test split only, so it cannot be learned; "
            f"{remedy}, or remove its rows"
        )
    if len(set(train.y.tolist())) < 2:
        raise DataError(f"{name}: the pool has one class only ({classes[train.y[0]]}); {remedy}")
