"""Removes the predictions for all open texts, of all earlier jobs and commands, from Label Studio."""

from __future__ import annotations

from typing import Any

from ml_backend.pipeline.jobs.job import Job
from ml_backend.pipeline.jobs.predict_all import version_of_job
from ml_backend.pipeline.prediction_targets import OWN_VERSION


def run(job: Job) -> dict[str, Any]:
    """Remove them version by version; returns {"versions", "predictions", "served"}: how many of each were removed.

    served: the version that the project is labelled by, which a person has chosen and which therefore stays, or None.
    What a job is writing now stays too.
    Raises LabelStudioError, JobStopped.
    """
    client = job.services.client
    served = client.project(job.project_id).model_version
    writing = {version_of_job(j) for j in job.store.jobs(job.project_id, ["predict_all"]) if not j.has_ended}
    counts = client.model_versions(job.project_id)
    own = {v: n for v, n in counts.items() if v.startswith(OWN_VERSION) and v != served and v not in writing}
    removed = 0
    for number, (version, n) in enumerate(own.items()):
        job.report(number, len(own), f"removing {n:,} predictions; Label Studio takes about 5 ms for each")
        client.remove_version(job.project_id, version)
        removed += n
    return {
        "versions": len(own),
        "predictions": removed,
        "served": served if served.startswith(OWN_VERSION) else None,
    }
