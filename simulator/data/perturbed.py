"""Seeded changes to a dataset: subsamples, label noise, uneven class sizes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from simulator.data.data_error import DataError
from simulator.data.datasets import Dataset, Split, check_splits
from simulator.data.perturbations import Perturbations


def perturbed(dataset: Dataset, changes: Perturbations) -> Dataset:
    """The changed dataset.

    Raises DataError for values out of range, unknown classes, and a result that cannot be used.
    """
    changes.check()
    unknown = sorted(set(changes.class_noise) - set(dataset.classes))
    if unknown:
        raise DataError(f"{dataset.name} has no class {unknown[0]!r}; it has: {', '.join(dataset.classes)}")
    train = _subsample(dataset.train, _size(changes.pool_size, dataset.name), np.random.default_rng([changes.seed, 1]))
    test = _subsample(dataset.test, _size(changes.test_size, dataset.name), np.random.default_rng([changes.seed, 2]))
    if changes.imbalance > 1:
        train = train.at(_long_tail(train.y, changes.imbalance, np.random.default_rng([changes.seed, 3])))
    if changes.label_noise or changes.class_noise:
        rates = np.array([changes.class_noise.get(name, changes.label_noise) for name in dataset.classes])
        train = replace(train, y=_noisy(train.y, rates, np.random.default_rng([changes.seed, 4])))
    changed = replace(dataset, train=train, test=test)
    check_splits(changed, "change less (--pool-size, --imbalance, noise), or use another --data-seed")
    return changed


def _size(sizes: Mapping[str, int], name: str) -> int | None:
    return sizes.get(name, sizes.get(""))


def _subsample(split: Split, size: int | None, rng: np.random.Generator) -> Split:
    if size is None or size >= len(split):
        return split
    return split.at(np.sort(rng.choice(len(split), size=size, replace=False)))


def _long_tail(y: NDArray[np.int64], ratio: float, rng: np.random.Generator) -> NDArray[np.int64]:
    """Rows to keep, ascending, as many as the ratio allows; larger classes stay larger, equal ones are drawn."""
    classes, sizes = np.unique(y, return_counts=True)
    order = np.lexsort((rng.random(len(classes)), -sizes))
    shares = ratio ** (-np.arange(len(classes)) / max(1, len(classes) - 1))
    kept = np.maximum(1, np.rint((sizes[order] / shares).min() * shares)).astype(np.int64)
    rows_of_classes = [
        rng.permutation(np.flatnonzero(y == c))[:size] for c, size in zip(classes[order], kept, strict=True)
    ]
    return np.sort(np.concatenate(rows_of_classes))


def _noisy(y: NDArray[np.int64], rates: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.int64]:
    wrong = rng.random(len(y)) < rates[y]
    # Adding 1..k−1 modulo k gives every other class the same probability.
    shift = rng.integers(1, len(rates), size=len(y))
    return np.where(wrong, (y + shift) % len(rates), y)
