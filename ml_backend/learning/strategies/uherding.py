"""Uncertainty herding: MaxHerding that weights each text to be covered by its uncertainty."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning.catalogue import StrategyInfo
from ml_backend.learning.head import Head
from ml_backend.learning.head.calibration import fit_temperature
from ml_backend.learning.head.uncertainty import closeness
from ml_backend.learning.numerics.coverage import greedy_cover, rbf
from ml_backend.learning.numerics.distances import Matrix, squared_distances, squared_norms, unit
from ml_backend.learning.numerics.threads import blocks, over_blocks
from ml_backend.learning.pool import Pool

INFO = StrategyInfo(
    needs_head=True,
    multi_label=True,
    paper="Bae et al. 2024, arXiv 2412.20644",
    summary=(
        "Covers the pool like max_herding, but gives a text more weight the closer its two most probable classes are. "
        "As labels come in, it changes by itself from covering the pool to choosing like margin."
    ),
    when="When one strategy should serve from the first label to the last.",
    cost="similarities of all pairs of at most `exact_up_to` texts, and up to five small fits of the head",
)

FOLDS = 5
ENOUGH_LABELS = 200
"""Number of held-out labels from which on no further fold is held out.

With more labels the temperature hardly changes, and each fit takes time."""
PRIOR = 0.5
"""Standard deviation of the prior on the logarithm of the temperature.

19 of 20 temperatures then lie between 0.37 and 2.7. So do the temperatures of heads fitted to 30 labels, measured on
thousands of held-out labels."""


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
    p = tempered(pool.probabilities, pool.head.temperature / temperature, pool.multi_label)
    u = closeness(p, pool.multi_label)
    x, labelled = unit(pool.unlabeled_embeddings(slice(None))), unit(pool.rows(pool.labeled))
    kernel = rbf(spacing(labelled, quantile))
    picks: NDArray[np.int64] = pool.unlabeled[greedy_cover(x, labelled, kernel, batch_size, rng, u)]
    return picks


def tempered(p: Matrix, power: float, multi_label: bool) -> Matrix:
    """Probabilities whose logits are `power` times those of p (m, n_classes) float32; the same shape and type."""
    raised = p ** np.float32(power)
    total = raised + (1 - p) ** np.float32(power) if multi_label else raised.sum(axis=1, keepdims=True)
    return np.asarray(raised / total, dtype=np.float32)


def held_out_temperature(pool: Pool, rng: np.random.Generator) -> float:
    """The temperature for the pool's head, measured on labels that the measured heads were not fitted to.

    The labels are divided into FOLDS folds, stratified by class, or at random where texts have several labels. Each
    fold is held out once, and gets its logits from a head fitted to the other folds. With many labels, folds are held
    out only until there are ENOUGH_LABELS labels. The temperature is the most likely one given the held-out labels and
    a normal prior on its logarithm, with mean 0 and standard deviation PRIOR: without the prior, few labels that all
    happen to be predicted correctly would give a temperature of 0.

    Returns 1 where it cannot be measured: without labels, when the other folds hold one class only and the head has no
    class prior, or when no held-out label is of a class that its head has seen.
    """
    assert pool.head is not None
    if not len(pool.labeled):
        return 1.0
    shuffled = rng.permutation(pool.labeled)
    y = pool.labels[shuffled]
    by_class = np.arange(len(y)) if pool.multi_label else np.argsort(y, kind="stable")
    fold = np.empty(len(y), dtype=np.int64)
    fold[by_class] = np.arange(len(y)) % FOLDS
    x, logits, scored_labels, n_held_out = pool.rows(shuffled), [], [], 0
    for held_out in (fold == number for number in range(min(FOLDS, len(y)))):
        if pool.head.prior is None and not _tells_classes_apart(y[~held_out]):
            return 1.0
        head = Head(C=pool.head.C).fit(x[~held_out], y[~held_out], pool.n_classes, pool.head.prior)
        fold_logits, y_scored = head.calibration_logits(x[held_out], y[held_out])
        logits.append(fold_logits)
        scored_labels.append(y_scored)
        n_held_out += int(held_out.sum())
        if n_held_out >= ENOUGH_LABELS:
            break
    if not sum(map(len, scored_labels)):
        return 1.0
    return fit_temperature(np.concatenate(logits), np.concatenate(scored_labels), PRIOR)


def _tells_classes_apart(y: NDArray[np.int64]) -> bool:
    """Whether labels (n,) are of two or more classes; multi-label, (n, n_classes): some column holds both values."""
    return bool(len(y)) and bool((y.min(axis=0) != y.max(axis=0)).any())


def spacing(x: Matrix, quantile: float) -> float:
    """A quantile (0 to 1) of the distances from each row of x (n, D) float32 to the nearest row that differs from it.

    1 when no two rows differ.
    """
    squared = squared_norms(x)
    nearest = np.full(len(x), np.inf, dtype=np.float32)

    def find_nearest(block: slice) -> None:
        for others in blocks(len(x)):
            d = squared_distances(x[block], x[others], squared[block], squared[others])
            d[d < 1e-6] = np.inf
            np.minimum(nearest[block], d.min(axis=1), out=nearest[block])

    over_blocks(find_nearest, len(x), 512)
    nearest = nearest[np.isfinite(nearest)]
    return float(np.sqrt(np.quantile(nearest, quantile))) if len(nearest) else 1.0
