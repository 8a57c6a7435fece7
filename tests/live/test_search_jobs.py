"""What a worker finds: by meaning, words, likeness and class, among the tasks that the filters leave."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from live_loop import CLASSES
from local_backend import WordHashes
from project_runs import MakeProject, Project

from ml_backend.labelstudio.label_config import parse
from ml_backend.pipeline.job_kinds import KINDS, WrongParameters
from ml_backend.pipeline.jobs import RUNS, search
from ml_backend.pipeline.jobs.job import Job, JobFailed
from ml_backend.pipeline.project_pool import ProjectPool
from ml_backend.store.job_records import JobRecord
from ml_backend.store.states import JobState


def do(project: Project, kind: str, **given: Any) -> dict[str, Any]:
    """The result of a job."""
    record = JobRecord(1, project.id, kind, KINDS[kind].parse(given), "ann", JobState.RUNNING, 0.0)
    return RUNS[kind](Job(record, project.services, lambda *_: True))


def found(project: Project, **given: Any) -> list[int]:
    """The tasks on the first page of a search."""
    return [one["task"] for one in do(project, "search", **given)["found"]]


def pool_of(project: Project) -> ProjectPool:
    config = parse(project.record.label_config)
    return project.services.arrays.pool_to_read(project.id, WordHashes.name, config)


@pytest.fixture
def project(make_project: MakeProject) -> Project:
    """40 texts, of which 9 are labelled and one is skipped."""
    made = make_project(40, retrain_every=3)
    made.run("setup")
    made.label(9)
    skipped = made.person.next_task()
    assert skipped is not None
    made.person.skip(skipped["id"])
    made.add_event("TASKS_CREATED", skipped["id"])
    made.run()
    return made


def cosine(pool: ProjectPool, vector: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(pool.embeddings, axis=1) * np.linalg.norm(vector)
    return pool.embeddings @ vector / lengths


def test_by_meaning_the_nearest_come_first_and_pages_follow_each_other(project: Project):
    pool, question = pool_of(project), "where is my refund"
    similar = cosine(pool, WordHashes().encode([question])[0])
    rows = np.lexsort((pool.task_ids, -np.round(similar, 6)))
    expected = pool.task_ids[rows].tolist()
    pages = [do(project, "search", question=question, among="all", page=page) for page in (1, 2, 3)]
    listed = [one for page in pages for one in page["found"]]
    assert [one["task"] for one in listed] == expected
    np.testing.assert_allclose([one["score"] for one in listed], similar[rows], atol=1e-4)
    assert (pages[0]["total"], pages[0]["pages"], pages[0]["more"]) == (40, 2, False)
    assert found(project, question=question) == [i for i in expected if pool.open[pool.rows([i])[0]]][:20]
    answered = found(project, question=question, among="labelled")
    assert answered == [task for task in expected if task in set(pool.task_ids[pool.has_label].tolist())]
    states = {one["state"] for one in listed}
    assert states == {"open", "labelled", "answered"}


def test_like_a_task_leaves_out_the_task_itself(project: Project):
    pool = pool_of(project)
    own = int(pool.task_ids[5])
    similar = cosine(pool, pool.embeddings[5])
    similar[5] = -2
    nearest = pool.task_ids[np.lexsort((pool.task_ids, -np.round(similar, 6)))].tolist()
    assert found(project, by="like", task=own, among="all") == nearest[:20]
    with pytest.raises(JobFailed, match="Task 999999 is not known"):
        found(project, by="like", task=999999)


def test_likely_texts_are_those_to_which_the_newest_model_gives_the_class(project: Project):
    pool, name = pool_of(project), CLASSES[1]
    record = JobRecord(1, project.id, "search", {}, "ann", JobState.RUNNING, 0.0)
    _, head = Job(record, project.services, lambda *_: True).head()
    probability = head.predict_proba(pool.embeddings)[:, 1]
    probability[~pool.open] = -1
    expected = pool.task_ids[np.lexsort((pool.task_ids, -probability))].tolist()
    assert found(project, by="likely", **{"class": name}) == expected[:20]
    predicted = do(project, "search", by="every", predicted=name, among="all")["found"]
    best = head.predict_proba(pool.embeddings).argmax(axis=1)
    assert [one["task"] for one in predicted] == pool.task_ids[best == 1].tolist()[:20]
    with pytest.raises(JobFailed, match="no class 'nonsense'"):
        found(project, by="likely", **{"class": "nonsense"})


def test_unlike_anything_labelled_is_farthest_from_its_nearest_label(project: Project):
    pool = pool_of(project)
    labelled = pool.embeddings[pool.has_label]
    nearest = np.array([cosine(pool, one) for one in labelled]).max(axis=0)
    open_rows = np.flatnonzero(pool.open)
    expected = open_rows[np.lexsort((open_rows, np.round(nearest[open_rows], 6)))]
    assert found(project, by="unlike") == pool.task_ids[expected].tolist()[:20]


def test_before_any_label_the_unusual_texts_come_first_and_it_is_said(make_project: MakeProject):
    project = make_project(20)
    project.run("setup")
    pool = pool_of(project)
    similar = cosine(pool, (pool.embeddings / np.linalg.norm(pool.embeddings, axis=1, keepdims=True)).mean(axis=0))
    answer = do(project, "search", by="unlike")
    assert [one["task"] for one in answer["found"]] == pool.task_ids[np.argsort(similar)].tolist()
    assert "Nothing is labelled yet" in answer["said"]


def test_labels_can_be_looked_through_by_class(project: Project):
    pool = pool_of(project)
    for number, name in enumerate(CLASSES):
        listed = found(project, by="every", among="all", label=name)
        assert listed == pool.task_ids[pool.labels == number].tolist()


def test_words_are_found_in_any_case_all_of_them_and_phrases_as_a_whole(make_project: MakeProject):
    project = make_project(0)
    texts = ["Ärger mit 100% Rabatt", "ÄRGER ohne Rabatt", "rabatt_code", "a b", "b a", "<b>bold</b>", "back\\slash"]
    first = project.client.request(
        "POST",
        f"api/projects/{project.id}/import?return_task_ids=true",
        body=[{"text": text, "gold": CLASSES[0]} for text in texts],
    )["task_ids"]
    project.run("setup")
    for question, expected in {
        "ärger": [0, 1],
        "RABATT ärger": [0, 1],
        "100% rabatt": [0],
        "rabatt_": [2],
        '"a b"': [3],
        "back slash": [6],
        "%": [0],
        "<B>": [5],
        "k\\s": [6],
        "nothing-of-this": [],
    }.items():
        assert found(project, by="words", question=question) == [first[n] for n in expected], question


def test_words_are_found_before_anything_is_embedded_and_the_rest_says_what_to_do(
    make_project: MakeProject, monkeypatch: pytest.MonkeyPatch
):
    project = make_project(10)
    monkeypatch.setattr("ml_backend.pipeline.run.embed", lambda *_: 1)
    project.run("setup")
    text = next(iter(project.store.texts_of_tasks(project.id, project.client.task_ids(project.id)).values()))
    assert found(project, by="words", question=f'"{text}"')
    for given in ({"question": "refund"}, {"by": "unlike"}, {"by": "likely", "class": CLASSES[0]}):
        with pytest.raises(JobFailed, match="search by words, or look at the progress"):
            found(project, **given)


def test_a_search_for_words_ends_once_there_is_enough(project: Project, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(search, "MOST_FOUND", 3)
    monkeypatch.setattr(search, "TASKS_AT_ONCE", 4)
    answer = do(project, "search", by="words", question="e", among="all")
    assert (answer["total"], answer["more"]) == (3, True)
    monkeypatch.setattr(search, "LONGEST_SECONDS", -1.0)
    answer = do(project, "search", by="words", question="nothing-of-this", among="all")
    assert answer["said"] == "Only the first 4 of 40 tasks were searched in time."


def test_a_text_comes_once_with_the_number_of_its_copies(make_project: MakeProject):
    project = make_project(3)
    copies = [{"text": "refund refund refund", "gold": CLASSES[0]}] * 3
    project.client.request("POST", f"api/projects/{project.id}/import", body=copies)
    project.run("setup")
    for given in ({"question": "refund"}, {"by": "words", "question": "refund refund"}):
        listed = do(project, "search", **given)["found"]
        assert listed[0]["copies"] == 2
        assert len({one["task"] for one in listed} & set(sorted(project.client.task_ids(project.id))[3:])) == 1


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({}, "Type what to search for"),
        ({"by": "words", "question": ' "" '}, "at least one word"),
        ({"question": "x" * 1001}, "longer than 1,000"),
        ({"by": "magic", "question": "x"}, "'magic' is none of: meaning"),
        ({"by": "like", "task": "one"}, "not by 'one'"),
        ({"by": "likely"}, "Choose the class"),
    ],
)
def test_questions_that_cannot_be_asked_are_refused_in_a_sentence(given: dict[str, Any], sentence: str):
    with pytest.raises(WrongParameters, match=sentence):
        KINDS["search"].parse(given)


def test_what_people_paste_is_one_line_without_characters_that_databases_refuse():
    assert KINDS["search"].parse({"question": "a\x00b\n c\u200bd"})["question"] == "a b c d"
    assert KINDS["search"].parse({"question": "x", "page": "10000"})["page"] == 50
