"""All pages of projects in use, and the jobs that people start on them, on SQLite and on PostgreSQL."""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from seeded_projects import BROKEN, EARLY, EMPTY, KEY, LATE, WordParts
from seeded_server import SeededServer

from ml_backend.pipeline.map_names import Colouring
from ml_backend.store import Store
from ml_backend.store.job_records import JobRecord
from ml_backend.store.states import DoubtKind, JobState
from ml_backend.web.page_parts.project_page import SUB_PAGES, VIEWS

LONGEST_ID = 2**63 - 1
SEARCHES = [
    "question=parcel",
    "by=words&question=PARCEL+%22left+outside%22",
    "by=words&question=%25+%5C",
    "question=a%00b+%ED%A0%80",
    "by=like&task=5",
    f"by=like&task={LONGEST_ID}",
    "by=unlike&among=all",
    "by=every&among=labelled&page=2",
]
PATH = f"/projects/{BROKEN}"
"""The smallest of the projects that have a model."""
UNPRINTABLE = "a\x00b \ud800"
"""PostgreSQL refuses the first of these characters, and no database stores the second."""
JOBS: dict[str, dict[str, Any]] = {
    "count_predictions": {},
    "predict_all": {"to": "csv", "with_texts": True},
    "export_model": {},
    "label_copies": {"sure": True},
    "near_duplicates": {},
    "map_layout": {},
}


@pytest.fixture
def client(store: Store, database_url: str, tmp_path: Path) -> Iterator[httpx.Client]:
    """A program that may change what the seeded projects have."""
    server = SeededServer(tmp_path / "queue", WordParts(), database_url=database_url)
    server.start()
    headers = {"Authorization": f"Token {KEY}", "Accept": "text/html"}
    with httpx.Client(base_url=server.url, headers=headers, timeout=60) as opened:
        yield opened
    server.stop()


def test_pages_show_projects_in_every_state_and_jobs_end_well(client: httpx.Client, store: Store):
    change(client, store)
    numbers = [sent(client, f"{PATH}/jobs/{kind}", parameters)["id"] for kind, parameters in JOBS.items()]
    jobs = [ended(store, number) for number in numbers]
    assert {job.kind: (job.state, job.error) for job in jobs} == dict.fromkeys(JOBS, (JobState.DONE, None))
    results = {job.kind: job.result or {} for job in jobs}
    files = {job.kind: client.get(f"{PATH}/jobs/{job.id}/file") for job in jobs}
    assert {kind for kind, file in files.items() if file.status_code == 200} == {"predict_all", "export_model"}
    assert len(list(csv.reader(StringIO(files["predict_all"].text)))) == 1 + results["predict_all"]["written"]
    assert len(files["export_model"].content) == results["export_model"]["bytes"]
    assert_shown(client)


def assert_shown(client: httpx.Client) -> None:
    """Every page is there, whatever its address asks for."""
    views = ["" if view == "project" else f"/{view.replace('_', '-')}" for view in [*VIEWS, *SUB_PAGES]]
    pages = ["/projects", "/metrics", *(f"/projects/{n}{view}" for n in (EMPTY, EARLY, LATE, BROKEN) for view in views)]
    pages += [f"/projects/{LATE}/find?{search}" for search in SEARCHES]
    pages += [f"/projects/{LATE}/map/colours?by={by}" for by in Colouring]
    pages += [f"/projects/{LATE}/look-again?show={DoubtKind.DISAGREEMENT}"]
    answers = {page: client.get(page).status_code for page in pages}
    assert {page: status for page, status in answers.items() if status != 200} == {}
    assert client.get(f"/projects/{LONGEST_ID}").status_code == 404


def change(client: httpx.Client, store: Store) -> None:
    """Do what people do on the pages, some of it twice."""
    given = {"task": [70, 69, LONGEST_ID], "why": UNPRINTABLE}
    counted = [sent(client, f"{PATH}/next", given) for _ in range(2)]
    assert [(c["asked"], c["before"], c["unknown"]) for c in counted] == [(2, 0, 1), (0, 2, 1)]
    assert list(store.requested_tasks(BROKEN)) == [70, 69]
    assert sent(client, f"{PATH}/next/withdraw", {"task": [70]}) == {"withdrawn": 1}
    doubt = {"kind": str(DoubtKind.LABEL), "task": LONGEST_ID, "key": "a" * 64}
    for action in ("dismiss", "dismiss", "undo", "dismiss"):
        sent(client, f"{PATH}/look-again/{action}", doubt)
    assert list(store.dismissals(BROKEN, DoubtKind.LABEL)) == [(LONGEST_ID, doubt["key"])]
    for action in ("train", "pause", "pause", "resume", "pause"):
        sent(client, f"{PATH}/{action}", {})
    described = {"class_descriptions": {"damaged item": UNPRINTABLE}}
    assert sent(client, f"{PATH}/settings", described, "PATCH")["class_descriptions"]


def sent(client: httpx.Client, path: str, body: dict[str, Any], method: str = "POST") -> dict[str, Any]:
    """The answer to JSON in ASCII, which may hold any character."""
    answer = client.request(method, path, content=json.dumps(body), headers={"Content-Type": "application/json"})
    assert answer.is_success, answer.text
    return cast(dict[str, Any], answer.json())


def ended(store: Store, number: int) -> JobRecord:
    """The job once it has ended."""
    deadline = time.monotonic() + 300
    while True:
        job = store.job(BROKEN, number)
        assert job is not None
        if job.has_ended:
            return job
        assert time.monotonic() < deadline, f"{job.kind} does not end"
        time.sleep(0.02)
