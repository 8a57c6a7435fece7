"""ProbCover: the balls of radius δ that cover most of the pool, δ as large as keeps the balls pure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning.catalogue import StrategyInfo
from ml_backend.learning.numerics.coverage import greedy_cover
from ml_backend.learning.numerics.distances import ROUNDING, Matrix, squared_distances, squared_norms
from ml_backend.learning.numerics.kmeans import kmeans
from ml_backend.learning.numerics.threads import over_blocks
from ml_backend.learning.pool import Pool

INFO = StrategyInfo(
    needs_head=False,
    multi_label=True,
    paper="Yehuda et al. 2022, arXiv 2205.11320",
    summary=(
        "Takes the text whose ball of radius δ holds most texts that no ball holds yet. "
        "Dense regions first, outliers never."
    ),
    when="Very few labels.",
    cost="distances of all pairs, of at most `exact_up_to` texts",
)


def select(
    pool: Pool,
    batch_size: int,
    rng: np.random.Generator,
    *,
    delta: float | None = None,
    purity: float = 0.95,
    purity_rows: int = 1_000,
    exact_up_to: int = 5_000,
    training_rows: int | None = None,
) -> NDArray[np.int64]:
    """Greedy maximum cover of the graph of rows closer than delta (Euclidean), labelled rows' balls being covered.

    delta: by default the largest for which the balls of a share `purity` of the rows hold one pseudo-class only;
    the pseudo-classes are n_classes k-means clusters, as in the paper, the share is measured at `purity_rows`
    random rows. exact_up_to: of more unlabelled rows a random sample of so many is covered, by its own balls. Ties
    by the generator. training_rows: of `kmeans`.
    """
    pool = pool.sample(max(exact_up_to, batch_size), rng)
    x = pool.unlabeled_embeddings(slice(None))
    if delta is None:
        delta = pure_radius(x, pool.n_classes, purity, purity_rows, rng, training_rows)
    squared = np.float32(delta) ** 2

    def ball(d: Matrix) -> Matrix:
        return np.less(d, squared, out=d)

    picks: NDArray[np.int64] = pool.unlabeled[greedy_cover(x, pool.rows(pool.labeled), ball, batch_size, rng)]
    return picks


def pure_radius(
    x: Matrix,
    n_classes: int,
    purity: float,
    rows: int,
    rng: np.random.Generator,
    training_rows: int | None = None,
) -> float:
    """The δ below which a share `purity` of the balls of radius δ hold rows of one of n_classes k-means clusters only.

    Infinite where there is one cluster only.
    """
    clusters = kmeans(lambda index: x[index], len(x), min(n_classes, len(x)), rng, training_rows=training_rows).assigned
    at = np.sort(rng.choice(len(x), min(rows, len(x)), replace=False))
    squared = squared_norms(x)
    impure = np.full(len(at), np.inf, dtype=np.float32)

    def look(block: slice) -> None:
        mine = at[block]
        d = squared_distances(x[mine], x, squared[mine], squared)
        d[clusters[mine][:, None] == clusters] = np.inf
        impure[block] = np.sqrt(d.min(axis=1))

    over_blocks(look, len(at), 256)
    radius = float(np.sort(impure)[min(int((1 - purity) * len(at)), len(at) - 1)])
    # The radius is the distance of two rows: shorter by what rounding may move it, they are apart on every processor.
    return float(np.sqrt(max(radius**2 - ROUNDING * float(squared.max()), 0.0)))
