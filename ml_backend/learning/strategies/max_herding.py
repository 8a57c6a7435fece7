"""MaxHerding: the texts whose kernels cover the pool best."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning.catalogue import StrategyInfo
from ml_backend.learning.numerics.coverage import greedy_cover, rbf
from ml_backend.learning.numerics.distances import unit
from ml_backend.learning.pool import Pool

INFO = StrategyInfo(
    needs_head=False,
    multi_label=True,
    paper="Bae et al. 2024, arXiv 2407.12212",
    summary=(
        "Takes the text that most raises how similar every text is to its most similar labelled one. "
        "A smooth ProbCover."
    ),
    when="For the first labels, where clusters are not apparent.",
    cost="kernels of all pairs, of at most `exact_up_to` texts",
)


def select(
    pool: Pool,
    batch_size: int,
    rng: np.random.Generator,
    *,
    bandwidth: float = 1.0,
    exact_up_to: int = 5_000,
) -> NDArray[np.int64]:
    """Greedy by Σ_y max(K(x, y) − max over labelled and picked s of K(s, y), 0), y over the unlabelled rows.

    K(x, y) = exp(−‖x − y‖² / bandwidth²) on embeddings scaled to length 1 (defaults: dal-toolbox).
    exact_up_to: of more unlabelled rows a random sample of so many is covered, by itself. Ties by the generator.
    """
    pool = pool.sample(max(exact_up_to, batch_size), rng)
    x, labelled = unit(pool.unlabeled_embeddings(slice(None))), unit(pool.rows(pool.labeled))
    picks: NDArray[np.int64] = pool.unlabeled[greedy_cover(x, labelled, rbf(bandwidth), batch_size, rng)]
    return picks
