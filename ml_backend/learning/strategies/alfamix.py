"""ALFA-Mix: clusters the texts whose prediction changes after a small step towards the mean of a labelled class."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning.batch.diversity import nearest_to_cluster_centres
from ml_backend.learning.catalogue import StrategyInfo
from ml_backend.learning.head.uncertainty import prediction_error
from ml_backend.learning.numerics.distances import Matrix, squared_distances, squared_norms
from ml_backend.learning.numerics.threads import over_blocks
from ml_backend.learning.pool import Pool

INFO = StrategyInfo(
    needs_head=True,
    multi_label=True,
    paper="Parvaneh et al. 2022, arXiv 2203.07034",
    summary=(
        "Keeps the texts whose prediction changes after a small step towards the mean of a labelled class, "
        "and groups them into clusters. Takes the text nearest to the centre of each cluster."
    ),
    when="For small to medium budgets, as a compromise between margin and clustering.",
    cost="one scoring of the pool, and a k-means with one cluster per pick",
)


def select(
    pool: Pool,
    batch_size: int,
    rng: np.random.Generator,
    *,
    epsilon: float | None = None,
    training_rows: int | None = None,
) -> NDArray[np.int64]:
    """The candidates nearest to the centres of a k-means with batch_size clusters, (batch_size,) int64.

    A candidate is an unlabelled row whose prediction changes when its embedding z moves to z + α (z* − z), where z* is
    the mean of the labelled rows of some class. α = ε ‖z* − z‖ ∇ / (‖∇‖ (z* − z)), element by element, where ∇ is the
    gradient of the loss at the prediction (the closed form of the paper). So the step has length ε ‖z* − z‖ and goes
    along ∇, whatever the class. With a linear head the prediction stays the same up to some point on that ray and
    differs after it, so only the farthest mean has to be tried. Clusters are made of candidates scaled to length 1.

    If there are no more than batch_size candidates, all are picked, and the rest is drawn uniformly from other rows.
    epsilon: ε, 0.2 / √D by default (from dal-toolbox, by the authors of the benchmark). training_rows: see `kmeans`.
    Multi-label: the losses are binary, and a row is a candidate when the prediction of any class changes.
    """
    picks: NDArray[np.int64]
    candidates = np.flatnonzero(flips(pool, 0.2 / np.sqrt(pool.dimensions) if epsilon is None else epsilon))
    if len(candidates) <= batch_size:
        others = np.setdiff1d(np.arange(len(pool.unlabeled)), candidates)
        random_rest = rng.choice(others, batch_size - len(candidates), replace=False)
        picks = pool.unlabeled[np.concatenate([rng.permutation(candidates), random_rest])]
        return picks
    picks = pool.unlabeled[nearest_to_cluster_centres(pool, candidates, batch_size, rng, training_rows)]
    return picks


def flips(pool: Pool, epsilon: float) -> NDArray[np.bool_]:
    """Whether the prediction of each unlabelled row changes after the longest of its steps, (m,) bool."""
    assert pool.head is not None
    head, anchors, p = pool.head, class_means(pool), pool.probabilities
    anchor_squared = squared_norms(anchors)
    gram = head.weights @ head.weights.T
    changed = np.zeros(len(pool.unlabeled), dtype=bool)
    if not len(anchors):
        return changed

    def mark_changes(block: slice) -> None:
        x = pool.unlabeled_embeddings(block)
        logits = head.decision_function(x)
        if not pool.multi_label:
            logits[:, ~head.seen] = -np.inf
        # The gradient is −Wᵀa. A step along it changes the logits by −W Wᵀa, and its squared length is a·W Wᵀa.
        a = prediction_error(p[block], pool.multi_label)
        change = a @ gram
        length = np.sqrt(np.maximum(np.einsum("ij,ij->i", a, change), 0))
        farthest = np.sqrt(squared_distances(x, anchors, y_squared=anchor_squared).max(axis=1))
        step = epsilon * farthest / np.where(length > 0, length, np.inf)
        moved = logits - step[:, None].astype(np.float32) * change
        if pool.multi_label:
            changed[block] = ((moved > 0) != (logits > 0)).any(axis=1)
        else:
            changed[block] = moved.argmax(axis=1) != logits.argmax(axis=1)

    over_blocks(mark_changes, len(changed))
    return changed


def class_means(pool: Pool) -> Matrix:
    """Mean embedding of the labelled rows of each class that has labels, (classes with labels, D) float32."""
    x, y = pool.rows(pool.labeled), pool.labels[pool.labeled]
    of_class = (y > 0) if pool.multi_label else y[:, None] == np.arange(pool.n_classes)
    counts = of_class.sum(axis=0)
    has_labels = counts > 0
    means: Matrix = of_class[:, has_labels].T.astype(np.float32) @ x / counts[has_labels, None].astype(np.float32)
    return means
