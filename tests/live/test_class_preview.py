"""What the model makes of each class before anybody labels, also with descriptions that are not saved."""

from __future__ import annotations

import json
from typing import Any

import pytest
from project_runs import MakeProject, Project

from ml_backend.pipeline import probability_blocks
from ml_backend.pipeline.job_kinds import CLASS_PREVIEW_FILE, KINDS, WrongParameters
from ml_backend.pipeline.jobs import class_preview
from ml_backend.pipeline.jobs.job import Job, JobFailed


def preview(project: Project, descriptions: dict[str, str] | None = None) -> dict[str, Any]:
    parameters = KINDS["class_preview"].parse({} if descriptions is None else {"descriptions": descriptions})
    record = project.store.add_job(project.id, "class_preview", parameters, "ann")
    return class_preview.run(Job(record, project.services, lambda *_: True))


@pytest.fixture
def project(make_project: MakeProject) -> Project:
    """Nobody has labelled anything."""
    made = make_project(40)
    made.run("setup")
    return made


def test_it_shows_the_share_and_the_likeliest_open_texts_of_each_class_and_is_kept(project: Project):
    found = preview(project)
    head = project.store.current_head(project.id)
    assert head is not None
    assert found["head"] == head.version
    assert found["texts"] == 40
    assert sum(entry["share"] for entry in found["classes"].values()) == pytest.approx(1, abs=1e-3)
    for entry in found["classes"].values():
        tasks, probabilities = zip(*entry["likeliest"], strict=True)
        assert len(set(tasks)) == 3
        assert list(probabilities) == sorted(probabilities, reverse=True)
    (kept,) = project.store.files(project.id, CLASS_PREVIEW_FILE)
    assert kept.about == {"head": head.version}
    assert json.loads(project.store.file_content(project.id, CLASS_PREVIEW_FILE) or b"") == found


def test_blocks_of_rows_give_the_same_as_all_at_once(project: Project, monkeypatch: pytest.MonkeyPatch):
    at_once = preview(project)
    for size in (1, 7):
        monkeypatch.setattr(probability_blocks, "BLOCK_ROWS", size)
        in_blocks = preview(project)
        assert {n: e["share"] for n, e in in_blocks["classes"].items()} == {
            n: e["share"] for n, e in at_once["classes"].items()
        }
        for name, entry in at_once["classes"].items():
            expected = [p for _, p in entry["likeliest"]]
            assert [p for _, p in in_blocks["classes"][name]["likeliest"]] == pytest.approx(expected, abs=1e-3)


def test_descriptions_can_be_tried_without_saving_them(project: Project):
    names = list(preview(project)["classes"])
    text = next(iter(project.store.texts_of_tasks(project.id, project.store.task_ids(project.id)).values()))
    before = project.store.current_head(project.id)
    tried = preview(project, {names[-1]: text})
    (task, _), *_ = tried["classes"][names[-1]]["likeliest"]
    assert project.store.texts_of_tasks(project.id, [task]) == {task: text}, "the text that the description repeats"
    assert tried["head"] is None
    after = project.store.current_head(project.id)
    assert before is not None
    assert after is not None
    assert (after.version, project.record.settings.get("class_descriptions")) == (before.version, None)


def test_a_try_says_why_descriptions_are_not_used(project: Project):
    project.store.update_project(project.id, settings={"class_names": "off"})
    with pytest.raises(JobFailed, match="setting `class_names` is off"):
        preview(project, {"billing": "About invoices."})
    with pytest.raises(WrongParameters, match="has 1,001 characters"):
        preview(project, {"billing": "x" * 1001})


def test_without_a_model_or_without_open_texts_it_says_so(project: Project, make_project: MakeProject):
    project.store.drop_heads(project.id)
    with pytest.raises(JobFailed, match="no model yet"):
        preview(project)
    labelled = make_project(6)
    labelled.run("setup")
    labelled.label(6)
    labelled.run()
    with pytest.raises(JobFailed, match="No text without a label is left"):
        preview(labelled)
