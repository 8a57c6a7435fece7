"""Makes a zip file of the folder that `export` writes: the newest model and a program that classifies texts."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

from ml_backend.pipeline.export.errors import ExportFailed
from ml_backend.pipeline.export.write import export_model
from ml_backend.pipeline.jobs.job import Job, JobFailed
from ml_backend.store.job_records import file_of_job, files_of_job
from ml_backend.store.states import JobState

PART_BYTES = 2**20


def run(job: Job) -> dict[str, Any]:
    """Write the file into the database; returns {"head", "labels", "bytes"}.

    The files of earlier exports are deleted: they are large, as they hold the embedding model. Raises JobFailed,
    JobStopped, and ModelNotAvailable.
    """
    job.report(0, 0, "writing the model")
    record, _ = job.head()
    with TemporaryDirectory() as made:
        name = f"model-{job.project_id}"
        try:
            export_model(job.store, job.project, Path(made) / name, job.services.trust_remote_code)
        except ExportFailed as problem:
            raise JobFailed(f"The model cannot be exported: {problem}.") from None
        job.report(0, 0, "packing the file")
        file = _packed(Path(made), name)
        _drop_earlier_exports(job)
        size = file.stat().st_size
        _store(job, file, size)
    return {"head": record.version, "labels": record.n_labels, "bytes": size}


def _packed(made: Path, name: str) -> Path:
    """A zip file with the folder `name` in `made`."""
    file = made / f"{name}.zip"
    with ZipFile(file, "w", ZIP_DEFLATED) as packed:
        for path in sorted((made / name).rglob("*")):
            packed.write(path, path.relative_to(made))
    return file


def _store(job: Job, file: Path, size: int) -> None:
    about = {"name": file.name, "type": "application/zip"}
    name = file_of_job(job.record.id)
    job.store.drop_files(job.project_id, files_of_job(job.record.id))  # of a worker that ended in the middle of it
    with file.open("rb") as content:
        part = 0
        while chunk := content.read(PART_BYTES):
            job.store.put_part(job.project_id, name, part, chunk, about if part == 0 else None)
            part += 1
            job.report(min(part * PART_BYTES, size), size, "storing the file")


def _drop_earlier_exports(job: Job) -> None:
    for earlier in job.store.jobs(job.project_id, [job.record.kind]):
        if earlier.id != job.record.id and earlier.state != JobState.RUNNING:
            job.store.drop_files(job.project_id, files_of_job(earlier.id))
