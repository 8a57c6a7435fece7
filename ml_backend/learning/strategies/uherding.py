"""Uncertainty herding: MaxHerding that weights each text to be covered by its uncertainty."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning.batch.coverage import covering_rows
from ml_backend.learning.catalogue import StrategyInfo
from ml_backend.learning.head.held_out import HeldOut
from ml_backend.learning.head.uncertainty import closeness, closeness_to_half
from ml_backend.learning.numerics.coverage import rbf
from ml_backend.learning.numerics.distances import ROUNDING, Matrix, squared_distances, squared_norms, unit
from ml_backend.learning.numerics.threads import blocks, over_blocks
from ml_backend.learning.pool import Pool

INFO = StrategyInfo(
    needs_head=True,
    multi_label=True,
    paper="Bae et al. 2024, arXiv 2412.20644",
    summary=(
        "Takes texts that are close to many others, of which those count most whose two most probable classes are "
        "about equally likely. As labels come in, it changes by itself from covering all texts, like max_herding, to "
        "choosing like margin."
    ),
    when="When one strategy should serve from the first label to the last.",
    cost="similarities of all pairs of at most `exact_up_to` texts, and up to five small fits of the head",
)

ENOUGH_LABELS = 200
"""Number of held-out labels from which on no further fold is held out.

With more labels the temperature hardly changes, and each fit takes time."""


def select(
    pool: Pool,
    batch_size: int,
    rng: np.random.Generator,
    *,
    temperature: float | None = None,
    quantile: float = 0.05,
    exact_up_to: int = 5_000,
) -> NDArray[np.int64]:
    """Rows x that greedily maximise Σ_y u(y) max(K(x, y) − cover(y), 0), as in the paper; (batch_size,) int64.

    y runs over the unlabelled rows. u = 1 − (p₁ − p₂) is their uncertainty, from probabilities whose logits are divided
    by a temperature. K and cover are those of max_herding; the bandwidth of K is a quantile of the distances from
    labelled rows to their nearest labelled neighbour. Multi-label: u is that of margin, the mean over the classes of
    1 − |2p − 1|.

    temperature: by default `held_out_temperature`. The paper minimises the calibration error, here it is the likelihood
    loss.
    quantile: that of the bandwidth, 0 to 1. The paper has 0, the minimum, which is close to 0 when there are
    near-duplicates.
    exact_up_to: as in max_herding. Ties by the generator.
    """
    pool = pool.sample(max(exact_up_to, batch_size), rng)
    assert pool.head is not None
    if temperature is None:
        temperature = held_out_temperature(pool, rng)
    if pool.multi_label:
        u = closeness_to_half(tempered(pool.probabilities, pool.head.temperature / temperature))
    else:
        u = pool.scores(partial(closeness, temperature=temperature))
    kernel = rbf(spacing(unit(pool.rows(pool.labeled)), quantile))
    return covering_rows(pool, kernel, batch_size, rng, scaled=True, weights=u)


def tempered(p: Matrix, power: float) -> Matrix:
    """Multi-label probabilities whose logits are `power` times those of p (m, n_classes) float32; as p."""
    raised = p ** np.float32(power)
    return np.asarray(raised / (raised + (1 - p) ** np.float32(power)), dtype=np.float32)


def held_out_temperature(pool: Pool, rng: np.random.Generator) -> float:
    """The temperature for the pool's head, measured on labels that the measured heads were not fitted to.

    The folds are those of the pool, or drawn anew if it has none. See `HeldOut.temperature`; with ENOUGH_LABELS
    held-out labels no further fold is held out.
    """
    held_out = pool.held_out
    if held_out is None:
        assert pool.head is not None
        X, y = pool.rows(pool.labeled), pool.labels[pool.labeled]
        held_out = HeldOut(X, y, pool.n_classes, pool.head.C, pool.head.prior, rng)
    return held_out.temperature(ENOUGH_LABELS)


def spacing(x: Matrix, quantile: float) -> float:
    """A quantile (0 to 1) of the distances from each row of x (n, D) float32 to the nearest row that differs from it.

    Rows at a distance that can come from rounding count as equal. 1 when no two rows differ.
    """
    squared = squared_norms(x)
    same = np.float32(ROUNDING * float(squared.max(initial=0.0)))
    nearest = np.full(len(x), np.inf, dtype=np.float32)

    def find_nearest(block: slice) -> None:
        for others in blocks(len(x)):
            d = squared_distances(x[block], x[others], squared[block], squared[others])
            d[d <= same] = np.inf
            np.minimum(nearest[block], d.min(axis=1), out=nearest[block])

    over_blocks(find_nearest, len(x), 512)
    nearest = nearest[np.isfinite(nearest)]
    return float(np.sqrt(np.quantile(nearest, quantile))) if len(nearest) else 1.0
