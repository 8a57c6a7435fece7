"""Predictions of labelled texts by heads that were not fitted to them."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning.head.calibration import fit_temperature
from ml_backend.learning.head.class_prior import ClassPrior
from ml_backend.learning.head.logistic import Head
from ml_backend.learning.head.solver import TOLERANCE

FOLDS = 5
FOLD_TOLERANCE = 1e-4
"""Tolerance of the fits of the folds, see `solver.TOLERANCE`.

It moves temperatures by less than .004, held-out probabilities by .01 at most, and 1 held-out prediction in 1,000."""
TEMPERATURE_PRIOR = 0.5
"""Standard deviation of the prior on the logarithm of the temperature.

19 of 20 temperatures then lie between 0.37 and 2.7. So do the temperatures of heads fitted to 30 labels, measured on
thousands of held-out labels."""


class HeldOut:
    """The labels of a head in FOLDS folds; each fold is predicted by a head that was fitted to the others.

    A fold is fitted when it is first asked for, and kept, so that a strategy and the evaluation share the fits.
    Folds are stratified by class, or at random where texts have several labels. Labels of the same text, which have
    equal rows in X, are in the same fold: otherwise a head would be asked for what it was told.

    X: (n, D) float32; y: (n,) int64, or (n, n_classes) of 0 and 1; C, prior: those of the head.
    """

    def __init__(
        self,
        X: NDArray[np.float32],
        y: NDArray[np.integer[Any]],
        n_classes: int,
        C: float,
        prior: ClassPrior | None,
        rng: np.random.Generator,
    ) -> None:
        self.X, self.y, self.n_classes, self.C, self.prior = X, y, n_classes, C, prior
        self._rng = rng
        self._heads: dict[int, Head | None] = {}

    @property
    def multi_label(self) -> bool:
        return self.y.ndim == 2

    @cached_property
    def fold(self) -> NDArray[np.int64]:
        """The number of each label's fold, (n,) int64."""
        first_of_text = np.unique(self._text, return_index=True)[1]
        return _folds(self.y[first_of_text], self._rng)[self._text]

    @property
    def n_folds(self) -> int:
        """FOLDS, or the number of different texts if there are fewer."""
        return int(self.fold.max(initial=-1)) + 1

    @cached_property
    def _text(self) -> NDArray[np.int64]:
        """(n,) int64: equal numbers for equal rows of X, in the order of the first of them."""
        numbers: dict[bytes, int] = {}
        return np.array([numbers.setdefault(row.tobytes(), len(numbers)) for row in self.X], dtype=np.int64)

    def head_without(self, number: int) -> Head | None:
        """The head that was fitted to the other folds; None where these hold one class and there is no class prior."""
        if number not in self._heads:
            self._heads[number] = self._fit_without(self.fold == number, FOLD_TOLERANCE)
        return self._heads[number]

    def fit_without(self, left_out: NDArray[np.bool_]) -> Head | None:
        """A head fitted to the labels but those left out, (n,) bool; None where one class is left and no prior."""
        return self._fit_without(left_out, TOLERANCE)

    def _fit_without(self, left_out: NDArray[np.bool_], tolerance: float) -> Head | None:
        rest = self.y[~left_out]
        if self.prior is None and not tells_classes_apart(rest):
            return None
        return Head(self.C, tolerance).fit(self.X[~left_out], rest, self.n_classes, self.prior)

    def logits(self) -> NDArray[np.float32] | None:
        """The held-out logits of all labels, (n, n_classes); −∞ for a class that a fold's head has not seen.

        None where one of the folds cannot be held out.
        """
        out = np.empty((len(self.y), self.n_classes), dtype=np.float32)
        for number in range(self.n_folds):
            head = self.head_without(number)
            if head is None:
                return None
            out[self.fold == number] = logits_of(head, self.X[self.fold == number])
        return out if len(out) else None

    def logits_of(self, rows: NDArray[np.int64]) -> NDArray[np.float32] | None:
        """Logits of these labels (m,) from heads fitted to all others and to all but a fifth of these; (m, n_classes).

        The heads differ from the one fitted to all labels as little as m / FOLDS labels make them differ. None where a
        fold cannot be held out.
        """
        out = np.empty((len(rows), self.n_classes), dtype=np.float32)
        fold = np.unique(self._text[rows], return_inverse=True)[1] % FOLDS
        for number in np.unique(fold):
            of_fold = fold == number
            head = self._fit_without(np.isin(self._text, self._text[rows[of_fold]]), FOLD_TOLERANCE)
            if head is None:
                return None
            out[of_fold] = logits_of(head, self.X[rows[of_fold]])
        return out

    def temperature(self, enough: int | None = None, prior: float = TEMPERATURE_PRIOR) -> float:
        """The temperature for the head that was fitted to all labels: the most likely one given the held-out labels.

        enough: number of held-out labels from which on no further fold is held out; None for all folds. prior: standard
        deviation of the normal prior on its logarithm, with mean 0; without it, few labels that all happen to be
        predicted correctly would give a temperature of 0.

        Returns 1 where it cannot be measured: without labels, when the other folds hold one class only and there is no
        class prior, or when no held-out label is of a class that its head has seen.
        """
        logits, labels, n_held_out = [], [], 0
        for number in range(self.n_folds):
            head, of_fold = self.head_without(number), self.fold == number
            if head is None:
                return 1.0
            fold_logits, scored = head.calibration_logits(self.X[of_fold], self.y[of_fold])
            logits.append(fold_logits)
            labels.append(scored)
            n_held_out += int(of_fold.sum())
            if enough is not None and n_held_out >= enough:
                break
        if not sum(map(len, labels)):
            return 1.0
        return fit_temperature(np.concatenate(logits), np.concatenate(labels), prior)


def logits_of(head: Head, X: NDArray[np.float32]) -> NDArray[np.float32]:
    """The head's logits for X (m, D), (m, n_classes) float32; −∞ for classes that a single-label head has not seen."""
    logits = head.decision_function(X)
    if not head.multi_label:
        logits[:, ~head.seen] = -np.inf
    return logits


def tells_classes_apart(y: NDArray[np.integer[Any]]) -> bool:
    """Whether labels (n,) are of two or more classes; multi-label, (n, n_classes): some column holds both values."""
    return bool(len(y)) and bool((y.min(axis=0) != y.max(axis=0)).any())


def _folds(y: NDArray[np.integer[Any]], rng: np.random.Generator) -> NDArray[np.int64]:
    shuffled = rng.permutation(len(y))
    by_class = np.arange(len(y)) if y.ndim == 2 else np.argsort(y[shuffled], kind="stable")
    fold = np.empty(len(y), dtype=np.int64)
    fold[shuffled[by_class]] = np.arange(len(y)) % FOLDS
    return fold
