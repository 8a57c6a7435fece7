"""The pairs of nearly equal texts that a job found, as a kept file, and the groups that they make at a threshold."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning.search.groups import Pairs, connected_groups
from ml_backend.pipeline.project_pool import ProjectPool
from ml_backend.pipeline.search_questions import PAIRS
from ml_backend.store import Store

LEAST_COSINE = 0.8
MOST_PARTNERS = 20
_ROW = np.dtype([("first", "<i8"), ("second", "<i8"), ("cosine", "<f4")])


@dataclass(frozen=True)
class KeptPairs:
    """Pairs of tasks, each once, whose texts are different and at least LEAST_COSINE alike.

    first, second: (p,) int64, task ids; cosine: (p,) float32; name: of the file; made_at: Unix time; texts: number of
    texts that were compared.
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    cosine: NDArray[np.float32]
    name: str
    made_at: float
    texts: int


def file_name(job_id: int) -> str:
    """The name of the file of a job."""
    return f"{PAIRS}{job_id}/pairs"


def to_bytes(pairs: Pairs, task_ids: NDArray[np.int64]) -> bytes:
    """Pairs of rows as bytes, with the ids of their tasks. task_ids: (n,) int64, of the rows."""
    rows = np.empty(len(pairs.first), dtype=_ROW)
    rows["first"], rows["second"], rows["cosine"] = task_ids[pairs.first], task_ids[pairs.second], pairs.cosine
    return rows.tobytes()


def fingerprint(task_ids: NDArray[np.int64], texts: NDArray[np.int64], model: str) -> str:
    """Changes when other texts are compared. task_ids, texts: (n,) int64, of the first task of each text."""
    content = task_ids.tobytes() + texts.tobytes() + model.encode()
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def kept_pairs(store: Store, project_id: int) -> KeptPairs | None:
    """The pairs of the last comparison that was finished, None before the first."""
    finished = [file for file in store.files(project_id, PAIRS) if file.about.get("finished")]
    if not finished:
        return None
    newest = max(finished, key=lambda file: file.made_at)
    first, second, cosine = _read(_Parts(store, project_id, newest.name, newest.made_at))
    return KeptPairs(first, second, cosine, newest.name, newest.made_at, int(newest.about.get("texts", 0)))


@dataclass(frozen=True)
class _Parts:
    """A file, known by its name and the time at which it was made."""

    store: Store
    project_id: int
    name: str
    made_at: float

    def __iter__(self) -> Iterator[bytes]:
        return self.store.file_parts(self.project_id, self.name)


@lru_cache(maxsize=2)
def _read(parts: _Parts) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    rows = np.frombuffer(b"".join(parts), dtype=_ROW)
    low, high = np.minimum(rows["first"], rows["second"]), np.maximum(rows["first"], rows["second"])
    order = np.lexsort((high, low))
    low, high, cosine = low[order], high[order], rows["cosine"][order]
    # Two tasks that are among each other's nearest are two pairs in the file.
    is_first = np.ones(len(low), dtype=bool)
    is_first[1:] = (low[1:] != low[:-1]) | (high[1:] != high[:-1])
    return low[is_first], high[is_first], cosine[is_first]


@dataclass(frozen=True)
class Grouped:
    """The groups of a project at a threshold, each of two tasks or more.

    rows: (m,) int64, rows of the pool of all groups; starts: (g + 1,) int64, where in `rows` each group begins; the
    largest groups come first, and in a group the lowest rows.
    """

    rows: NDArray[np.int64]
    starts: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.starts) - 1

    def group(self, number: int) -> NDArray[np.int64]:
        """(n,) int64: the rows of a group."""
        return self.rows[self.starts[number] : self.starts[number + 1]]


def grouped(pool: ProjectPool, pairs: KeptPairs, threshold: float) -> Grouped:
    """Groups of tasks whose texts are equal, or connected by pairs of texts that are alike at least so much.

    Tasks that were deleted since are left out, and so are pairs of tasks whose texts have changed to equal ones.
    """
    is_alike = pairs.cosine >= threshold
    known = np.isin(pairs.first, pool.task_ids) & np.isin(pairs.second, pool.task_ids) & is_alike
    first, second = pool.rows(pairs.first[known]), pool.rows(pairs.second[known])
    usable = np.flatnonzero(pool.embedded)
    if not len(usable):
        return Grouped(np.empty(0, dtype=np.int64), np.zeros(1, dtype=np.int64))
    numbers, position = np.unique(pool.texts[usable], return_inverse=True)
    embedded = pool.embedded[first] & pool.embedded[second]
    edges = [np.searchsorted(numbers, pool.texts[rows[embedded]]) for rows in (first, second)]
    group_of = connected_groups(len(numbers), *edges)[position]
    size = np.bincount(group_of)
    in_group = size[group_of] > 1
    rows, group = usable[in_group], group_of[in_group]
    order = np.lexsort((rows, group, -size[group]))
    rows, group = rows[order], group[order]
    starts = np.flatnonzero(np.r_[True, group[1:] != group[:-1]]) if len(rows) else np.empty(0, dtype=np.int64)
    return Grouped(rows, np.append(starts, len(rows)).astype(np.int64))


def about(texts: int, finished: bool) -> dict[str, Any]:
    """What the file notes. texts: number of texts compared."""
    return {"texts": texts, "finished": finished}
