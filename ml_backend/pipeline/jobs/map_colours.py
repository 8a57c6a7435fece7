"""Colours the points of a project's map."""

from __future__ import annotations

from typing import Any

from ml_backend.pipeline import map_files
from ml_backend.pipeline.jobs.job import Job
from ml_backend.pipeline.map_colours import groups, states
from ml_backend.pipeline.map_names import Colouring, colours_file
from ml_backend.pipeline.map_positions import current_layout

BY_HEAD = {Colouring.PREDICTION, Colouring.CONFIDENCE}


def run(job: Job) -> dict[str, Any]:
    """Keep the group of each point of the map, if it is another one than is kept; the result has its key.

    Raises JobFailed while there are no vectors, and for colours by a head while there is none.
    """
    by = Colouring(job.parameters["by"])
    layout, positions_key, pool = current_layout(job)
    rows = pool.rows(layout.task_ids)
    state = states(pool, rows)
    name = colours_file(by)
    file = job.store.kept_file(job.project_id, name)
    kept = {} if file is None else file.about
    # Predictions of all texts take a while, and are the same while head and texts are.
    source = map_files.key_of(by, positions_key, job.head()[0].version, state) if by in BY_HEAD else None
    if source is not None and kept.get("source") == source:
        return {"key": kept["key"]}
    found = groups(job, by, pool, rows)
    key = map_files.key_of(positions_key, found.names, found.of_point, state)
    about = {"key": key, "by": str(by), "positions": positions_key}
    if kept.get("key") != key or kept.get("source") != source:
        content = map_files.for_browsers({"group": found.packed(), "state": state}, {**about, "legend": found.legend()})
        job.store.put_file(job.project_id, name, content, {**about, "source": source})
    return {"key": key}
