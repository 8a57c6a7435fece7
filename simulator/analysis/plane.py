"""Vectors in two dimensions, for a picture."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.analysis.statistics import Floats


def plane(vectors: NDArray[np.floating[Any]]) -> Floats:
    """The first two principal components of vectors (N, D), D ≥ 2: (N, 2) float64.

    The signs are such that the largest weight of each component is positive, so that equal vectors give equal pictures.
    """
    centred = np.asarray(vectors, dtype=np.float64) - vectors.mean(axis=0, dtype=np.float64)
    _, components = np.linalg.eigh(centred.T @ centred)
    axes = components[:, [-1, -2]]
    largest = axes[np.abs(axes).argmax(axis=0), [0, 1]]
    return np.asarray(centred @ (axes * np.sign(largest)))
