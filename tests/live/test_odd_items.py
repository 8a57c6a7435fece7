"""One odd item stops nobody: it is listed with its task, and everything else is read, embedded and learned."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, cast

import pytest
from live_loop import CLASSES, Loop, choice, gold_texts
from local_backend import WordHashes
from project_runs import MakeProject, Project
from studios import both

from ml_backend.labelstudio import labels as labels_module
from ml_backend.learning import Embedder
from ml_backend.pipeline import task_records
from ml_backend.pipeline.predict import predict
from ml_backend.store import Store

MakeLoop = Callable[..., Loop]
ODD_VALUES: list[Any] = [["good"], {"choices": 5}, {"choices": True}, {"choices": CLASSES[0]}, 5]
ODD_ITEMS: list[Any] = [5, None, [choice(CLASSES[0])]]


@both
def test_annotations_that_cannot_be_read_are_listed_and_the_others_are_learned(loop: MakeLoop):
    project = loop(gold_texts(16), batch_size=4, retrain_every=2)
    first = project.batch()
    odd_results = [[{**choice(""), "value": value}] for value in ODD_VALUES] + [[item] for item in ODD_ITEMS]
    odd = project.import_texts([{"data": gold_texts(1)[0], "annotations": [{"result": r}]} for r in odd_results])
    person = project.person()
    for _ in range(6):
        person.label_next()
    status = project.until(labeled=6, tasks=16 + len(odd), state="ready", error=None, events_waiting=0)
    assert sum(status["labels"].values()) == 6
    assert [p["task"] for p in status["answer_problems"]] == odd
    assert status["answer_problems_total"] == len(odd)
    assert all(p["reason"] for p in status["answer_problems"])
    assert project.batch(after=first["number"])["task_ids"]


def _listed(project: Project) -> dict[int, str]:
    return {p["task"]: p["reason"] for p in project.status["answer_problems"]}


@pytest.mark.parametrize("result", [5, 0.5, "x", True, {"choices": ["a"]}])
def test_a_result_that_is_no_list_is_listed_with_its_task(make_project: MakeProject, result: Any):
    project = make_project()
    project.run("setup")
    tasks = project.label(3)
    annotation = next(a for a in project.studio.tables.annotations.values() if a.task == tasks[0])
    annotation.result = result
    project.run()
    assert project.status["labeled"] == 2
    assert list(_listed(project)) == [tasks[0]]
    assert "instead of a list" in _listed(project)[tasks[0]]
    assert project.record.state == "ready"
    annotation.result = [choice(CLASSES[0])]
    project.add_event("TASKS_CREATED", tasks[0])
    project.run()
    assert (project.status["labeled"], _listed(project)) == (3, {}), "a corrected annotation is a label again"


def test_a_fault_in_reading_one_text_is_the_problem_of_that_task(
    make_project: MakeProject, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    project = make_project()
    odd = min(project.client.task_ids(project.id))
    text = project.client.tasks_by_id(project.id, [odd])[0].data["text"]
    read = task_records.task_text

    def faulty(data: Any, config: Any) -> str:
        if data["text"] == text:
            raise AssertionError("not in marked section")
        return read(data, config)

    monkeypatch.setattr(task_records, "task_text", faulty)
    project.run("setup")
    project.label(3)
    project.run()
    assert (project.status["labeled"], project.status["embedded"]) == (3, 19)
    assert [p["task"] for p in project.status["problems"]] == [odd]
    assert project.status["problems"][0]["reason"].startswith("reading the text failed with AssertionError")
    assert f"task {odd} of project {project.id}" in caplog.text
    assert "not in marked section" in caplog.text, "the traceback is in the log"


def test_a_fault_in_reading_one_annotation_is_the_problem_of_that_annotation_and_is_logged_once(
    make_project: MakeProject, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    project = make_project()
    project.run("setup")
    tasks = project.label(3)
    read, gold = labels_module.answer, project.client.tasks_by_id(project.id, tasks[:1])[0].data["gold"]
    same = [t.id for t in project.client.tasks_by_id(project.id, tasks) if t.data["gold"] == gold]

    def faulty(result: Sequence[Any], config: Any) -> Any:
        if result[0]["value"]["choices"] == [gold]:
            raise RecursionError("too deep")
        return read(result, config)

    monkeypatch.setattr(labels_module, "answer", faulty)
    project.run()
    project.run()
    assert sorted(_listed(project)) == sorted(same)
    assert project.status["labeled"] == 3 - len(same)
    records = [r for r in caplog.records if r.levelno == logging.ERROR]
    assert len(records) == len(same), "every run reads all annotations again"


class Choking(WordHashes):
    """Fails on texts with one of these words, however many others come along; with "*" on every text."""

    def __init__(self, *words: str, name: str = "word-hashes") -> None:
        self.words, self.name = words, name

    def encode(self, texts: Sequence[str]) -> Any:
        if any("*" in self.words or word in text for text in texts for word in self.words):
            raise ValueError("a token out of range")
        return super().encode(texts)


def _embed_with(project: Project, embedder: WordHashes) -> None:
    project.services = replace(
        project.services, embedder=lambda _name: cast(Embedder, embedder), default_model=embedder.name
    )


def test_a_text_that_the_model_cannot_embed_is_the_problem_of_its_tasks(make_project: MakeProject):
    project = make_project()
    texts = [{"text": f"xyzzy {i}", "gold": CLASSES[0]} for i in range(2)]
    ids = project.client.request("POST", f"api/projects/{project.id}/import?return_task_ids=true", body=texts)
    _embed_with(project, Choking("xyzzy"))
    while project.run("setup"):
        pass
    status = project.status
    assert (status["embedded"], status["to_embed"], status["open"]) == (20, 0, 20)
    assert [p["task"] for p in status["problems"]] == ids["task_ids"]
    assert "ValueError" in status["problems"][0]["reason"]
    project.label(3)
    project.run()
    assert project.status["labeled"] == 3
    asked: list[str] = []
    predicted = predict(
        project.store,
        lambda _model, texts: asked.extend(texts.values()),
        project.id,
        [{"id": 1, "data": texts[0]}, {"id": 2, "data": gold_texts(1)[0]}],
    )
    assert [bool(result["result"]) for result in predicted.results] == [False, True]
    assert asked == [], "nobody waits for a vector that cannot come"
    _embed_with(project, Choking(name="another model"))
    while project.run("settings"):
        pass
    assert (project.status["embedded"], project.status["problems"]) == (22, []), "another model may embed it"


def test_a_model_that_embeds_nothing_fails_the_run_and_blames_no_text(make_project: MakeProject):
    project = make_project()
    _embed_with(project, Choking("*"))
    with pytest.raises(ValueError, match="a token out of range"):
        project.run("setup")
    assert project.status["problems"] == []
    _embed_with(project, WordHashes())
    project.run("setup")
    assert project.status["embedded"] == 20


def test_a_task_that_the_database_refuses_is_listed_and_the_others_are_stored(
    make_project: MakeProject, monkeypatch: pytest.MonkeyPatch
):
    project = make_project()
    odd = min(project.client.task_ids(project.id)) + 4
    upsert_tasks = Store.upsert_tasks

    def refusing(
        store: Store, project_id: int, records: Any, texts: dict[str, str], annotations: dict[int, Any]
    ) -> None:
        if annotations.get(odd):
            raise OverflowError("Python int too large to convert to SQLite INTEGER")
        upsert_tasks(store, project_id, records, texts, annotations)

    monkeypatch.setattr(Store, "upsert_tasks", refusing)
    project.person.annotate(odd, CLASSES[0])
    project.run("setup")
    assert [p["task"] for p in project.status["problems"]] == [odd]
    assert (project.status["tasks"], project.status["embedded"]) == (20, 19)


ODD_PARTS: list[Any] = [
    None,
    True,
    0,
    -1,
    1.5,
    2**70,
    "",
    "x",
    "\x00",
    "\ud800",
    [],
    {},
    [[]],
    {"": None},
    [None],
    [[["a"]]],
]


def _with_odd_part(value: Any, rng: random.Random) -> Any:
    """The value with one part of it replaced by something odd, or removed."""
    if isinstance(value, dict) and value and rng.random() < 0.8:
        name = rng.choice(list(value))
        if rng.random() < 0.2:
            return {n: part for n, part in value.items() if n != name}
        return value | {name: _with_odd_part(value[name], rng)}
    if isinstance(value, list) and value and rng.random() < 0.8:
        return [_with_odd_part(value[0], rng), *value[1:]]
    return rng.choice(ODD_PARTS)


@pytest.mark.parametrize("seed", range(5))
def test_whatever_parts_of_tasks_and_annotations_are_odd_the_whole_ones_are_learned(
    make_project: MakeProject, seed: int
):
    rng = random.Random(seed)
    project = make_project(60)
    tables = project.studio.tables
    whole = dict.fromkeys(CLASSES[:2], 0)
    for number, task in enumerate(sorted(project.client.task_ids(project.id))[:40]):
        label = CLASSES[number % 2]
        annotation = tables.annotations[project.person.annotate(task, label)]
        if number % 4 < 2:
            whole[label] += 1
        elif number % 4 == 2:
            annotation.result = _with_odd_part([choice(label)], rng)
            annotation.completed_by = rng.choice([annotation.completed_by, *ODD_PARTS])
        else:
            tables.tasks[task].data = _with_odd_part({"text": f"text {number}"}, rng)
            annotation.result = rng.choice(ODD_PARTS)
    while project.run("setup"):
        pass
    status = project.status
    assert (status["state"], status["error"], status["tasks"]) == ("ready", None, 60)
    assert all(status["labels"][label] >= n for label, n in whole.items())
    assert status["labeled"] + status["without_answer"] == 40, "each task has a label or is known to have none"
    assert status["embedded"] + status["problems_total"] == 60, "each task has a vector or a reason"
    assert all(p["reason"] for p in status["problems"] + status["answer_problems"])
