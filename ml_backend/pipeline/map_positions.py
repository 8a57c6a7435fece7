"""Where each text of a project lies on its map: kept, and brought up to date when there are new texts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning.layout.placing import place, references, to_grid
from ml_backend.learning.layout.principal import principal_components
from ml_backend.pipeline import map_files
from ml_backend.pipeline.jobs.job import Job
from ml_backend.pipeline.map_names import LAYOUT, POSITIONS, LayoutKind
from ml_backend.pipeline.project_pool import ProjectPool
from ml_backend.pipeline.task_rows import found_in
from ml_backend.store import Store


@dataclass(frozen=True)
class Layout:
    """The embedded tasks of a project on its map.

    kind: how it was made; model: canonical name of the embedding model; task_ids (n,) int64, ascending; positions
    (n, 2) uint16; marks (n,) uint32: of each vector, see `marks`; arranged (n,) bool: False for texts that are newer
    than the layout, which lie beside their neighbours.
    """

    kind: LayoutKind
    model: str
    task_ids: NDArray[np.int64]
    positions: NDArray[np.uint16]
    marks: NDArray[np.uint32]
    arranged: NDArray[np.bool_]

    @property
    def key(self) -> str:
        """Equal for equal positions."""
        return map_files.key_of(self.kind, self.model, self.task_ids, self.positions, self.marks, self.arranged)


def current_layout(job: Job) -> tuple[Layout, str, ProjectPool]:
    """The layout of all texts that are embedded now, its key, and their pool; it is kept. Raises JobFailed.

    Without a kept layout, or with one of another embedding, it is made from principal components.
    """
    pool = job.pool()
    while True:
        kept_key, kept = kept_layout(job.store, job.project_id)
        layout = up_to_date(kept, pool, job.model)
        if layout is kept and kept_key is not None and _has_positions(job.store, job.project_id, kept_key):
            return layout, kept_key, pool
        # Meanwhile a better layout may have been made, which must not be replaced by one that follows the old one.
        if kept_layout_key(job.store, job.project_id) == kept_key:
            return layout, keep(job.store, job.project_id, layout), pool


def up_to_date(kept: Layout | None, pool: ProjectPool, model: str) -> Layout:
    """The kept layout with the texts that are new or changed since, and without deleted ones; itself if there are none.

    New texts are placed beside their nearest neighbours; principal components are computed anew.
    """
    rows = np.flatnonzero(pool.embedded)
    new_marks = marks(pool.embeddings)[rows]
    if kept is None or kept.model != model:
        return _principal(pool, rows, new_marks, model)
    task_ids = pool.task_ids[rows]
    at, known = found_in(kept.task_ids, task_ids)
    known[known] = kept.marks[at[known]] == new_marks[known]
    if len(rows) == len(kept.task_ids) and known.all():
        return kept
    if kept.kind == LayoutKind.PRINCIPAL or not known.any():
        return _principal(pool, rows, new_marks, model)
    positions = np.zeros((len(rows), 2), dtype=np.uint16)
    positions[known] = kept.positions[at[known]]
    arranged = np.zeros(len(rows), dtype=bool)
    arranged[known] = kept.arranged[at[known]]
    among = np.flatnonzero(known)[references(int(known.sum()))]
    beside = place(pool.embeddings[rows[~known]], pool.embeddings[rows[among]], positions[among].astype(np.float64))
    positions[~known] = np.rint(beside)
    return Layout(kept.kind, model, task_ids, positions, new_marks, arranged)


def new_layout(
    pool: ProjectPool, rows: NDArray[np.int64], positions: NDArray[np.floating], kind: LayoutKind, model: str
) -> Layout:
    """A layout of these rows of the pool, (n,) int64, ascending, from their positions (n, 2)."""
    new_marks = marks(pool.embeddings)[rows]
    return Layout(kind, model, pool.task_ids[rows], to_grid(positions), new_marks, np.ones(len(rows), dtype=bool))


def marks(vectors: NDArray[np.float32]) -> NDArray[np.uint32]:
    """(N,) uint32: a number for each vector (N, D) that is another one, nearly always, for another vector."""
    found: NDArray[np.uint32] = np.ascontiguousarray(vectors).view(np.uint32).sum(axis=1, dtype=np.uint32)
    return found


def keep(store: Store, project_id: int, layout: Layout) -> str:
    """Keep a layout in place of an earlier one, also as browsers get it; returns its key."""
    key = layout.key
    about = {
        "key": key,
        "kind": str(layout.kind),
        "model": layout.model,
        "texts": len(layout.task_ids),
        "newer": int((~layout.arranged).sum()),
    }
    arrays: map_files.Arrays = {
        "task_ids": layout.task_ids,
        "positions": layout.positions,
        "marks": layout.marks,
        "arranged": layout.arranged.astype(np.uint8),
    }
    store.put_file(project_id, LAYOUT, map_files.to_bytes(arrays), about)
    # Ids rise by small steps, which take hardly any room.
    sent: map_files.Arrays = {
        "x": layout.positions[:, 0],
        "y": layout.positions[:, 1],
        "step": np.diff(layout.task_ids, prepend=layout.task_ids[:1]).astype(np.uint32),
    }
    first = int(layout.task_ids[0]) if len(layout.task_ids) else 0
    store.put_file(project_id, POSITIONS, map_files.for_browsers(sent, {**about, "first_task": first}), about)
    return key


def kept_layout(store: Store, project_id: int) -> tuple[str | None, Layout | None]:
    """The kept layout and its key, or None for both."""
    file, content = store.kept_file(project_id, LAYOUT), store.file_content(project_id, LAYOUT)
    if file is None or content is None:
        return None, None
    about, arrays = file.about, map_files.from_bytes(content)
    layout = Layout(
        LayoutKind(about["kind"]),
        about["model"],
        arrays["task_ids"],
        arrays["positions"],
        arrays["marks"],
        arrays["arranged"].astype(bool),
    )
    return about["key"], layout


def kept_layout_key(store: Store, project_id: int) -> str | None:
    """The key of the kept layout, or None."""
    file = store.kept_file(project_id, LAYOUT)
    return None if file is None else file.about["key"]


def _has_positions(store: Store, project_id: int, key: str) -> bool:
    file = store.kept_file(project_id, POSITIONS)
    return file is not None and file.about.get("key") == key


def _principal(pool: ProjectPool, rows: NDArray[np.int64], new_marks: NDArray[np.uint32], model: str) -> Layout:
    positions = to_grid(principal_components(pool.embeddings, rows, 2))
    everything = np.ones(len(rows), dtype=bool)
    return Layout(LayoutKind.PRINCIPAL, model, pool.task_ids[rows], positions, new_marks, everything)
