"""Makes the layout of a project's map by the neighbours of each text, in the background."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning.layout.neighbour_embedding import FEWEST_ROWS, STEPS, neighbour_embedding
from ml_backend.learning.layout.placing import place, references
from ml_backend.learning.layout.principal import principal_components
from ml_backend.pipeline.jobs.job import Job, JobFailed
from ml_backend.pipeline.map_names import LayoutKind
from ml_backend.pipeline.map_positions import keep, new_layout
from ml_backend.pipeline.project_pool import ProjectPool

MOST_ARRANGED = 100_000
"""Of more different texts a sample is arranged, which takes up to 1 GB, and the others are placed beside it."""
COMPONENTS = 50
SEED = 0


def run(job: Job) -> dict[str, Any]:
    """Keep a layout of all embedded texts; an interrupted one begins again. Raises JobFailed for too few texts."""
    pool = job.pool()
    different = pool.first_of_each_text
    if len(different) < FEWEST_ROWS:
        raise JobFailed(
            f"Only {len(different)} different texts are embedded, and a layout by neighbours needs {FEWEST_ROWS}: "
            "add tasks, or stay with the quick layout."
        )
    job.report(0, STEPS, f"finding the nearest texts of {len(different):,} texts")
    components = principal_components(pool.embeddings, different, COMPONENTS)
    positions = arranged(components, lambda done, steps: job.report(done, steps, "arranging the texts"))
    rows = np.flatnonzero(pool.embedded)
    layout = new_layout(pool, rows, positions[_first_copy(pool, different, rows)], LayoutKind.NEIGHBOURS, job.model)
    return {"key": keep(job.store, job.project_id, layout), "texts": len(rows)}


def arranged(components: NDArray[np.float32], report: Any) -> NDArray[np.float64]:
    """(n, 2) float64: positions of rows (n, k) float32 by t-SNE, of a sample of them if there are very many."""
    n = len(components)
    if n <= MOST_ARRANGED:
        return neighbour_embedding(components, report, SEED)
    sample = np.sort(np.random.default_rng(SEED).choice(n, MOST_ARRANGED, replace=False))
    others = np.setdiff1d(np.arange(n), sample, assume_unique=True)
    positions = np.empty((n, 2))
    positions[sample] = neighbour_embedding(components[sample], report, SEED)
    among = sample[references(len(sample), SEED)]
    positions[others] = place(components[others], components[among], positions[among])
    return positions


def _first_copy(pool: ProjectPool, different: NDArray[np.int64], rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """(n,) int64: for each row the place in `different`, (m,) int64, of the row with the same text."""
    order = np.argsort(pool.texts[different])
    found: NDArray[np.int64] = order[np.searchsorted(pool.texts[different][order], pool.texts[rows])]
    return found
