"""Jobs and files as plain records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ml_backend.store.states import JobState


@dataclass(frozen=True)
class JobRecord:
    """Work that a person asked for on a page.

    kind: a name in `pipeline.jobs`; parameters: what it is given; who: the person, for people; requested_at,
    started_at, ended_at: Unix time; done, total: how far it has come, in units of its kind, total 0 while unknown;
    phase: what it is doing, as a sentence for people; checkpoint: where to go on if the worker ends; result: what it
    found, of a finished job; error: why it failed, as a sentence; owner, until: the worker that does it, and how long
    others leave it alone; tries: how often workers began or went on with it since its last checkpoint.
    """

    id: int
    project_id: int
    kind: str
    parameters: dict[str, Any]
    who: str
    state: JobState
    requested_at: float
    started_at: float | None = None
    ended_at: float | None = None
    done: int = 0
    total: int = 0
    phase: str = ""
    checkpoint: dict[str, Any] | None = None
    result: dict[str, Any] | None = None
    error: str | None = None
    owner: str | None = None
    until: float | None = None
    tries: int = 0

    @property
    def has_ended(self) -> bool:
        """Whether no worker will go on with it."""
        return self.state not in {JobState.WAITING, JobState.RUNNING}


def files_of_job(job_id: int) -> str:
    """How the names of all files of a job begin; they are deleted with it."""
    return f"jobs/{job_id}/"


def file_of_job(job_id: int) -> str:
    """The name of the file that a job makes for people to download.

    Its `about` has "name" and "type": the name and the content type of the download.
    """
    return f"{files_of_job(job_id)}file"


@dataclass(frozen=True)
class KeptFile:
    """A file that a job made, without its content. made_at: Unix time; size: bytes; about: what its maker noted."""

    name: str
    made_at: float
    size: int
    about: dict[str, Any]
