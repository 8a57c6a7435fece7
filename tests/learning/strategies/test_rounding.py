"""Distances that only rounding leaves between equal texts count as none."""

import numpy as np
import pytest

from ml_backend.learning.numerics.distances import unit
from ml_backend.learning.strategies import typiclust, uherding

# With so many dimensions, rounding leaves a distance between equal rows on every processor; with fewer, on some.
DIMENSIONS = 16_384


def test_no_text_is_its_own_nearest_neighbour_in_uherding():
    x = unit(np.random.default_rng(0).normal(size=(300, DIMENSIONS)).astype(np.float32))
    exact = np.sqrt(np.maximum(2 - 2 * x.astype(np.float64) @ x.T.astype(np.float64), 0))
    np.fill_diagonal(exact, np.inf)
    to_nearest = exact.min(axis=1)
    with_equal_rows = np.concatenate([x, x[:30]])
    expected = np.quantile(np.concatenate([to_nearest, to_nearest[:30]]), 0.05)
    assert uherding.spacing(with_equal_rows, 0.05) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("value", [0, 1])
def test_the_bandwidth_of_uherding_is_one_if_no_two_texts_differ(value):
    assert uherding.spacing(np.full((5, 3), value, dtype=np.float32), 0.05) == 1


def test_equal_texts_are_at_no_distance_in_typiclust():
    x = np.random.default_rng(0).normal(size=(100, DIMENSIONS)).astype(np.float32)
    assert not typiclust.mean_distances(np.tile(x, (3, 1)), 2).any()
