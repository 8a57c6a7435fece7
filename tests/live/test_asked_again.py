"""A share of labelled tasks is asked a second time, of another person: `relabel_share`."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from live_loop import CLASSES, Person, gold_texts, new_project
from project_runs import MakeProject, Project
from studios import both

from ml_backend.labelstudio.client import LabelStudio
from ml_backend.pipeline import publish as publishing


@both
def test_label_studio_serves_a_labelled_task_to_another_person_once_it_is_asked_again(
    client: LabelStudio, second_user: LabelStudio
):
    project = new_project(client, gold_texts(6))
    ann, ben = Person(client, project), Person(second_user, project)
    tasks = sorted(client.task_ids(project))
    again, kept, fresh = tasks[:3]
    for task in (again, kept):
        ann.annotate(task, CLASSES[0])
    assert client.ask_again(again, 2)
    assert client.ask_again(kept, 2)
    client.ask_no_longer(kept, 1)
    client.set_sampling(project)
    client.publish_batch(project, "batch", [(again, [], 0), (kept, [], 1), (fresh, [], 2)])
    served = ann.next_task()
    assert served is not None
    assert served["id"] == fresh, "a person is never asked what they have answered"
    ann.annotate(fresh, CLASSES[0])
    served = ben.next_task()
    assert served is not None
    assert served["id"] == again, "by the score of its prediction"
    ben.annotate(again, CLASSES[1])
    state = client.request_object("GET", f"api/tasks/{again}/")
    assert (state["is_labeled"], state["total_annotations"]) == (True, 2)
    state = client.request_object("GET", f"api/tasks/{kept}/")
    assert (state["is_labeled"], state["overlap"]) == (True, 1), "it is as before"
    following = ben.next_task()
    assert following is None or following["id"] not in {again, kept}


def labelled_by_two(make_project: MakeProject, second_user: LabelStudio, **settings: float) -> tuple[Project, Person]:
    """A project of which two people labelled 16 tasks between them."""
    project = make_project(40, retrain_every=5, batch_size=10, **settings)
    project.run("setup")
    ben = Person(second_user, project.id)
    project.label(8)
    project.run()
    project.add_event("TASKS_CREATED", *(ben.label_next() for _ in range(8)))
    project.run()
    return project, ben


def is_labeled(project: Project, task: int) -> bool:
    return project.studio.tables.is_labeled(project.studio.tables.tasks[task])


def annotators(project: Project, task: int) -> list[int]:
    return [a.completed_by for a in project.studio.tables.annotations_of(task)]


def test_a_share_of_each_batch_is_asked_of_a_second_person_and_changes_nothing_else(
    make_project: MakeProject, second_user: LabelStudio
):
    project, ben = labelled_by_two(make_project, second_user, relabel_share=0.2)
    batch = project.batch
    assert 2 <= len(batch.repeated_task_ids) <= 4, "about a fifth of what is published"
    assert "asked again" in batch.why
    assert not set(batch.repeated_task_ids) & set(batch.random_task_ids)
    project.assert_whole()
    assert all(len(annotators(project, task)) == 1 for task in batch.repeated_task_ids)
    places = [batch.task_ids.index(task) for task in batch.repeated_task_ids]
    assert max(places) - min(places) > 2, "they are spread over the batch"
    others = len(batch.task_ids) - len(batch.repeated_task_ids)
    assert project.status["queue_remaining"] == others, "only tasks without a label are left to label"
    before = project.status
    ben_id = second_user.whoami()["id"]
    mine = [task for task in batch.repeated_task_ids if annotators(project, task) != [ben_id]]
    asked_twice = []
    while set(mine) - set(asked_twice):
        asked_twice.append(ben.label_next())
    project.add_event("TASKS_CREATED", *asked_twice)
    project.run()
    assert all(len(annotators(project, task)) == 2 for task in mine)
    assert project.status["labeled"] == before["labeled"] + len(asked_twice) - len(mine), "a task counts once"
    assert not set(project.batch.repeated_task_ids) & set(mine), "nothing is asked a third time"
    assert sum(run.asked for run in project.history) <= project.status["labeled"], "nor counted twice as a prediction"


def test_what_the_next_batch_does_not_ask_again_is_finished_for_label_studio_as_before(
    make_project: MakeProject, second_user: LabelStudio
):
    project, _ = labelled_by_two(make_project, second_user, relabel_share=0.2)
    repeated = project.batch.repeated_task_ids
    assert not any(is_labeled(project, task) for task in repeated)
    project.store.update_project(project.id, settings={"batch_size": 10, "retrain_every": 5})
    project.run("settings")
    assert project.batch.repeated_task_ids == []
    assert all(is_labeled(project, task) for task in repeated)


def test_a_batch_that_was_never_served_leaves_no_task_open(
    make_project: MakeProject, second_user: LabelStudio, monkeypatch: pytest.MonkeyPatch
):
    project = make_project(40, retrain_every=5, batch_size=10)
    project.run("setup")
    project.label(8)
    other = Person(second_user, project.id)
    project.add_event("TASKS_CREATED", *(other.label_next() for _ in range(2)))
    project.run()
    project.store.update_project(project.id, settings={"batch_size": 10, "retrain_every": 5, "relabel_share": 0.3})

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("the process ends here")

    with monkeypatch.context() as broken:
        broken.setattr(LabelStudio, "publish_batch", fail)
        with pytest.raises(RuntimeError, match="ends here"):
            project.run("settings")
    (planned,) = [b for b in project.store.open_batches(project.id) if b.state == "planned"]
    assert planned.repeated_task_ids
    publishing.finish_interrupted_batches(project.store, project.client, project.client.project(project.id))
    assert all(is_labeled(project, task) for task in planned.repeated_task_ids)


@pytest.mark.parametrize(
    ("prepare", "words"),
    [
        (lambda project: None, "one person alone labels"),
        (lambda project: project.change(maximum_annotations=2), "asks 2 people for each already"),
    ],
)
def test_it_says_why_nothing_is_asked_again(make_project: MakeProject, prepare: Callable[[Project], None], words: str):
    project = make_project(40, batch_size=10, relabel_share=0.5)
    project.run("setup")
    prepare(project)
    project.label(8)
    project.run()
    assert project.batch.repeated_task_ids == []
    assert words in project.batch.why
