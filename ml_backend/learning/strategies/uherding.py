"""Uncertainty herding: MaxHerding in which the uncertain texts are the ones to cover."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning.coverage import greedy_cover
from ml_backend.learning.distances import Matrix, squared_distances, unit
from ml_backend.learning.head import Head
from ml_backend.learning.pool import Pool
from ml_backend.learning.strategies.margin import closeness
from ml_backend.learning.strategies.max_herding import rbf

NEEDS_HEAD = True
MULTI_LABEL = True
PAPER = "Bae et al. 2024, arXiv 2412.20644"
SUMMARY = (
    "Covers the pool like max_herding, but counts each text by how close its two top classes are. "
    "Moves by itself from cover to margin as labels come in."
)
WHEN = "When one strategy is to serve from the first label to the last."
COST = "kernels of all pairs, of at most `exact_up_to` texts, and one more fit of the head"


def select(
    pool: Pool,
    batch_size: int,
    rng: np.random.Generator,
    *,
    temperature: float | None = None,
    quantile: float = 0.05,
    exact_up_to: int = 5_000,
) -> NDArray[np.int64]:
    """Greedy by Σ_y u(y) max(K(x, y) − cover(y), 0), u = 1 − (p₁ − p₂) at a temperature, as in the paper.

    Multi-label: u is margin's, the mean over classes of 1 − |2p − 1|.

    temperature: by default the one that a head fitted on four fifths of the labels needs on the rest (in the paper
    by calibration error, here by likelihood), 1 where that says nothing. K: as max_herding, bandwidth the
    `quantile` of the distances from labelled rows to their nearest labelled neighbour; the paper's 0 collapses with
    near-duplicates. exact_up_to: as max_herding. Ties by the generator.
    """
    pool = pool.sample(max(exact_up_to, batch_size), rng)
    assert pool.head is not None
    if temperature is None:
        temperature = held_out_temperature(pool, rng)
    p = tempered(pool.probabilities, pool.head.temperature / temperature, pool.multi_label)
    u = closeness(p, pool.multi_label)
    x, labelled = unit(pool.free(slice(None))), unit(pool.rows(pool.labeled))
    kernel = rbf(spacing(labelled, quantile))
    picks: NDArray[np.int64] = pool.unlabeled[greedy_cover(x, labelled, kernel, batch_size, rng, u)]
    return picks


def tempered(p: Matrix, power: float, multi_label: bool) -> Matrix:
    """Probabilities (m, n_classes) whose logits are `power` times those of p."""
    raised = p ** np.float32(power)
    total = raised + (1 - p) ** np.float32(power) if multi_label else raised.sum(axis=1, keepdims=True)
    return np.asarray(raised / total, dtype=np.float32)


def held_out_temperature(pool: Pool, rng: np.random.Generator) -> float:
    """The temperature of the pool's kind of head, fitted on 4/5 of the labelled rows and calibrated on the others."""
    assert pool.head is not None
    mixed = rng.permutation(pool.labeled)
    fitted, rest = mixed[len(mixed) // 5 :], mixed[: len(mixed) // 5]
    if pool.multi_label:
        known = pool.labels[fitted]
        usable = bool(len(rest)) and bool((known.min(axis=0) != known.max(axis=0)).any())
    else:
        rest = rest[np.isin(pool.labels[rest], pool.labels[fitted])]
        usable = bool(len(rest))
    if not usable:
        return 1.0
    head = Head(C=pool.head.C).fit(pool.rows(fitted), pool.labels[fitted], pool.n_classes)
    return head.calibrate(pool.rows(rest), pool.labels[rest]).temperature


def spacing(x: Matrix, quantile: float) -> float:
    """A quantile of the distances from the rows of x to their nearest others that differ; 1 where there are none."""
    if not len(x):
        return 1.0
    d = squared_distances(x, x)
    d[d < 1e-6] = np.inf
    nearest = d.min(axis=1)
    nearest = nearest[np.isfinite(nearest)]
    return float(np.sqrt(np.quantile(nearest, quantile))) if len(nearest) else 1.0
