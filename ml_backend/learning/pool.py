"""The pool that strategies choose from: embeddings, labels so far, and the current head."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning.numerics.distances import Index
from ml_backend.learning.numerics.finite import NotFinite, not_finite
from ml_backend.learning.numerics.kept_pairs import KeptPairs
from ml_backend.learning.numerics.read_only import read_only
from ml_backend.learning.numerics.threads import HELD_BYTES, blocks, over_blocks

if TYPE_CHECKING:
    from ml_backend.learning.head import Head
    from ml_backend.learning.head.held_out import HeldOut

logger = logging.getLogger(__name__)

DENSE = 1.25
"""A range of rows is scored without copying it when at least 1/DENSE of its rows are asked for."""

SCORED_ROWS = 1024
"""Rows that are scored at a time: their logits stay in the cache of a core."""

UNLABELED = -1

LEAVE_OUT = "embed its text again, or leave it out of the candidates"


Measure: TypeAlias = Callable[["Head", NDArray[np.floating[Any]]], NDArray[np.float32]]
"""A number for each row of embeddings, from the head's logits; see `head.uncertainty`."""


class Pool:
    """All texts of a project as arrays. A row number means the same text for the life of the object.

    The arrays of a pool are read-only, so that no strategy can change what others use: writing raises ValueError.
    `rows` returns a copy that may be changed.

    embeddings: (N, D) float32 or float16, may be a memory map; it is never copied as a whole.
    labels: (N,) int64, the class or -1 for unlabelled; or, multi-label, (N, n_classes) of 0/1, where an unlabelled row
        is -1 in every column.
    n_classes: number of classes, including those without any label.
    head: a fitted `Head` or None; strategies that need one raise `NeedsHead` without it.
    held_out: the labels of the head in folds, or None; strategies that hold labels out then share its fits with others.
    kept_pairs: pairs of rows that earlier queries of the same texts have computed, or None; see `KeptPairs`.
    candidates: (N,) bool, the rows that may be picked; None: all. Labelled rows are never picked, even if they are
        candidates.

    Raises ValueError when shapes or values do not fit; the message names the array and the numbers.
    """

    def __init__(
        self,
        embeddings: NDArray[np.floating[Any]],
        labels: NDArray[np.integer[Any]],
        n_classes: int,
        head: Head | None = None,
        candidates: NDArray[np.bool_] | None = None,
    ) -> None:
        labels = np.asarray(labels)
        if embeddings.ndim != 2:
            raise ValueError(f"embeddings must be (N, D), got shape {embeddings.shape}")
        if labels.shape not in ((len(embeddings),), (len(embeddings), n_classes)):
            raise ValueError(
                f"labels must be ({len(embeddings)},) or, multi-label, ({len(embeddings)}, {n_classes}); "
                f"got shape {labels.shape}"
            )
        highest = n_classes - 1 if labels.ndim == 1 else 1
        if labels.size and (labels.min() < UNLABELED or labels.max() > highest):
            raise ValueError(f"labels must lie in -1..{highest}; got {int(labels.min())}..{int(labels.max())}")
        if candidates is not None and candidates.shape != (len(embeddings),):
            raise ValueError(f"candidates must be ({len(embeddings)},), got shape {candidates.shape}")
        self.embeddings = read_only(embeddings)
        self.labels = read_only(labels)
        self.n_classes = n_classes
        self.head = head
        self.held_out: HeldOut | None = None
        self.kept_pairs: KeptPairs | None = None
        self.candidates = None if candidates is None else read_only(candidates)
        self._wider: Pool | None = None
        self._is_finite = False
        self._scores: dict[Measure, NDArray[np.float32]] = {}

    def __len__(self) -> int:
        return len(self.embeddings)

    @property
    def dimensions(self) -> int:
        return int(self.embeddings.shape[1])

    @property
    def multi_label(self) -> bool:
        return self.labels.ndim == 2

    @cached_property
    def _is_labeled(self) -> NDArray[np.bool_]:
        if self.multi_label:
            every_class: NDArray[np.bool_] = (self.labels != UNLABELED).all(axis=1)
            return every_class
        return np.asarray(self.labels != UNLABELED)

    @cached_property
    def labeled(self) -> NDArray[np.int64]:
        """Row numbers with a label, (n,) int64, ascending."""
        return read_only(np.flatnonzero(self._is_labeled))

    @cached_property
    def unlabeled(self) -> NDArray[np.int64]:
        """Row numbers that may be picked, (m,) int64, ascending: candidates without a label."""
        free = ~self._is_labeled
        if self.candidates is not None:
            free &= self.candidates
        return read_only(np.flatnonzero(free))

    def rows(self, index: NDArray[np.int64]) -> NDArray[np.float32]:
        """A float32 copy of the embeddings of the rows in `index` (k,) int64; (k, D)."""
        if self.embeddings.dtype == np.float32:
            return np.asarray(self.embeddings[index])
        # Block by block, so that there is never a second copy of all these rows in the original precision.
        out = np.empty((len(index), self.dimensions), dtype=np.float32)
        for block in blocks(len(index)):
            out[block] = self.embeddings[index[block]]
        return out

    def unlabeled_embeddings(self, index: Index) -> NDArray[np.float32]:
        """Embeddings of some unlabelled rows, (k, D) float32; index: a slice of `unlabeled` or k positions in it."""
        if 4 * len(self.unlabeled) * self.dimensions <= HELD_BYTES:
            return self._held[index]
        return self.rows(self.unlabeled[index])

    @cached_property
    def _held(self) -> NDArray[np.float32]:
        return read_only(self.rows(self.unlabeled))

    @cached_property
    def probabilities(self) -> NDArray[np.float32]:
        """The head's probabilities for the rows `unlabeled`, (m, n_classes) float32.

        Raises NeedsHead without a head, and NotFinite when a row has no finite logits; it gives the number of the row.
        """
        if self.head is None:
            raise NeedsHead("the probabilities of a pool need a fitted head; this pool has none")
        if self._wider is not None and "probabilities" in self._wider.__dict__:
            at = np.searchsorted(self._wider.unlabeled, self.unlabeled)
            already_scored: NDArray[np.float32] = self._wider.probabilities[at]
            return read_only(already_scored)
        head, out = self.head, np.empty((len(self.unlabeled), self.n_classes), dtype=np.float32)

        def score(block: slice) -> None:
            rows = self.unlabeled[block]
            stretch, at = self._stretch(rows)
            try:
                try:
                    out[block] = head.predict_proba(stretch)[at]
                except NotFinite:
                    # The row may be one that lies between those asked for, which may hold anything: score without it.
                    out[block] = head.predict_proba(self.rows(rows))
            except NotFinite as found:
                raise NotFinite(int(rows[found.row]), found.problem, LEAVE_OUT) from None

        over_blocks(score, len(out))
        return read_only(out)

    def scores(self, measure: Measure) -> NDArray[np.float32]:
        """What `measure` says of the rows `unlabeled`, (m,) float32; computed once for each measure.

        measure: function of the head and of embeddings (k, D) that returns (k,) float32, NaN for a row without finite
        logits. Raises the errors of `probabilities`.
        """
        if self.head is None:
            raise NeedsHead("the scores of a pool need a fitted head; this pool has none")
        if measure not in self._scores:
            self._scores[measure] = read_only(self._scored(self.head, measure))
        return self._scores[measure]

    def _scored(self, head: Head, measure: Measure) -> NDArray[np.float32]:
        if self._wider is not None and measure in self._wider._scores:
            already: NDArray[np.float32] = self._wider._scores[measure]
            return already[np.searchsorted(self._wider.unlabeled, self.unlabeled)]
        out = np.empty(len(self.unlabeled), dtype=np.float32)

        def score(block: slice) -> None:
            stretch, at = self._stretch(self.unlabeled[block])
            out[block] = measure(head, stretch)[at]

        over_blocks(score, len(out), SCORED_ROWS)
        if not np.isfinite(out).all():
            self.probabilities  # noqa: B018  # raises the error that names the row
        return out

    def check_finite(self) -> None:
        """Raise NotFinite if a row that may be picked, or else a labelled row, holds NaN or infinity.

        The error gives the number of the first such row. Other rows may hold anything. A pool that has passed is not
        checked again, and neither are the pools narrowed from it.
        """
        if not self._known_finite():
            self._check_rows(self.unlabeled, LEAVE_OUT)
            self._check_rows(self.labeled, "embed its text again, or take its label away")
            self._is_finite = True

    def _known_finite(self) -> bool:
        return self._is_finite or (self._wider is not None and self._wider._known_finite())

    def _check_rows(self, rows: NDArray[np.int64], remedy: str) -> None:
        def check(block: slice) -> None:
            stretch, at = self._stretch(rows[block])
            bad = not_finite(stretch)
            bad = at[np.isin(at, bad)] if len(bad) else bad
            if len(bad):
                raise NotFinite(int(rows[block][np.searchsorted(at, bad[0])]), "holds NaN or infinity", remedy)

        over_blocks(check, len(rows))

    def _stretch(self, rows: NDArray[np.int64]) -> tuple[NDArray[np.floating[Any]], NDArray[np.int64]]:
        """An array that holds the embeddings of `rows` (k,) int64, ascending, and their positions in it, (k,) int64.

        The array is a slice of the embeddings that also holds the few rows between, since reading these takes less time
        than a copy; where many rows lie between, it is a copy of `rows` only.
        """
        first, stop = int(rows[0]), int(rows[-1]) + 1
        if stop - first <= DENSE * len(rows):
            return self.embeddings[first:stop], rows - first
        return self.embeddings[rows], np.arange(len(rows))

    def narrowed(self, candidates: NDArray[np.bool_]) -> Pool:
        """The same pool with fewer candidates: only those that are True in `candidates`, (N,) bool.

        Probabilities that this pool has computed are used again.
        """
        if self.candidates is not None:
            candidates = candidates & self.candidates
        narrow = Pool(self.embeddings, self.labels, self.n_classes, self.head, candidates)
        narrow._wider = self
        narrow.held_out, narrow.kept_pairs = self.held_out, self.kept_pairs
        return narrow

    @property
    def widest(self) -> Pool:
        """The pool that this one was narrowed from, step by step; itself if it was not narrowed."""
        pool = self
        while pool._wider is not None:
            pool = pool._wider
        return pool

    def without(self, rows: NDArray[np.int64]) -> Pool:
        """The same pool in which `rows`, (k,) int64 row numbers, may no longer be picked."""
        rest = np.ones(len(self), dtype=bool)
        rest[rows] = False
        return self.narrowed(rest)

    def sample(self, size: int, rng: np.random.Generator) -> Pool:
        """The same pool with `size` of its unlabelled rows, drawn uniformly; the pool itself if it has no more."""
        if size >= len(self.unlabeled):
            return self
        logger.info("choosing among a random %d of %d unlabelled rows", size, len(self.unlabeled))
        drawn = np.zeros(len(self), dtype=bool)
        drawn[rng.choice(self.unlabeled, size, replace=False, shuffle=False)] = True
        return self.narrowed(drawn)


class NeedsHead(ValueError):
    """A strategy, or an option of it, needs a head, and none has been fitted yet."""
