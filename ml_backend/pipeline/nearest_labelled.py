"""How alike each text is to the most similar labelled one, kept in memory: a new label is compared with all texts once.

With 100,000 texts and 1,000 labels the whole comparison takes seconds, that of ten new labels a few milliseconds.
"""

from __future__ import annotations

import threading
import weakref
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning.search.nearest import cosines_to_nearest
from ml_backend.pipeline.project_pool import ProjectPool

MOST_PROJECTS = 4


@dataclass
class _Known:
    """What was computed for one matrix of vectors.

    matrix: the memory of the vectors, which stays the same while rows are added and changed; texts (N,) int64: the
    texts that the rows had; cosine (N,) float32: to the nearest of the texts `labelled`, NaN where it is unknown.
    """

    matrix: weakref.ref[Any]
    texts: NDArray[np.int64]
    cosine: NDArray[np.float32]
    labelled: NDArray[np.int64]


class NearestLabelled:
    """Remembers the projects asked for last."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_project: dict[int, _Known] = {}

    def cosines(
        self, project_id: int, pool: ProjectPool, rows: NDArray[np.int64], labelled: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """(n,) float32: the highest cosine of each row with any of the labelled rows.

        rows: (n,) int64, embedded; labelled: (m,) int64, embedded, one of each text, at least one.
        """
        with self._lock:
            known = self._by_project.pop(project_id, None)
            cosine = self._remembered(known, pool, labelled)
            texts = pool.texts[labelled]
            if known is not None:
                have = np.flatnonzero(~np.isnan(cosine))
                new = labelled[~np.isin(texts, known.labelled)]
                if len(have) and len(new):
                    cosine[have] = np.maximum(cosine[have], cosines_to_nearest(pool.embeddings, have, new))
            lacking = rows[np.isnan(cosine[rows])]
            if len(lacking):
                cosine[lacking] = cosines_to_nearest(pool.embeddings, lacking, labelled)
            self._by_project[project_id] = _Known(weakref.ref(_memory(pool)), pool.texts.copy(), cosine, texts)
            while len(self._by_project) > MOST_PROJECTS:
                self._by_project.pop(next(iter(self._by_project)))
            return cosine[rows]

    @staticmethod
    def _remembered(known: _Known | None, pool: ProjectPool, labelled: NDArray[np.int64]) -> NDArray[np.float32]:
        """(N,) float32: the cosines that still hold for the labels known before, NaN elsewhere."""
        cosine = np.full(len(pool.texts), np.nan, dtype=np.float32)
        if known is None or known.matrix() is not _memory(pool) or len(known.texts) > len(pool.texts):
            return cosine
        if not np.isin(known.labelled, pool.texts[labelled]).all():
            return cosine  # a label was taken back
        same = np.flatnonzero((known.texts == pool.texts[: len(known.texts)]) & pool.embedded[: len(known.texts)])
        cosine[same] = known.cosine[same]
        return cosine


def _memory(pool: ProjectPool) -> Any:
    """The array whose memory the vectors are a part of."""
    return pool.embeddings if pool.embeddings.base is None else pool.embeddings.base
