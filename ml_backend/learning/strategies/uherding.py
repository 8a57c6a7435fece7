"""Uncertainty herding: MaxHerding in which the uncertain texts are the ones to cover."""

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
        "Covers the pool like max_herding, but counts each text by how close its two top classes are. "
        "Moves by itself from cover to margin as labels come in."
    ),
    when="When one strategy is to serve from the first label to the last.",
    cost="kernels of all pairs, of at most `exact_up_to` texts, and up to five small fits of the head",
)

FOLDS = 5
VOTES = 200
"""Held-out labels beyond which a temperature hardly varies any more, and fits cost more than they tell."""
PRIOR = 0.5
"""19 of 20 temperatures lie between 0.37 and 2.7, as do those that thousands of held-out labels give 30 labels."""


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

    temperature: by default `held_out_temperature` (in the paper by calibration error, here by likelihood). K: as
    max_herding, bandwidth the `quantile` of the distances from labelled rows to their nearest labelled neighbour; the
    paper's 0 collapses with near-duplicates. exact_up_to: as max_herding. Ties by the generator.
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
    """Probabilities (m, n_classes) whose logits are `power` times those of p."""
    raised = p ** np.float32(power)
    total = raised + (1 - p) ** np.float32(power) if multi_label else raised.sum(axis=1, keepdims=True)
    return np.asarray(raised / total, dtype=np.float32)


def held_out_temperature(pool: Pool, rng: np.random.Generator) -> float:
    """The temperature that heads of the pool's kind need on labels that they were not fitted on; 1 where unknown.

    Every label votes once, by the logits of a head fitted on the other of FOLDS folds (stratified; of texts with
    several labels random); of many labels only as many folds are held out as it takes for VOTES. Few votes say little,
    and where all happen to be right they ask for a temperature of 0: hence a prior on log T, around 0 with deviation
    PRIOR. Unknown: what is left beside a fold holds one class only, or no label is of a class that its head has seen.
    """
    assert pool.head is not None
    mixed = rng.permutation(pool.labeled)
    y = pool.labels[mixed]
    by_class = np.arange(len(y)) if pool.multi_label else np.argsort(y, kind="stable")
    fold = np.empty(len(y), dtype=np.int64)
    fold[by_class] = np.arange(len(y)) % FOLDS
    x, logits, truth, votes = pool.rows(mixed), [], [], 0
    for held_out in (fold == number for number in range(min(FOLDS, len(y)))):
        if not _tells_classes_apart(y[~held_out]):
            return 1.0
        head = Head(C=pool.head.C).fit(x[~held_out], y[~held_out], pool.n_classes)
        f, known = head.calibration_logits(x[held_out], y[held_out])
        logits.append(f)
        truth.append(known)
        votes += int(held_out.sum())
        if votes >= VOTES:
            break
    if not sum(map(len, truth)):
        return 1.0
    return fit_temperature(np.concatenate(logits), np.concatenate(truth), PRIOR)


def _tells_classes_apart(y: NDArray[np.int64]) -> bool:
    """Whether labels (n,) are of two classes or more, or, multi-label (n, n_classes), some column holds both values."""
    return bool(len(y)) and bool((y.min(axis=0) != y.max(axis=0)).any())


def spacing(x: Matrix, quantile: float) -> float:
    """A quantile of the distances from the rows of x to their nearest others that differ; 1 where there are none."""
    squared = squared_norms(x)
    nearest = np.full(len(x), np.inf, dtype=np.float32)

    def look(block: slice) -> None:
        for others in blocks(len(x)):
            d = squared_distances(x[block], x[others], squared[block], squared[others])
            d[d < 1e-6] = np.inf
            np.minimum(nearest[block], d.min(axis=1), out=nearest[block])

    over_blocks(look, len(x), 512)
    nearest = nearest[np.isfinite(nearest)]
    return float(np.sqrt(np.quantile(nearest, quantile))) if len(nearest) else 1.0
