"""Seeded changes that make a dataset smaller or harder on purpose: subsamples, label noise, uneven class sizes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from simulator.data.data_error import DataError
from simulator.data.datasets import Dataset, Split, check_splits


@dataclass(frozen=True)
class Perturbations:
    """Changes to a dataset, each off by default. They are the same for all seeds of runs, so that runs stay comparable.

    pool_size, test_size: largest number of rows, drawn at random, by name of the dataset, key "" for all others;
    imbalance: how many times larger the largest class of the pool is than the smallest; the other sizes lie on an
    exponential curve; label_noise: share of the pool's labels replaced by another class drawn uniformly;
    class_noise: the same share by class, used instead of `label_noise`. The test split keeps its labels and
    class sizes.
    """

    pool_size: Mapping[str, int] = field(default_factory=dict)
    test_size: Mapping[str, int] = field(default_factory=dict)
    imbalance: float = 1.0
    label_noise: float = 0.0
    class_noise: Mapping[str, float] = field(default_factory=dict)
    seed: int = 0

    def apply(self, dataset: Dataset) -> Dataset:
        """The changed dataset.

        Raises DataError for values out of range, unknown classes, and a result that cannot be used.
        """
        self._check(dataset)
        train = _subsample(dataset.train, _size(self.pool_size, dataset.name), np.random.default_rng([self.seed, 1]))
        test = _subsample(dataset.test, _size(self.test_size, dataset.name), np.random.default_rng([self.seed, 2]))
        if self.imbalance > 1:
            train = train.at(_long_tail(train.y, self.imbalance, np.random.default_rng([self.seed, 3])))
        if self.label_noise or self.class_noise:
            rates = np.array([self.class_noise.get(name, self.label_noise) for name in dataset.classes])
            train = replace(train, y=_noisy(train.y, rates, np.random.default_rng([self.seed, 4])))
        changed = replace(dataset, train=train, test=test)
        check_splits(changed, "change less (--pool-size, --imbalance, noise), or use another --data-seed")
        return changed

    def sized(self) -> set[str]:
        """Names of the datasets for which a size is given."""
        return {*self.pool_size, *self.test_size} - {""}

    def check_names(self, datasets: Collection[str]) -> None:
        """Raise DataError for a size given for any other dataset: a typing error would otherwise have no effect."""
        unknown = sorted(self.sized() - set(datasets))
        if unknown:
            raise DataError(
                f"--pool-size or --test-size names the dataset {unknown[0]!r}, which does not exist; "
                f"known: {', '.join(datasets)}"
            )

    def _check(self, dataset: Dataset) -> None:
        unknown = sorted(set(self.class_noise) - set(dataset.classes))
        if unknown:
            raise DataError(f"{dataset.name} has no class {unknown[0]!r}; it has: {', '.join(dataset.classes)}")
        for rate in (self.label_noise, *self.class_noise.values()):
            if not 0 <= rate <= 1:
                raise DataError(f"label noise must be a share from 0 to 1, got {rate}")
        if not self.imbalance >= 1:
            raise DataError(f"imbalance (largest class / smallest class) must be 1 or more, got {self.imbalance}")
        for size in (*self.pool_size.values(), *self.test_size.values()):
            if size < 1:
                raise DataError(f"--pool-size and --test-size must be 1 or more, got {size}")


def _size(sizes: Mapping[str, int], name: str) -> int | None:
    return sizes.get(name, sizes.get(""))


def _subsample(split: Split, size: int | None, rng: np.random.Generator) -> Split:
    if size is None or size >= len(split):
        return split
    return split.at(np.sort(rng.choice(len(split), size=size, replace=False)))


def _long_tail(y: NDArray[np.int64], ratio: float, rng: np.random.Generator) -> NDArray[np.int64]:
    """Rows to keep, ascending; which class becomes how small is drawn at random."""
    classes = rng.permutation(np.unique(y))
    largest_size = min(int((y == c).sum()) for c in classes)
    rows_of_classes = []
    for rank, c in enumerate(classes):
        size = max(1, round(largest_size * ratio ** (-rank / max(1, len(classes) - 1))))
        rows_of_classes.append(rng.permutation(np.flatnonzero(y == c))[:size])
    return np.sort(np.concatenate(rows_of_classes))


def _noisy(y: NDArray[np.int64], rates: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.int64]:
    wrong = rng.random(len(y)) < rates[y]
    # Adding 1..k−1 modulo k gives every other class the same probability.
    shift = rng.integers(1, len(rates), size=len(y))
    return np.where(wrong, (y + shift) % len(rates), y)
