"""Gives open tasks the label of a labelled task with exactly the same text."""

from __future__ import annotations

from typing import Any

from ml_backend.pipeline.jobs.job import Job
from ml_backend.pipeline.label_copies import annotate_copies, find_copies


def run(job: Job) -> dict[str, Any]:
    """Label the copies; returns {"labelled", "others_first", "disputed"}, numbers of tasks.

    others_first: somebody else labelled or deleted them meanwhile; disputed: left out, as their text has different
    labels. After a restart it goes on with the copies that are left. Raises JobFailed, JobStopped, LabelStudioError.
    """
    job.report(0, 0, "looking for copies")
    copies = find_copies(job.store, job.project_id, job.config)
    before = job.record.checkpoint or {"labelled": 0, "others_first": 0}
    labelled, others_first = before["labelled"], before["others_first"]
    total = labelled + others_first + len(copies.chosen)
    for is_labelled in annotate_copies(job.services.client, job.project_id, copies):
        labelled += is_labelled
        others_first += not is_labelled
        checkpoint = {"labelled": labelled, "others_first": others_first}
        job.report(labelled + others_first, total, "labelling copies", checkpoint)
    return {"labelled": labelled, "others_first": others_first, "disputed": len(copies.disputed)}
