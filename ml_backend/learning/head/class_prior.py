"""What the names of the classes say before the first label: a direction for each class, refined on unlabelled texts.

The names, embedded by the same model as the texts, are the first centres of a soft spherical k-means. The refined
centres are what the weights of the head are drawn to; see `Head.fit`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from ml_backend.learning.numerics.finite import NotFinite, not_finite
from ml_backend.learning.numerics.threads import one_thread

SAMPLE_SIZE, SAMPLE_PER_CLASS = 2000, 30
"""Texts that the names are refined on: as many, or as many per class, whichever is more."""
MOST_ASSIGNMENTS = 4_000_000
"""Bound of texts times classes, for memory and time with thousands of classes; 2,000 texts are taken in any case."""
STEPS = 10
SHARPNESS = 15.0
"""Inverse temperature of the assignment of texts to classes."""
NAME_WEIGHT = 0.5
"""Weight of the name in its refined centre; the rest is the mean of the texts that are like it."""
STRONGEST = 40.0
"""Upper bound of the factor of the scores in the logits."""
BASE_STRENGTHS = np.linspace(0.0, STRONGEST, 9)
"""Strengths for which the base of a multi-label prior is computed; between them it is interpolated."""
BASE_ROWS = 300


@dataclass(frozen=True)
class ClassPrior:
    """A direction in the space of the embeddings for each class.

    centre: (n_classes, D) float32; embeddings times its transpose are scores of the classes, whose mean in a row is 0.
    variance: of the scores of a class over texts, mean over the classes; mean_square: of the norms of embeddings.
    multi_label_bases: (len(BASE_STRENGTHS),) float64, see `base`.
    """

    centre: NDArray[np.float32]
    variance: float
    mean_square: float
    multi_label_bases: NDArray[np.float64]

    @property
    def n_classes(self) -> int:
        """Number of classes."""
        return len(self.centre)

    def check_fits(self, X: NDArray[np.floating[Any]], n_classes: int) -> None:
        """Raise ValueError unless the prior has so many classes and the dimensions of the embeddings X (n, D)."""
        if self.n_classes != n_classes:
            raise ValueError(f"the class prior has {self.n_classes} classes, and the head {n_classes}")
        if X.ndim != 2 or X.shape[1] != self.centre.shape[1]:
            raise ValueError(
                f"the class prior has {self.centre.shape[1]} dimensions; the embeddings have shape {X.shape}"
            )

    def scores(self, X: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """Returns the scores (n, n_classes) of embeddings X (n, D)."""
        scores: NDArray[np.float64] = np.asarray(X, dtype=np.float64) @ self.centre.T.astype(np.float64)
        return scores

    def base(self, strength: float, multi_label: bool) -> NDArray[np.float64]:
        """Returns the logits (n_classes,) that are added to the scores times `strength` before the first label.

        They are 0, or, multi-label, such that a text has one class on average.
        """
        base = float(np.interp(strength, BASE_STRENGTHS, self.multi_label_bases)) if multi_label else 0.0
        return np.full(self.n_classes, base)


def class_prior(
    class_vectors: NDArray[np.floating[Any]],
    embeddings: NDArray[np.floating[Any]],
    rows: NDArray[np.int64],
    seed: int,
) -> ClassPrior:
    """Returns the prior of class vectors (n_classes, D), refined on a sample of the embeddings (N, D).

    rows: (n,) int64, the rows of which the sample is drawn. A row keeps its place in the draw when others come or go.
    Raises ValueError for fewer than two classes and for class vectors of other dimensions than the embeddings, and
    NotFinite for a class vector or an embedding with NaN or infinity.
    """
    if class_vectors.ndim != 2 or len(class_vectors) < 2 or class_vectors.shape[1] != embeddings.shape[1]:
        raise ValueError(
            f"class vectors must be (n_classes, {embeddings.shape[1]}) for these embeddings, of two classes or more; "
            f"got shape {class_vectors.shape}"
        )
    bad_classes = not_finite(class_vectors)
    if len(bad_classes):
        raise NotFinite(int(bad_classes[0]), "of the class vectors holds NaN or infinity")
    K = len(class_vectors)
    sample = sample_rows(rows, max(SAMPLE_SIZE, min(SAMPLE_PER_CLASS * K, MOST_ASSIGNMENTS // K)), seed)
    X = np.asarray(embeddings[sample], dtype=np.float64)
    bad_rows = not_finite(X)
    if len(bad_rows):
        raise NotFinite(int(sample[bad_rows[0]]), "holds NaN or infinity")
    scale = float(np.sqrt(np.vdot(X, X) / max(1, len(X)))) or 1.0
    # On one thread, so that the result does not depend on their number.
    with one_thread():
        centre = refined(unit(np.asarray(class_vectors, dtype=np.float64)), X / scale)
        scores = (X / scale) @ centre.T
    few = scores[:: max(1, len(X) // BASE_ROWS)]
    bases = np.array([_base_for_one_class(strength * few) for strength in BASE_STRENGTHS])
    variance = float(scores.var(axis=0).mean()) if len(X) else 0.0
    return ClassPrior((centre / scale).astype(np.float32), variance, scale**2, bases)


def sample_rows(rows: NDArray[np.int64], size: int, seed: int) -> NDArray[np.int64]:
    """Returns a uniform sample of `size` of the rows (n,) int64, ascending; all of them if there are no more."""
    if len(rows) <= size:
        return np.sort(rows)
    priority = np.random.default_rng(seed).random(int(rows.max()) + 1)[rows]
    return np.sort(rows[np.argpartition(priority, size)[:size]])


def refined(names: NDArray[np.float64], X: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns refined class vectors minus their mean, (K, D), of unit vectors of names (K, D) and texts X (n, D)."""
    centres = names
    for _ in range(STEPS if len(X) else 0):
        P = SHARPNESS * X @ (centres - centres.mean(axis=0)).T
        P = np.exp(P - P.max(axis=1, keepdims=True))
        P /= P.sum(axis=1, keepdims=True)
        means = (P.T @ X) / np.maximum(P.sum(axis=0), 1e-9)[:, None]
        centres = unit(NAME_WEIGHT * names + (1 - NAME_WEIGHT) * unit(means))
    refined_centres: NDArray[np.float64] = centres - centres.mean(axis=0)
    return refined_centres


def unit(V: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns the rows of V (k, D) divided by their lengths; rows of zeros stay zeros."""
    lengths = np.linalg.norm(V, axis=1, keepdims=True)
    units: NDArray[np.float64] = np.divide(V, lengths, out=np.zeros_like(V), where=lengths > 0)
    return units


def _base_for_one_class(logits: NDArray[np.float64]) -> float:
    """Returns what to add to the logits (n, K) so that the K probabilities of a row sum to 1 on average."""
    from scipy.optimize import brentq

    n, K = logits.shape
    if not n or K < 2:
        return 0.0
    lowest, highest = -50.0 - float(np.abs(logits).max()), 50.0 + float(np.abs(logits).max())
    return float(brentq(lambda base: float(expit(logits + base).sum()) / n - 1.0, lowest, highest, xtol=1e-6))
