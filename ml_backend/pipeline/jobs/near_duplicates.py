"""Compares all texts of a project with each other, and keeps the pairs that are nearly equal."""

from __future__ import annotations

from typing import Any

from ml_backend.learning.numerics.distances import unit
from ml_backend.learning.search.groups import partners
from ml_backend.pipeline.jobs.job import Job
from ml_backend.pipeline.near_duplicates import (
    LEAST_COSINE,
    MOST_PARTNERS,
    about,
    file_name,
    fingerprint,
    to_bytes,
)
from ml_backend.pipeline.search_questions import PAIRS

PRODUCTS_AT_ONCE = 10**8
"""Comparisons between two reports: about a second's work."""
FEWEST_ROWS = 64


def run(job: Job) -> dict[str, Any]:
    """{"texts", "pairs"}: the numbers of texts compared and of pairs found. Raises JobFailed and JobStopped.

    The checkpoint says where to go on if the worker ends; if other texts are there then, all begins again.
    """
    pool = job.pool()
    rows = pool.first_of_each_text
    task_ids, name = pool.task_ids[rows], file_name(job.record.id)
    units, mark = unit(pool.embeddings[rows]), fingerprint(task_ids, pool.texts[rows], job.model)
    before = job.record.checkpoint or {}
    if before.get("texts") != mark:
        before = {}
        job.store.drop_files(job.project_id, name)
    done, found, part = int(before.get("done", 0)), int(before.get("pairs", 0)), int(before.get("parts", 0))
    while done < len(rows):
        stop = min(len(rows), done + max(FEWEST_ROWS, PRODUCTS_AT_ONCE // len(rows)))
        job.report(done, len(rows), f"comparing {len(rows):,} texts with each other; {found:,} pairs so far")
        pairs = partners(units, done, stop, LEAST_COSINE, MOST_PARTNERS)
        # The first part has the note that makes the file a finished one, and is written last.
        job.store.put_part(job.project_id, name, part + 1, to_bytes(pairs, task_ids))
        done, found, part = stop, found + len(pairs.first), part + 1
        checkpoint = {"texts": mark, "done": done, "pairs": found, "parts": part}
        job.report(done, len(rows), "comparing texts with each other", checkpoint)
    job.store.put_part(job.project_id, name, 0, b"", about(len(rows), finished=True))
    for file in job.store.files(job.project_id, PAIRS):
        if file.name != name:
            job.store.drop_files(job.project_id, file.name)
    return {"texts": len(rows), "pairs": found}
