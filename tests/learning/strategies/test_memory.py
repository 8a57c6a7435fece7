"""The memory that strategies use at once with many labels or texts."""

import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest
from strategy_pools import with_head

from ml_backend.learning import Pool, strategies


def peak(work: Callable[[], object]) -> float:
    """The most MB that `work` allocated at once."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1] / 2**20
    finally:
        tracemalloc.stop()


def test_half_precision_is_converted_block_by_block():
    x = np.ones((40_000, 100), dtype=np.float16)
    pool = Pool(x, np.full(len(x), -1), 2)
    used = peak(lambda: pool.rows(pool.unlabeled))
    # The copy in float32 takes 15 MB; a second one in float16 would take 8.
    assert used < 18


@pytest.fixture(scope="module")
def many_labels() -> Pool:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(14_000, 3)).astype(np.float32)
    return with_head(x, (x[:, 0] > 0).astype(int), 12_000, 2)


@pytest.mark.parametrize(
    ("name", "options"), [("coreset", {}), ("max_herding", {"exact_up_to": 1000}), ("uherding", {"exact_up_to": 1000})]
)
def test_distances_to_many_labels_are_computed_block_by_block(name, options, many_labels):
    many_labels.probabilities  # noqa: B018
    used = peak(lambda: strategies.select(name, many_labels, 3, np.random.default_rng(0), **options))
    # 1,000 texts by 12,000 labels alone are 46 MB.
    assert used < 40
