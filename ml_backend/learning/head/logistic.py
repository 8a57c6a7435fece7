"""The head: L2-regularised logistic regression on frozen embeddings, refitted from scratch every time."""

from __future__ import annotations

import time
from contextlib import nullcontext
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning.head.calibration import fit_temperature
from ml_backend.learning.head.losses import Sigmoid, Softmax
from ml_backend.learning.head.solver import solve
from ml_backend.learning.numerics.finite import NotFinite, not_finite
from ml_backend.learning.numerics.threads import BLOCK_ROWS, one_thread

UNSEEN_LOGIT = -50.0
"""Logit of a class without labels; some class with labels always has one of at least 0."""


ONE_THREAD = 1e9
"""Fits with fewer labels × min(labels, dimensions) × classes run on one thread, and come out the same on any machine's
number of threads; larger ones use all there are, and agree to about 1e-6."""


class Head:
    """Logistic regression with the optimum of scikit-learn's `LogisticRegression(C=C)`.

    Single-label, y (n,): multinomial over the classes seen; of two classes seen it is, as in scikit-learn, the binary
    form with one weight vector (its optimum differs from the softmax's, which penalises both rows), kept as
    two rows of half that vector with opposite signs. Multi-label, y (n, n_classes): a binary head per column.

    C is scikit-learn's and means what it means there, for embeddings as they are. Live projects and simulated runs use
    `learning.defaults.DEFAULT_C` = 30 on embeddings scaled to a mean square norm of 1 instead: `Cycle.fit`.

    Degenerate labels do not fail: a class never seen has probability about 0, a single class seen about 1, and a
    multi-label column of one value only the constant logit log((positives + ½) / (negatives + ½)).

    Fitting is deterministic. Attributes after `fit`, all numpy float32 unless said: weights (n_classes, D),
    bias (n_classes,), seen (n_classes,) bool (classes with a positive label), multi_label: bool, n_classes: int,
    temperature: float, fit_seconds: float (wall time of the last fit).
    """

    weights: NDArray[np.float32]
    bias: NDArray[np.float32]
    seen: NDArray[np.bool_]
    multi_label: bool
    n_classes: int

    def __init__(self, C: float = 1.0) -> None:
        """C: inverse strength of the penalty, above 0; ValueError otherwise."""
        if not (C > 0 and np.isfinite(C)):
            raise ValueError(f"C must be a finite number above 0, got {C}")
        self.C = float(C)
        self.temperature = 1.0
        self.fit_seconds = 0.0

    def fit(self, X: NDArray[np.floating[Any]], y: NDArray[np.integer[Any]], n_classes: int) -> Self:
        """Fit to X (n, D) of any float type and labels y, (n,) in 0..n_classes-1 or (n, n_classes) of 0/1.

        Raises ValueError for no rows, shapes that do not fit, and, naming the row, for labels out of range;
        NotFinite for NaN or infinite embeddings.
        """
        started = time.perf_counter()
        X, y = np.asarray(X), np.asarray(y)
        if X.dtype not in (np.float32, np.float64):
            X = X.astype(np.float32)
        _check_embeddings(X)
        _check_labels(y, len(X), n_classes)
        self.n_classes, self.multi_label = n_classes, y.ndim == 2
        fit = _fit_columns if self.multi_label else _fit_classes
        with one_thread() if X.size * min(1.0, len(X) / X.shape[1]) * n_classes <= ONE_THREAD else nullcontext():
            W, b, self.seen = fit(X, y, n_classes, self.C)
        self.weights, self.bias = W.astype(np.float32), b.astype(np.float32)
        self.temperature = 1.0
        self.fit_seconds = time.perf_counter() - started
        return self

    def decision_function(self, X: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
        """Logits (N, n_classes) float32 of X (N, D), any float type or memory map, read block by block.

        Before the temperature; `UNSEEN_LOGIT` for classes without labels. Raises ValueError before `fit` and for
        another D, and NotFinite for embeddings whose logits are not finite.
        """
        if not hasattr(self, "weights"):
            raise ValueError("this head has not been fitted")
        if X.ndim != 2 or X.shape[1] != self.weights.shape[1]:
            raise ValueError(f"embeddings must be (N, {self.weights.shape[1]}) for this head, got shape {X.shape}")
        logits = np.empty((len(X), self.n_classes), dtype=np.float32)
        transposed = np.ascontiguousarray(self.weights.T)
        for start in range(0, len(X), BLOCK_ROWS):
            block = np.asarray(X[start : start + BLOCK_ROWS], dtype=np.float32)
            out = logits[start : start + len(block)]
            with np.errstate(invalid="ignore", over="ignore"):  # said below, with the row
                np.matmul(block, transposed, out=out)
                out += self.bias
            if not np.isfinite(out).all():
                row = start + int(np.flatnonzero(~np.isfinite(out).all(axis=1))[0])
                raise NotFinite(row, "has no finite logits", "it holds NaN, infinity or huge numbers")
        return logits

    def predict_proba(self, X: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
        """Probabilities (N, n_classes) float32 at the head's temperature; rows sum to 1 unless multi-label.

        Raises ValueError as `decision_function`.
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

    def calibrate(self, X: NDArray[np.floating[Any]], y: NDArray[np.integer[Any]]) -> Self:
        """Set the temperature by held-out embeddings X (n, D) and labels y in the form that `fit` takes.

        Classes that the fit never saw say nothing about the temperature and are left out.
        Raises ValueError for labels of the other form or out of range, and when none is left.
        """
        logits, known = self.calibration_logits(X, y)
        if not len(known):
            raise ValueError("no held-out label is of a class that the head was fitted on")
        self.temperature = fit_temperature(logits, known)
        return self

    def calibration_logits(
        self, X: NDArray[np.floating[Any]], y: NDArray[np.integer[Any]]
    ) -> tuple[NDArray[np.float32], NDArray[np.integer[Any]]]:
        """Logits and labels that say something about the temperature, in the form that `fit_temperature` takes.

        (m, n_classes) and (m,) for the m ≤ n rows whose class the fit saw, −∞ for the others' classes; multi-label,
        (n · k, 1) both, for the k columns that it saw with both values. Raises ValueError as `calibrate`.
        """
        logits, y = self.decision_function(np.asarray(X)), np.asarray(y)
        _check_labels(y, len(logits), self.n_classes)
        if (y.ndim == 2) != self.multi_label:
            raise ValueError(f"this head is {'multi' if self.multi_label else 'single'}-label; y has shape {y.shape}")
        if self.multi_label:
            varying = self.weights.any(axis=1)
            return logits[:, varying].reshape(-1, 1), y[:, varying].reshape(-1, 1)
        logits[:, ~self.seen] = -np.inf
        known = self.seen[y]
        return logits[known], y[known]


def _check_embeddings(X: NDArray[np.floating[Any]]) -> None:
    if X.ndim != 2 or not len(X) or not X.shape[1]:
        raise ValueError(f"a head needs at least one labelled row and one dimension; got embeddings of shape {X.shape}")
    bad = not_finite(X)
    if len(bad):
        raise NotFinite(int(bad[0]), "holds NaN or infinity")


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


Fitted = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]


def _fit_classes(X: NDArray[np.floating[Any]], y: NDArray[np.integer[Any]], n_classes: int, C: float) -> Fitted:
    """Weights (n_classes, D), intercepts and which classes there are, of exclusive classes."""
    present, position = np.unique(y, return_inverse=True)
    W = np.zeros((n_classes, X.shape[1]))
    b = np.full(n_classes, UNSEEN_LOGIT)
    if len(present) == 1:
        b[present] = 0.0
    elif len(present) == 2:
        w, c = solve(X, position[None, :].astype(np.float64), C, Sigmoid())
        W[present], b[present] = np.r_[-w, w] / 2, np.r_[-c, c] / 2
    else:
        w, c = solve(X, (present[:, None] == y).astype(np.float64), C, Softmax())
        # Only differences between classes matter to probabilities; with their mean at 0 the penalty is least.
        W[present], b[present] = w - w.mean(axis=0), c - c.mean()
    return W, b, np.isin(np.arange(n_classes), present)


def _fit_columns(X: NDArray[np.floating[Any]], y: NDArray[np.integer[Any]], n_classes: int, C: float) -> Fitted:
    """Weights (n_classes, D), intercepts and which columns have a positive label, each column on its own."""
    positives = y.sum(axis=0, dtype=np.int64)
    mixed = (positives > 0) & (positives < len(y))
    W = np.zeros((n_classes, X.shape[1]))
    b = np.log((positives + 0.5) / (len(y) - positives + 0.5))
    if mixed.any():
        W[mixed], b[mixed] = solve(X, np.ascontiguousarray(y.T[mixed], dtype=np.float64), C, Sigmoid())
    return W, b, positives > 0


def _softmax(logits: NDArray[np.float32]) -> None:
    logits -= logits.max(axis=1, keepdims=True)
    np.exp(logits, out=logits)
    logits /= logits.sum(axis=1, keepdims=True)


def _sigmoid(logits: NDArray[np.float32]) -> None:
    # tanh has no overflow to guard against, and logits of both signs keep their precision of float32.
    logits *= np.float32(0.5)
    np.tanh(logits, out=logits)
    logits *= np.float32(0.5)
    logits += np.float32(0.5)
