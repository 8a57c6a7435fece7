"""Compares the database of the backend with Label Studio, once nothing fails any more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from chaos.installation import RETRAIN_EVERY, Installation
from ml_backend.labelstudio.client import LabelStudio
from ml_backend.store import Store
from ml_backend.store.states import BatchState, ProjectState

PAGE = 1000
IDLE = "no run is under way, requested or left over"
LABELS = "labels in the database are those in Label Studio"
BATCH = "no task labelled before the batch is in it"
CURRENT = "one current version, served in the strategy's order"
STATE = "no project is stuck"
LEFTOVERS = "no predictions of versions never served"
CHECKS = (IDLE, LABELS, BATCH, CURRENT, STATE, LEFTOVERS)


@dataclass(frozen=True)
class Remote:
    """A project in Label Studio. tasks: with annotations and predictions; version: by which it serves tasks."""

    tasks: list[dict[str, Any]]
    version: str
    versions: set[str]


def problems(place: Installation, store: Store) -> dict[str, list[str]]:
    """What is wrong, by the names of CHECKS; empty if nothing is."""
    found: dict[str, list[str]] = {}
    idle = list(_unfinished(store))
    if idle:
        found[IDLE] = idle
    for project_id in place.project_ids:
        remote = _read(place.client, project_id)
        for name, check in PROJECT_CHECKS.items():
            found.setdefault(name, []).extend(f"project {project_id}: {p}" for p in check(store, project_id, remote))
    return {name: listed for name, listed in found.items() if listed}


def labels_in_label_studio(place: Installation) -> int:
    """Number of annotations of all projects, skips included."""
    return sum(len(_annotations(_read(place.client, project_id))) for project_id in place.project_ids)


def _read(client: LabelStudio, project_id: int) -> Remote:
    tasks: list[dict[str, Any]] = []
    while len(tasks) % PAGE == 0:
        number = len(tasks) // PAGE + 1
        params = {"project": project_id, "fields": "all", "page": number, "page_size": PAGE}
        tasks += client.request("GET", "api/tasks", params=params)["tasks"]
    versions = client.request("GET", f"api/projects/{project_id}/model-versions/")
    return Remote(tasks, client.project(project_id).model_version, set(versions))


def _unfinished(store: Store) -> Iterator[str]:
    if owners := store.lease_owners():
        yield f"leases of {owners}"
    if pending := store.pending_projects():
        yield f"runs requested of projects {pending}"
    if events := store.event_count():
        yield f"{events} events"


def _annotations(remote: Remote) -> dict[int, tuple[int, bool, list[Any]]]:
    """Annotation id → task, whether skipped, and the chosen classes."""
    return {
        a["id"]: (task["id"], bool(a["was_cancelled"]), _choices(a["result"]))
        for task in remote.tasks
        for a in task["annotations"]
    }


def _choices(result: list[dict[str, Any]]) -> list[Any]:
    return [item["value"].get("choices") for item in result]


def _labels(store: Store, project_id: int, remote: Remote) -> Iterator[str]:
    there = _annotations(remote)
    here = {a.annotation_id: (a.task_id, a.cancelled, _choices(a.result)) for a in store.annotations(project_id)}
    if lost := there.keys() - here.keys():
        yield f"{len(lost)} of {len(there)} are missing"
    if deleted := here.keys() - there.keys():
        yield f"{len(deleted)} were deleted in Label Studio"
    if other := [i for i in here.keys() & there.keys() if here[i] != there[i]]:
        yield f"{len(other)} differ"


def _batch(store: Store, project_id: int, remote: Remote) -> Iterator[str]:
    batch = store.current_batch(project_id)
    learned = {task_id for task_id, classes in store.fitted_labels(project_id).items() if classes is not None}
    if batch is not None and (repeated := learned & set(batch.task_ids)):
        yield f"{len(repeated)} tasks of batch {batch.number} were labelled before it"
    labelled = {task_id for task_id, cancelled, _ in _annotations(remote).values() if not cancelled}
    if len(labelled ^ learned) >= RETRAIN_EVERY:
        yield f"{len(labelled ^ learned)} labels were given since the last fit"


def _current(store: Store, project_id: int, remote: Remote) -> Iterator[str]:
    published = [b for b in store.batches(project_id, limit=10_000) if b.state == BatchState.PUBLISHED]
    if [b.version for b in published] != [remote.version]:
        yield f"Label Studio serves {remote.version!r}, the database has {[b.version for b in published]}"
        return
    scores = {
        p["task"]: p["score"] for t in remote.tasks for p in t["predictions"] if p["model_version"] == remote.version
    }
    if sorted(scores, key=lambda task: scores[task]) != published[0].task_ids:
        yield f"the predictions of {remote.version!r} are not in the order of the batch"
    head = store.current_head(project_id)
    if published[0].head_version not in (None, head.version if head else None):
        yield f"{remote.version!r} was chosen by another head than the newest"


def _state(store: Store, project_id: int, _remote: Remote) -> Iterator[str]:
    project = store.project(project_id)
    if project is None or project.state != ProjectState.READY:
        yield f"its state is {project.state if project else 'unknown'}: {project.error if project else ''}"


def _leftovers(store: Store, project_id: int, remote: Remote) -> Iterator[str]:
    served = {
        b.version
        for b in store.batches(project_id, limit=10_000)
        if b.state in {BatchState.PUBLISHED, BatchState.SUPERSEDED}
    }
    if left := remote.versions - served:
        yield f"predictions of {sorted(left)}"


PROJECT_CHECKS = {LABELS: _labels, BATCH: _batch, CURRENT: _current, STATE: _state, LEFTOVERS: _leftovers}
