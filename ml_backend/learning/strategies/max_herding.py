"""MaxHerding: the texts that cover the pool best, where cover is the similarity to the most similar chosen text."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning.batch.coverage import covering_rows
from ml_backend.learning.catalogue import StrategyInfo
from ml_backend.learning.numerics.coverage import rbf
from ml_backend.learning.pool import Pool

INFO = StrategyInfo(
    needs_head=False,
    multi_label=True,
    paper="Bae et al. 2024, arXiv 2407.12212",
    summary=(
        "Takes the text that most raises the similarity of all texts to their most similar labelled or picked text. "
        "A smooth form of probcover."
    ),
    when="For the first labels, when the texts have no clear clusters.",
    cost="similarities of all pairs of at most `exact_up_to` texts",
)


def select(
    pool: Pool,
    batch_size: int,
    rng: np.random.Generator,
    *,
    bandwidth: float = 1.0,
    exact_up_to: int = 5_000,
) -> NDArray[np.int64]:
    """Rows x that greedily maximise Σ_y max(K(x, y) − cover(y), 0), y over the unlabelled rows; (batch_size,) int64.

    cover(y) is the largest K(s, y) of the labelled and picked rows s, and K(x, y) = exp(−‖x − y‖² / bandwidth²) on
    embeddings scaled to length 1. The defaults are those of dal-toolbox. Only which rows are labelled matters, not
    their labels, so multi-label pools are treated the same.

    exact_up_to: of more unlabelled rows, only a random sample of this size is used, both to choose from and to cover.
    Ties by the generator.
    """
    pool = pool.sample(max(exact_up_to, batch_size), rng)
    return covering_rows(pool, rbf(bandwidth), batch_size, rng, scaled=True)
