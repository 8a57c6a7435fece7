"""Which changes make a dataset smaller or harder on purpose: subsamples, label noise, uneven class sizes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from simulator.data.data_error import DataError


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

    def check(self) -> None:
        """Raise DataError for a value out of range."""
        for rate in (self.label_noise, *self.class_noise.values()):
            if not 0 <= rate <= 1:
                raise DataError(f"label noise must be a share from 0 to 1, got {rate}")
        if not self.imbalance >= 1:
            raise DataError(f"imbalance (largest class / smallest class) must be 1 or more, got {self.imbalance}")
        for size in (*self.pool_size.values(), *self.test_size.values()):
            if size < 1:
                raise DataError(f"--pool-size and --test-size must be 1 or more, got {size}")
