"""What a project does with the names of its classes, from before the first label on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest
from live_loop import CLASSES, gold_texts
from local_backend import WordHashes
from numpy.typing import NDArray
from project_runs import MINUTE, MakeProject, Project

from ml_backend.commands.demo.messages import label_config
from ml_backend.labelstudio.label_config import parse
from ml_backend.learning import Embedder
from ml_backend.learning.cycle import Cycle
from ml_backend.learning.embedding.embedder import ModelNotAvailable
from ml_backend.learning.head.class_prior import class_prior
from ml_backend.learning.head.files import from_bytes
from ml_backend.pipeline import class_names
from ml_backend.project_settings import ProjectSettings
from ml_backend.store.learning_records import HeadRecord

OFF = "The class names are not used, since the setting `class_names` is off."


class ForClassTexts(WordHashes):
    """Remembers the class texts that it was asked for, and refuses them with `problem` unless that is None."""

    def __init__(self, problem: Exception | None = None) -> None:
        self.problem = problem
        self.asked: list[list[str]] = []

    def encode_class_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.asked.append(list(texts))
        if self.problem is not None:
            raise self.problem
        return self.encode(texts)


def use_model(project: Project, model: WordHashes) -> None:
    embedder = cast(Embedder, model)
    project.services = replace(project.services, embedder=lambda _name: embedder)


def change_settings(project: Project, **settings: Any) -> None:
    project.store.update_project(project.id, settings={**project.record.settings, **settings})


def head_of(project: Project) -> HeadRecord:
    head = project.store.current_head(project.id)
    assert head is not None
    return head


def test_the_first_batch_is_predicted_from_the_class_names(make_project: MakeProject):
    project = make_project(20)
    project.run("setup")
    predictions = project.served_predictions()
    assert len(predictions) == 8
    for prediction in predictions:
        (answer,) = prediction.result
        assert 0 < answer["score"] <= 1
    status = project.status
    assert status["model"]["made_from"] == "the class names"
    prior = status["model"]["class_prior"]
    assert prior["strength"] > 0
    assert (prior["evidence"], prior["names"], prior["descriptions"]) == (0.0, 10, 0)
    assert status["class_names_off"] is None
    project.label(6)
    project.run()
    assert status["model"]["version"] != project.status["model"]["version"]
    assert project.status["model"]["made_from"].startswith("6 labels")


def test_texts_with_several_classes_are_predicted_from_the_class_names_too(make_project: MakeProject):
    project = make_project(20)
    project.change(label_config=label_config(CLASSES).replace('choice="single"', 'choice="multiple"'))
    project.run("setup")
    head = head_of(project)
    assert (head.n_labels, head.multi_label) == (0, True)
    assert project.status["model"]["made_from"] == "the class names"
    arrays = project.services.arrays.arrays(project.id, WordHashes.name)
    probabilities = from_bytes(head.blob).predict_proba(arrays.vectors)
    assert len(np.unique(probabilities.round(4), axis=0)) > 10, "texts differ in what the names say of them"
    project.label(3)
    project.run()
    assert head_of(project).n_labels == 3


def test_a_label_that_the_class_names_predicted_leaves_them_in_the_head(make_project: MakeProject):
    project = make_project(20, retrain_every=1)
    project.run("setup")
    batch = project.batch
    assert batch.predicted is not None
    (name,) = batch.predicted[0] or []
    project.person.annotate(batch.task_ids[0], name)
    project.add_event("TASKS_CREATED", batch.task_ids[0])
    project.run()
    assert project.status["labels"][name] == 1
    head = head_of(project)
    assert head.n_labels == 1
    assert head.class_prior is not None
    predicted = from_bytes(head.blob).predict_proba(project.services.arrays.arrays(project.id, WordHashes.name).vectors)
    assert len(set(predicted.argmax(axis=1).tolist())) > 1, "not every text is of the only class with a label"


def test_without_class_names_there_is_no_head_before_the_first_labels(make_project: MakeProject):
    project = make_project(20, class_names="off")
    project.run("setup")
    assert project.batch.head_version is None
    assert [prediction.result for prediction in project.served_predictions()] == [[]] * 8
    assert (project.status["model"], project.status["class_names_off"]) == (None, OFF)
    project.label(6)
    project.run()
    status = project.status
    assert (status["model"]["made_from"], status["model"]["class_prior"]) == ("6 labels", None)
    assert project.store.class_vectors(project.id) == {}
    arrays = project.services.arrays.arrays(project.id, WordHashes.name)
    labels = arrays.labels(parse(project.record.label_config)).encoded()
    plain = Cycle("random", "random", 6).propose(arrays.vectors, labels, len(CLASSES), cycle=1).head
    assert plain is not None
    np.testing.assert_array_equal(from_bytes(head_of(project).blob).weights, plain.weights)


def test_switching_class_names_off_and_on_changes_the_head_at_once(make_project: MakeProject):
    project = make_project(20)
    for settings, made_from in [({}, "the class names"), ({"class_names": "off"}, None), ({}, "the class names")]:
        project.store.update_project(project.id, settings={"batch_size": 6, **settings})
        project.run("settings")
        model = project.status["model"]
        assert (model and model["made_from"]) == made_from
    assert project.batch.number == 3


def test_codes_as_names_are_not_used_and_the_page_says_which(make_project: MakeProject):
    project = make_project(20)
    choices = "".join(f'<Choice value="{n}"/>' for n in range(3))
    config = (
        f'<View><Text name="message" value="$text"/><Choices name="topic" toName="message">{choices}</Choices></View>'
    )
    project.change(label_config=config)
    project.run("setup")
    assert project.status["model"] is None
    assert "all of them say nothing about the texts ('0', '1', '2')" in project.status["class_names_off"]


def test_a_new_description_leads_to_a_new_head_and_batch(make_project: MakeProject):
    project = make_project(20)
    project.run("setup")
    before = head_of(project)
    change_settings(project, class_descriptions={"billing": "An invoice or a payment."})
    project.run("settings")
    assert project.batch.number == 2
    assert "settings changed" in project.batch.why
    after = head_of(project)
    assert after.blob != before.blob
    assert project.status["model"]["made_from"] == "the class names and descriptions"
    assert after.class_prior is not None
    assert (after.class_prior.names, after.class_prior.descriptions) == (9, 1)
    assert len(project.store.class_vectors(project.id)) == 10, "the vector of the name is not kept"


def test_a_new_hint_in_the_label_config_leads_to_a_new_head_and_batch(make_project: MakeProject):
    project = make_project(20)
    project.run("setup")
    config = project.client.project(project.id).label_config
    hint = 'value="billing" hint="The customer asks about an invoice or a payment."'
    project.change(label_config=config.replace('value="billing"', hint))
    project.run(MINUTE)
    assert project.batch.why.startswith("the names or descriptions of the classes are new or changed")
    assert project.status["model"]["class_prior"]["descriptions"] == 1
    project.run(MINUTE)
    assert project.batch.number == 2


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        (ModelNotAvailable("the matrix has no row for 'billing'"), "they have no vectors: the matrix has no row"),
        (
            RuntimeError("out of memory"),
            "the embedding of the class names by tests/word-hashes failed with RuntimeError",
        ),
    ],
    ids=["no vectors", "unforeseen"],
)
def test_a_model_that_cannot_embed_class_names_does_not_stop_the_project(
    make_project: MakeProject, caplog: pytest.LogCaptureFixture, problem: Exception, words: str
):
    project = make_project(20)
    use_model(project, ForClassTexts(problem))
    project.run("setup")
    assert (project.record.state, project.record.error) == ("ready", None)
    assert words in project.status["class_names_off"]
    assert words in caplog.text
    assert project.status["model"] is None
    for _ in range(2):
        project.run(MINUTE)
    assert project.batch.number == 1, "it is not tried again and again"
    use_model(project, WordHashes())
    project.label(6)
    project.run()
    assert project.status["class_names_off"] is None
    assert head_of(project).class_prior is not None


def test_class_names_of_another_length_than_the_texts_are_not_used(make_project: MakeProject):
    class Longer(WordHashes):
        def encode_class_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
            return np.ones((len(texts), 7), dtype=np.float32)

    project = make_project(20)
    use_model(project, Longer())
    project.run("setup")
    assert "gives them 7 dimensions, and the texts of this project have 32" in project.status["class_names_off"]
    assert project.store.class_vectors(project.id) == {}


def test_stored_vectors_of_another_length_than_the_texts_are_made_anew(make_project: MakeProject):
    project = make_project(20)
    project.run("setup")
    keys = list(project.store.class_vectors(project.id))
    project.store.put_class_vectors(project.id, keys, np.ones((len(keys), 7), dtype=np.float32))
    project.save()()  # with new services, as after a restart
    change_settings(project, batch_size=5)
    project.run("settings")
    assert (project.record.state, project.record.error) == ("ready", None)
    assert project.batch.number == 2
    assert {len(vector) for vector in project.store.class_vectors(project.id).values()} == {32}


def test_a_restart_does_not_embed_the_class_names_again(make_project: MakeProject):
    project = make_project(20)
    model = ForClassTexts()
    use_model(project, model)
    project.run("setup")
    first = head_of(project)
    project.save()()  # with new services, as after a restart
    use_model(project, model)
    project.store.add_event(project.id, "START_TRAINING", {"action": "START_TRAINING"})
    project.run("training")
    assert len(model.asked) == 1
    assert model.asked[0] == [name.lower() for name in CLASSES]
    assert head_of(project).version != first.version
    assert head_of(project).blob == first.blob


def test_class_names_are_refined_again_only_when_texts_come_or_go(
    make_project: MakeProject, monkeypatch: pytest.MonkeyPatch
):
    refined = 0

    def counted(*arguments: Any) -> Any:
        nonlocal refined
        refined += 1
        return class_prior(*arguments)

    monkeypatch.setattr(class_names, "class_prior", counted)
    project = make_project(20, retrain_every=2)
    project.run("setup")
    for _ in range(2):
        project.label(2)
        project.run()
    assert (project.batch.number, refined) == (3, 1)
    project.client.request("POST", f"api/projects/{project.id}/import", body=gold_texts(5, start=100))
    project.add_event("TASKS_CREATED", *project.client.task_ids(project.id))
    project.run("tasks")
    assert (project.batch.number, refined) == (4, 2)
    task = project.batch.task_ids[0]
    project.client.request("PATCH", f"api/tasks/{task}/", body={"data": {"text": ""}})
    project.add_event("TASKS_CREATED", task)
    project.store.add_event(project.id, "START_TRAINING", {"action": "START_TRAINING"})
    project.run("training")
    assert (project.batch.number, refined) == (5, 3)


def test_the_head_of_no_labels_is_that_of_the_simulator(make_project: MakeProject):
    """Which draws its sample from the first row of each different text."""
    project = make_project(20, strategy="margin", seed=4)
    project.client.request("POST", f"api/projects/{project.id}/import", body=gold_texts(6))
    project.run("setup")
    skipped = project.person.next_task()
    assert skipped is not None
    project.person.skip(skipped["id"])
    project.store.add_event(project.id, "START_TRAINING", {"action": "START_TRAINING"})
    project.run(MINUTE, "training")
    vectors = project.services.arrays.arrays(project.id, WordHashes.name).vectors
    assert len(vectors) == 26
    names = WordHashes().encode(
        class_names.texts_of_classes(ProjectSettings(), parse(project.record.label_config)).texts
    )
    prior = class_prior(names, vectors, np.arange(20), 4)
    offered = np.arange(26) < 20
    plan = Cycle("margin", project.status["settings"]["initial"], 6, seed=4)
    expected = plan.propose(vectors, np.full(26, -1), len(CLASSES), 0, candidates=offered, prior=prior).head
    assert expected is not None
    np.testing.assert_array_equal(from_bytes(head_of(project).blob).weights, expected.weights)
