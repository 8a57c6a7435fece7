"""t-SNE: a layout that keeps the nearest neighbours of each text beside it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Report = Callable[[int, int], None]
"""Called with the number of steps done and of all steps; what it raises ends the work."""

FEWEST_ROWS = 10
"""Fewer rows have too few neighbours for a layout by them."""
PERPLEXITY = 30.0
EARLY_STEPS, LATE_STEPS = 250, 500
STEPS = EARLY_STEPS + LATE_STEPS
REPORT_EVERY = 5
MANY_ROWS = 10_000
"""From here on repulsion is interpolated on a grid, and takes time linear in the number of rows."""
EXACT_ROWS = 1000
"""Up to here all distances are computed to find the neighbours."""


def neighbour_embedding(components: NDArray[np.float32], report: Report, seed: int = 0) -> NDArray[np.float64]:
    """Returns (n, 2) float64: positions by t-SNE, which start from the first two components.

    components (n, k) float32, k ≥ 2: principal components of different texts, at least FEWEST_ROWS of them. 100,000
    rows take minutes on one core; the interpreter is free meanwhile. Raises what `report` raises.

    van der Maaten, Hinton: Visualizing Data using t-SNE, JMLR 2008; Linderman et al.: Fast Interpolation-based t-SNE,
    Nature Methods 2019; Poličar et al.: openTSNE, JSS 2024.
    """
    from openTSNE import TSNEEmbedding, affinity, initialization

    n = len(components)
    # One thread: with more the sums of forces differ from run to run, and so would the layout of a seed.
    fixed: dict[str, Any] = {"n_jobs": 1, "random_state": seed}
    affinities = affinity.PerplexityBasedNN(
        components,
        perplexity=min(PERPLEXITY, (n - 1) / 3),
        method="exact" if n <= EXACT_ROWS else "annoy",
        **fixed,
    )
    layout = TSNEEmbedding(
        initialization.rescale(components[:, :2].astype(np.float64)),
        affinities,
        negative_gradient_method="bh" if n <= MANY_ROWS else "fft",
        **fixed,
    )
    for done, steps, parameters in (
        (0, EARLY_STEPS, {"exaggeration": 12, "momentum": 0.5}),
        (EARLY_STEPS, LATE_STEPS, {"momentum": 0.8}),
    ):
        layout = layout.optimize(
            n_iter=steps, callbacks=_callback(report, done), callbacks_every_iters=REPORT_EVERY, **parameters
        )
    return np.asarray(layout, dtype=np.float64)


def _callback(report: Report, done: int) -> Callable[[int, float, Any], bool]:
    def call(step: int, _error: float, _layout: Any) -> bool:
        report(done + step, STEPS)
        return False

    return call
