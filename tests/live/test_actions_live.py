"""What people start on the page Actions, against a fake Label Studio: predictions, copies, export, pause."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import copyfile
from typing import Any

import pytest
from fake_label_studio.faults import Moment
from live_loop import HTTP, Loop, gold_texts, label_some, wait_until
from project_runs import MakeProject, Project
from studios import Fake, both

from ml_backend.pipeline import open_predictions, prediction_targets
from ml_backend.pipeline.jobs import RUNS
from ml_backend.pipeline.jobs.job import Job, JobFailed, JobStopped
from ml_backend.pipeline.prediction_targets import OWN_VERSION
from ml_backend.store import Store
from ml_backend.store.job_records import JobRecord, file_of_job
from ml_backend.store.states import JobState

CHUNK = 4


@pytest.fixture(autouse=True)
def _small_and_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_predictions, "ROWS_AT_ONCE", CHUNK)
    monkeypatch.setattr(prediction_targets, "LONGEST_PAUSE_SECONDS", 0.001)


@pytest.fixture(scope="module")
def labelled(
    fake_label_studio: Fake, clients: Any, migrated_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Project, Callable[[], None]]]:
    """A project of 24 tasks, 6 of them labelled, with a model and a batch; and what brings it back to that."""
    store = Store(f"sqlite:///{copyfile(migrated_file, tmp_path_factory.mktemp('actions') / 'store.db')}")
    store.create()
    client = clients(fake_label_studio, fake_label_studio.token)
    made = Project(fake_label_studio, client, store, 24, batch_size=6, retrain_every=3)
    made.run()
    made.label(6)
    made.run()
    yield made, made.save()
    store.close()


@pytest.fixture
def project(labelled: tuple[Project, Callable[[], None]]) -> Iterator[Project]:
    """The project as it was made."""
    made, restore = labelled
    yield made
    made.studio.faults.mend()
    restore()


@pytest.fixture
def started(project: Project) -> Callable[..., JobRecord]:
    """Asks for a job of the project and takes it; parameters by name."""

    def start(kind: str, **parameters: Any) -> JobRecord:
        job = project.store.add_job(project.id, kind, parameters, "Ann")
        taken = project.store.take_job([kind], "worker")
        assert taken is not None
        assert taken.id == job.id
        return taken

    return start


def done(project: Project, record: JobRecord, reports: int | None = None) -> dict[str, Any]:
    """What the job returns. reports: after so many its worker ends, before the last one is stored."""
    told = 0

    def keep(n: int, total: int, phase: str, checkpoint: dict[str, Any] | None) -> bool:
        nonlocal told
        told += 1
        if reports is not None and told > reports:
            return False
        return project.store.report_job(record.id, "worker", n, total, phase, checkpoint)

    result = RUNS[record.kind](Job(record, project.services, keep))
    project.store.end_job(record.id, "worker", JobState.DONE, result)
    return result


def again(project: Project, record: JobRecord) -> JobRecord:
    """The job as the next worker takes it."""
    project.store.release_jobs(["worker"])
    taken = project.store.take_job([record.kind], "worker")
    assert taken is not None
    return taken


def to_label_studio(above: float = 0.0) -> dict[str, Any]:
    return {"to": "label_studio", "above": above, "with_texts": False}


def to_file(above: float = 0.0, with_texts: bool = False) -> dict[str, Any]:
    return {"to": "csv", "above": above, "with_texts": with_texts}


def own(project: Project) -> dict[int, list[tuple[str, float | None]]]:
    """Task → the predictions for all open texts that it has: class and score."""
    found: dict[int, list[tuple[str, float | None]]] = {}
    for p in project.studio.tables.predictions.values():
        if p.project == project.id and p.model_version.startswith(OWN_VERSION):
            found.setdefault(p.task, []).append((p.result[0]["value"]["choices"][0], p.score))
    return found


def open_tasks(project: Project) -> set[int]:
    annotated = project.store.annotated_tasks(project.id)
    return project.store.task_ids(project.id) - annotated


def rows(project: Project, record: JobRecord) -> list[list[str]]:
    content = project.store.file_content(project.id, file_of_job(record.id))
    assert content is not None
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def test_predictions_go_to_label_studio_beside_what_is_served(project: Project, started: Callable[..., JobRecord]):
    result = done(project, started("predict_all", **to_label_studio()))
    predictions = own(project)
    assert predictions.keys() == open_tasks(project)
    assert {len(of_task) for of_task in predictions.values()} == {1}
    assert all(score is not None and 0 < score <= 1 for ((_, score),) in predictions.values())
    assert (result["written"], result["open"]) == (18, 18)
    assert result["version"].startswith(OWN_VERSION)
    project.run()
    serving = project.batch
    assert project.studio.tables.projects[project.id].model_version == serving.version
    assert [p.task for p in project.served_predictions()] == serving.task_ids


def test_only_sure_predictions_are_written(project: Project, started: Callable[..., JobRecord]):
    table = done(project, started("count_predictions"))["table"]
    above = next(row["above"] for row in table if 0 < row["kept"] < 18)
    kept = next(row["kept"] for row in table if row["above"] == above)
    result = done(project, started("predict_all", **to_label_studio(above)))
    assert result["written"] == kept == len(own(project))
    assert all((score or 0) >= above for ((_, score),) in own(project).values())
    none = done(project, started("predict_all", **to_file(1.0)))
    assert none["written"] == 0


@pytest.mark.parametrize("reports", [1, 3, 5])
def test_a_worker_that_dies_at_any_chunk_doubles_and_loses_no_prediction(
    project: Project, started: Callable[..., JobRecord], reports: int
):
    record = started("predict_all", **to_label_studio())
    with pytest.raises(JobStopped):
        done(project, record, reports)  # the chunk after the last stored checkpoint is written, too
    result = done(project, again(project, record))
    assert Counter(map(len, own(project).values())) == {1: 18}
    assert own(project).keys() == open_tasks(project)
    present = project.store.job(project.id, record.id)
    assert present is not None
    assert (present.done, present.total) == (18, 18)
    assert result["open"] == 18


@pytest.mark.parametrize("reports", [1, 3])
def test_a_file_has_each_prediction_once_after_a_restart(
    project: Project, started: Callable[..., JobRecord], reports: int
):
    whole = started("predict_all", **to_file(with_texts=True))
    done(project, whole)
    record = started("predict_all", **to_file(with_texts=True))
    with pytest.raises(JobStopped):
        done(project, record, reports)
    assert done(project, again(project, record))["written"] == 18
    assert rows(project, record) == rows(project, whole)
    header, *lines = rows(project, record)
    assert header == ["task", "class", "confidence", "margin", "text"]
    texts = project.store.texts_of_tasks(project.id, open_tasks(project))
    assert {int(line[0]): line[4] for line in lines} == texts


def test_a_job_goes_on_with_its_own_model_although_a_newer_one_was_made(
    project: Project, started: Callable[..., JobRecord]
):
    record = started("predict_all", **to_file())
    with pytest.raises(JobStopped):
        done(project, record, 3)
    first = project.store.current_head(project.id)
    project.label(6)
    project.run()
    newest = project.store.current_head(project.id)
    assert first is not None
    assert newest is not None
    assert newest.version != first.version
    assert done(project, again(project, record))["head"] == first.version
    project.store.drop_heads(project.id)
    project.store.put_head(newest)
    assert done(project, started("predict_all", **to_file()))["head"] == newest.version


def test_a_job_whose_model_is_gone_begins_anew_without_leftovers(project: Project, started: Callable[..., JobRecord]):
    record = started("predict_all", **to_label_studio())
    with pytest.raises(JobStopped):
        done(project, record, 3)
    project.label(6)
    project.run()
    newest = project.store.current_head(project.id)
    assert newest is not None
    project.store.drop_heads(project.id)
    project.store.put_head(newest)
    assert done(project, again(project, record))["head"] == newest.version
    assert own(project).keys() == open_tasks(project)
    assert Counter(map(len, own(project).values())) == {1: 12}


@pytest.mark.parametrize("moment", list(Moment))
def test_label_studio_may_be_away_for_a_while(
    project: Project, started: Callable[..., JobRecord], monkeypatch: pytest.MonkeyPatch, moment: Moment
):
    waited: list[str] = []

    def mend(self: Job, phase: str, seconds: float) -> None:
        waited.append(phase)
        project.studio.faults.mend()

    monkeypatch.setattr(Job, "wait", mend)
    project.studio.faults.break_at("POST", "predictions", moment, skip=1)
    done(project, started("predict_all", **to_label_studio()))
    assert len(waited) == 1
    assert "Label Studio does not respond" in waited[0]
    assert Counter(map(len, own(project).values())) == {1: 18}, "also if it had stored what it did not answer"


def test_tasks_that_are_deleted_meanwhile_are_left_out(project: Project, started: Callable[..., JobRecord]):
    gone = sorted(open_tasks(project))[5]
    project.client.request("DELETE", f"api/tasks/{gone}/")
    assert done(project, started("predict_all", **to_label_studio()))["written"] == 17
    assert gone not in own(project)
    assert Counter(map(len, own(project).values())) == {1: 17}


def test_a_stopped_job_leaves_what_it_wrote(project: Project, started: Callable[..., JobRecord]):
    record = started("predict_all", **to_label_studio())

    def keep(n: int, *_: Any) -> bool:
        if n >= CHUNK:
            project.store.stop_job(project.id, record.id)
        return project.store.renew_job(record.id, "worker")

    with pytest.raises(JobStopped):
        RUNS["predict_all"](Job(record, project.services, keep))
    assert len(own(project)) == CHUNK


def test_earlier_predictions_are_removed_and_no_others(project: Project, started: Callable[..., JobRecord]):
    for _ in range(2):
        done(project, started("predict_all", **to_label_studio()))
    project.store.add_job(project.id, "predict_all", to_label_studio(), "Ann")
    served = {p.id for p in project.served_predictions()}
    assert done(project, started("remove_predictions")) == {"versions": 2, "predictions": 36, "served": None}
    assert own(project) == {}
    assert {p.id for p in project.served_predictions()} == served
    assert done(project, started("remove_predictions"))["versions"] == 0


def test_predictions_by_which_a_person_lets_label_are_not_removed(project: Project, started: Callable[..., JobRecord]):
    version = done(project, started("predict_all", **to_label_studio()))["version"]
    project.change(model_version=version)
    assert done(project, started("remove_predictions")) == {"versions": 0, "predictions": 0, "served": version}
    assert len(own(project)) == 18


def test_without_a_model_there_is_nothing_to_predict(make_project: MakeProject):
    bare = make_project(6, class_names="off")
    bare.run()
    job = bare.store.add_job(bare.id, "predict_all", to_file(), "Ann")
    with pytest.raises(JobFailed, match="no model yet"):
        RUNS["predict_all"](Job(job, bare.services, lambda *_: True))


def test_copies_get_the_label_of_their_text_also_after_a_restart(make_project: MakeProject):
    made = make_project(12)
    made.run()
    texts = {t.id: t.data for t in made.studio.tables.tasks_of(made.id)}
    first = made.label(1)[0]
    copies = [{"data": dict(texts[first])} for _ in range(4)]
    made.client.request("POST", f"api/projects/{made.id}/import", body=[copy["data"] for copy in copies])
    made.run("tasks")
    job = made.store.add_job(made.id, "label_copies", {}, "Ann")
    taken = made.store.take_job(["label_copies"], "worker")
    assert taken is not None
    with pytest.raises(JobStopped):
        done(made, taken, 3)
    assert done(made, again(made, job))["disputed"] == 0
    of_text = [t.id for t in made.studio.tables.tasks_of(made.id) if t.data == texts[first]]
    annotations = Counter(a.task for a in made.studio.tables.annotations.values() if a.task in of_text)
    assert annotations == dict.fromkeys(of_text, 1)


def test_an_export_is_a_zip_file_of_the_folder_and_replaces_the_one_before(
    project: Project, started: Callable[..., JobRecord], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("ml_backend.pipeline.jobs.export_model.PART_BYTES", 2000)
    first, second = started("export_model"), started("export_model")
    done(project, first)
    result = done(project, second)
    content = project.store.file_content(project.id, file_of_job(second.id))
    assert content is not None
    assert (len(content), result["labels"]) == (result["bytes"], 6)
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        assert packed.testzip() is None
        folder = f"model-{project.id}/"
        assert {f"{folder}classify.py", f"{folder}head.npz", f"{folder}README.md"} <= set(packed.namelist())
        assert json.loads(packed.read(f"{folder}model.json"))["head"] == result["head"]
    (kept,) = project.store.files(project.id)
    assert (kept.name, kept.about["type"]) == (file_of_job(second.id), "application/zip")


def test_a_paused_project_takes_labels_and_learns_them_when_it_goes_on(project: Project):
    before, version = project.batch, project.studio.tables.projects[project.id].model_version
    project.store.update_project(project.id, paused_at=1.0, paused_by="Ann")
    project.label(6)
    project.run()
    assert project.batch.number == before.number
    assert project.studio.tables.projects[project.id].model_version == version, "what is published is still served"
    assert project.status["labeled"] == 12, "labels are received"
    assert project.status["next"].startswith("The project is paused")
    head = project.store.current_head(project.id)
    assert head is not None
    assert head.n_labels == 6
    project.store.update_project(project.id, paused_at=None, paused_by=None)
    project.run("requested")
    head = project.store.current_head(project.id)
    assert head is not None
    assert (head.n_labels, project.batch.number) == (12, before.number + 1)


def test_training_is_done_when_asked_for_without_new_labels_and_in_a_pause(project: Project):
    number = project.batch.number
    project.run("training")
    assert project.batch.number == number + 1
    project.store.update_project(project.id, paused_at=1.0, paused_by="Ann")
    project.run("training")
    assert project.batch.number == number + 2
    assert "training" in project.history[-1].reasons


@both
def test_what_is_served_stays_while_all_open_texts_are_predicted(loop: Callable[..., Loop]):
    talk = loop(gold_texts(30), batch_size=6, retrain_every=6)
    talk.embedded()
    label_some(talk, 6)
    batch = talk.batch(after=1)
    headers = {"Authorization": f"Token {talk.backend.api_key}"}
    address = f"{talk.backend.url}/projects/{talk.project_id}/jobs"

    def ended(kind: str, **body: Any) -> dict[str, Any]:
        asked = HTTP.post(f"{address}/{kind}", json=body, headers=headers).json()
        job = wait_until(
            f"{kind} ends",
            lambda: (shown := HTTP.get(f"{address}/{asked['id']}", headers=headers).json())["ended_at"] and shown,
        )
        assert job["state"] == "done", job["error"]
        return dict(job["result"])

    result = ended("predict_all", to="label_studio")
    assert (result["written"], talk.client.model_versions(talk.project_id)[result["version"]]) == (24, 24)
    versions = talk.client.versions_of_predictions(talk.project_id, sorted(talk.client.task_ids(talk.project_id)))
    assert sum(result["version"] in of_task for of_task in versions.values()) == 24
    assert len(versions) == 30
    assert talk.model_version() == batch["version"]
    person = talk.person()
    assert [person.label_next() for _ in range(3)] == batch["task_ids"][:3]
    assert ended("remove_predictions")["predictions"] == 24
    assert result["version"] not in talk.client.model_versions(talk.project_id)
    assert talk.model_version() == batch["version"]
