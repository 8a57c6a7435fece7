"""The head: L2-regularised logistic regression on frozen embeddings, fitted anew every time."""

from __future__ import annotations

import time
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning.head.losses import Sigmoid, Softmax
from ml_backend.learning.head.solver import TOLERANCE, solve
from ml_backend.learning.numerics.finite import NotFinite, not_finite
from ml_backend.learning.numerics.read_only import read_only
from ml_backend.learning.numerics.threads import BLOCK_ROWS, one_thread

if TYPE_CHECKING:
    # It needs scipy, which the server does without: it loads heads and fits none.
    from ml_backend.learning.head.class_prior import ClassPrior

UNSEEN_LOGIT = -50.0
"""Logit of a class without labels; the highest logit of the classes with labels is always at least 0."""


Fitted = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]
"""Weights (n_classes, D), intercepts (n_classes,), and which classes count as seen, (n_classes,)."""

ONE_THREAD = 1e9
"""Fits with at most this many labels × min(labels, dimensions) × classes run on one thread.

Their result does not depend on the number of threads of the machine. Larger fits use all threads, and their results
agree as closely as they agree with the optimum: probabilities to about 1e-3.
"""


class Head:
    """Logistic regression with the same optimum as scikit-learn's `LogisticRegression(C=C)`.

    Single-label, y (n,): one multinomial model of the classes that occur in y. If exactly two occur, it is the binary
    form with one weight vector, as in scikit-learn. (Its optimum differs from that of a softmax, which penalises both
    rows.) It is stored as two rows, each half of that vector, with opposite signs.
    Multi-label, y (n, n_classes): one binary model per column.

    C has the same meaning as in scikit-learn, for embeddings as they are given. Live projects and simulated runs
    instead use `learning.defaults.DEFAULT_C` = 30 on embeddings scaled to a mean square norm of 1; see `Cycle.fit`.

    Degenerate labels raise no error. A class that does not occur has probability about 0. If only one class occurs, its
    probability is about 1. A multi-label column with only one value has the constant logit
    log((positives + ½) / (negatives + ½)).

    With a class prior the weights are drawn to the prior's centre times its strength instead of to 0, the intercepts
    are penalised, and every class counts as seen; it can then be fitted without labels. Where the labels show that the
    names say nothing (strength 0), the head is that of the labels alone.

    Fitting is deterministic. Attributes after `fit`, the arrays read-only:
    weights: (n_classes, D) float32.
    bias: (n_classes,) float32.
    seen: (n_classes,) bool, the classes with a positive label; all classes if the prior's strength is above 0.
    multi_label: bool. n_classes: int.
    temperature: float, by which `predict_proba` divides the logits; 1 unless set.
    prior: ClassPrior or None, the one it was fitted with; it is not saved with the head.
    prior_strength: float, how strongly the class names count; 0 where they say nothing, and without a class prior.
    prior_evidence: float, in nats, how much better the names explain the labels than the frequencies of the classes do.
    fit_seconds: float, wall time of the last fit in seconds.
    """

    weights: NDArray[np.float32]
    bias: NDArray[np.float32]
    seen: NDArray[np.bool_]
    multi_label: bool
    n_classes: int

    def __init__(self, C: float = 1.0, tolerance: float = TOLERANCE) -> None:
        """C: inverse strength of the penalty; tolerance: how closely the optimum is reached, see `solver.TOLERANCE`.

        Raises ValueError unless C is finite and above 0.
        """
        if not (C > 0 and np.isfinite(C)):
            raise ValueError(f"C must be a finite number above 0, got {C}")
        self.C, self.tolerance = float(C), tolerance
        self.temperature = 1.0
        self.prior: ClassPrior | None = None
        self.prior_strength = self.prior_evidence = 0.0
        self.fit_seconds = 0.0

    def fit(
        self,
        X: NDArray[np.floating[Any]],
        y: NDArray[np.integer[Any]],
        n_classes: int,
        prior: ClassPrior | None = None,
    ) -> Self:
        """Fit the head to labelled embeddings and return it.

        X: (n, D) of any float type.
        y: integers or bool, (n,) in 0..n_classes-1, or multi-label (n, n_classes) of 0/1.
        prior: what the names of the classes say; with it, n may be 0.
        Raises ValueError if there are no rows and no prior, if the shapes do not match each other or the prior, or if a
        label is out of range (the message names the row), and NotFinite for embeddings with NaN or infinity.
        """
        started = time.perf_counter()
        X, y = np.asarray(X), np.asarray(y)
        if X.dtype not in (np.float32, np.float64):
            X = X.astype(np.float32)
        if len(X) or prior is None:
            _check_embeddings(X)
        _check_labels(y, len(X), n_classes)
        if prior is not None:
            prior.check_fits(X, n_classes)
        self.n_classes, self.multi_label = n_classes, y.ndim == 2
        self.prior, self.prior_strength, self.prior_evidence = prior, 0.0, 0.0
        with one_thread() if X.size * min(1.0, len(X) / X.shape[1]) * n_classes <= ONE_THREAD else nullcontext():
            W, b, seen = self._fit(X, y, prior)
        self.weights, self.bias = read_only(W.astype(np.float32)), read_only(b.astype(np.float32))
        self.seen = read_only(seen)
        self.temperature = 1.0
        self.fit_seconds = time.perf_counter() - started
        return self

    def _fit(self, X: NDArray[np.floating[Any]], y: NDArray[np.integer[Any]], prior: ClassPrior | None) -> Fitted:
        if prior is not None:
            # Imported here, since it needs scipy too.
            from ml_backend.learning.head.named_classes import fit_around_names, strength_of_names

            strength = strength_of_names(X, y, prior)
            self.prior_strength, self.prior_evidence = strength.kappa, strength.evidence
            if strength.kappa > 0:
                W, b = fit_around_names(X, y, prior, strength, self.C, self.tolerance)
                return W, b, np.ones(self.n_classes, dtype=bool)
        fit = _fit_columns if self.multi_label else _fit_classes
        return fit(X, y, self.n_classes, self.C, self.tolerance)

    def decision_function(self, X: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
        """Returns the logits (N, n_classes) float32, not yet divided by the temperature.

        X: (N, D) of any float type; it may be a memory map, as it is read block by block.
        In a single-label head, a class without labels has the logit `UNSEEN_LOGIT`. Raises ValueError before `fit` and
        for a different D, and NotFinite for embeddings whose logits are not finite.
        """
        if not hasattr(self, "weights"):
            raise ValueError("this head has not been fitted; call fit first")
        if X.ndim != 2 or X.shape[1] != self.weights.shape[1]:
            raise ValueError(f"embeddings must be (N, {self.weights.shape[1]}) for this head, got shape {X.shape}")
        logits = np.empty((len(X), self.n_classes), dtype=np.float32)
        transposed = np.ascontiguousarray(self.weights.T)
        for start in range(0, len(X), BLOCK_ROWS):
            block = np.asarray(X[start : start + BLOCK_ROWS], dtype=np.float32)
            out = logits[start : start + len(block)]
            with np.errstate(invalid="ignore", over="ignore"):  # reported below, with the row
                np.matmul(block, transposed, out=out)
                out += self.bias
            if not np.isfinite(out).all():
                row = start + int(np.flatnonzero(~np.isfinite(out).all(axis=1))[0])
                raise NotFinite(row, "has no finite logits", "it holds NaN, infinity or huge numbers")
        return logits

    def predict_proba(self, X: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
        """Returns the probabilities (N, n_classes) float32 at the head's temperature; rows sum to 1 unless multi-label.

        X: (N, D) of any float type. Raises the same errors as `decision_function`.
        """
        logits = self.decision_function(X)
        for start in range(0, len(logits), BLOCK_ROWS):
            block = logits[start : start + BLOCK_ROWS]
            if self.temperature != 1.0:
                block /= np.float32(self.temperature)
            if self.multi_label:
                _sigmoid(block)
            else:
                block[:, ~self.seen] = UNSEEN_LOGIT
                _softmax(block)
        return logits

    def calibration_logits(
        self, X: NDArray[np.floating[Any]], y: NDArray[np.integer[Any]]
    ) -> tuple[NDArray[np.float32], NDArray[np.integer[Any]]]:
        """Returns the logits and labels from which `fit_temperature` can fit a temperature, in the form it takes.

        X: (n, D) of any float type; y: labels as in `fit`.
        Single-label: logits (m, n_classes) float32 and labels (m,) of the m ≤ n rows whose class occurred in the fit;
        the logits of classes that did not occur are −∞.
        Multi-label: logits (n · k, 1) float32 and labels (n · k, 1) of the k columns that had both values in the fit.
        Raises ValueError if y has the form of the other kind of head or a label is out of range, and the same errors
        as `decision_function`.
        """
        logits, y = self.decision_function(np.asarray(X)), np.asarray(y)
        _check_labels(y, len(logits), self.n_classes)
        if (y.ndim == 2) != self.multi_label:
            raise ValueError(f"this head is {'multi' if self.multi_label else 'single'}-label; y has shape {y.shape}")
        if self.multi_label:
            varying = self.weights.any(axis=1)
            return logits[:, varying].reshape(-1, 1), y[:, varying].reshape(-1, 1)
        logits[:, ~self.seen] = -np.inf
        class_was_seen = self.seen[y]
        return logits[class_was_seen], y[class_was_seen]


def _check_embeddings(X: NDArray[np.floating[Any]]) -> None:
    if X.ndim != 2 or not len(X) or not X.shape[1]:
        raise ValueError(f"a head needs at least one labelled row and one dimension; got embeddings of shape {X.shape}")
    bad_rows = not_finite(X)
    if len(bad_rows):
        raise NotFinite(int(bad_rows[0]), "holds NaN or infinity")


def _check_labels(y: NDArray[np.integer[Any]], n: int, n_classes: int) -> None:
    if n_classes < 1 or y.shape not in ((n,), (n, n_classes)):
        raise ValueError(f"labels must be ({n},) or, multi-label, ({n}, {n_classes}); got shape {y.shape}")
    if y.dtype.kind not in "iub":
        raise ValueError(f"labels must be whole numbers, got {y.dtype}")
    highest = n_classes - 1 if y.ndim == 1 else 1
    wrong = (y < 0) | (y > highest)
    if wrong.any():
        row = int(np.argwhere(wrong)[0, 0])
        raise ValueError(f"row {row} has a label outside 0..{highest}: {y[row].tolist()}")


def _fit_classes(
    X: NDArray[np.floating[Any]], y: NDArray[np.integer[Any]], n_classes: int, C: float, tolerance: float
) -> Fitted:
    """Fit exclusive classes: returns weights (n_classes, D), intercepts (n_classes,) and which classes occur in y."""
    present, position = np.unique(y, return_inverse=True)
    W = np.zeros((n_classes, X.shape[1]))
    b = np.full(n_classes, UNSEEN_LOGIT)
    if len(present) == 1:
        b[present] = 0.0
    elif len(present) == 2:
        w, c = solve(X, position[None, :].astype(np.float32), C, Sigmoid(), tolerance=tolerance)
        W[present], b[present] = np.r_[-w, w] / 2, np.r_[-c, c] / 2
    else:
        w, c = solve(X, (present[:, None] == y).astype(np.float32), C, Softmax(), tolerance=tolerance)
        # Probabilities depend only on differences between classes; the penalty is lowest where the mean is 0.
        W[present], b[present] = w - w.mean(axis=0), c - c.mean()
    return W, b, np.isin(np.arange(n_classes), present)


def _fit_columns(
    X: NDArray[np.floating[Any]], y: NDArray[np.integer[Any]], n_classes: int, C: float, tolerance: float
) -> Fitted:
    """Fit each column separately.

    Returns weights (n_classes, D), intercepts (n_classes,) and which columns have a positive label (n_classes,).
    """
    positives = y.sum(axis=0, dtype=np.int64)
    has_both_values = (positives > 0) & (positives < len(y))
    W = np.zeros((n_classes, X.shape[1]))
    b = np.log((positives + 0.5) / (len(y) - positives + 0.5))
    if has_both_values.any():
        W[has_both_values], b[has_both_values] = solve(
            X, np.ascontiguousarray(y.T[has_both_values], dtype=np.float32), C, Sigmoid(), tolerance=tolerance
        )
    return W, b, positives > 0


def _softmax(logits: NDArray[np.float32]) -> None:
    logits -= logits.max(axis=1, keepdims=True)
    np.exp(logits, out=logits)
    logits /= logits.sum(axis=1, keepdims=True)


def _sigmoid(logits: NDArray[np.float32]) -> None:
    # tanh cannot overflow, and it keeps float32 precision for logits of both signs.
    logits *= np.float32(0.5)
    np.tanh(logits, out=logits)
    logits *= np.float32(0.5)
    logits += np.float32(0.5)
