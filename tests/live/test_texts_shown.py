"""The text of a task is what Label Studio shows beside the control, from the config to the pool and its copies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from live_loop import CLASSES, Loop, choice, new_project
from studios import both
from typer.testing import CliRunner

from ml_backend.cli import app
from ml_backend.labelstudio.client import LabelStudio
from ml_backend.labelstudio.texts import text_hash
from ml_backend.text_fields import FIELD_SEPARATOR

MakeLoop = Callable[..., Loop]


def config(shown: str, to_name: str = "message") -> str:
    choices = "".join(f'<Choice value="{name}"/>' for name in CLASSES)
    return f'<View>{shown}<Choices name="topic" toName="{to_name}">{choices}</Choices></View>'


def connected_with(make_loop: MakeLoop, client: LabelStudio, label_config: str, data: list[dict[str, Any]]) -> Loop:
    """A connected project whose tasks have this data, in their order; an import would refuse some of it."""
    fields = {name: "to be replaced" for one in data for name in one}
    project_id = new_project(client, [fields] * len(data), label_config)
    for task, one in zip(sorted(client.task_ids(project_id)), data, strict=True):
        client.request("PATCH", f"api/tasks/{task}/", body={"data": one})
    return make_loop([], project_id=project_id, batch_size=4, retrain_every=2)


def hashes(project: Loop) -> list[str]:
    """Hashes of the texts of all usable tasks, in the order of the tasks."""
    store = project.store()
    texts = {task: text for task, text, _ in store.tasks(project.project_id) if text is not None}
    store.close()
    return [texts[task] for task in sorted(texts)]


@both
@pytest.mark.parametrize("to_name", ["premise", "premise,hypothesis"])
def test_pairs_are_copies_only_if_both_texts_are_equal(
    loop: MakeLoop, client: LabelStudio, monkeypatch: pytest.MonkeyPatch, to_name: str
):
    shown = '<Text name="premise" value="$premise"/><Text name="hypothesis" value="$hypothesis"/>'
    pairs = [{"premise": "It rains.", "hypothesis": f"Hypothesis {n}."} for n in (0, 1, 2, 3, 0, 0)]
    project = connected_with(loop, client, config(shown, to_name), pairs)
    assert project.embedded()["duplicates"] == 2
    assert hashes(project)[1] == text_hash(f"It rains.{FIELD_SEPARATOR}Hypothesis 1.")
    person, ids = project.person(), sorted(project.client.task_ids(project.project_id))
    for task, label in zip(ids[:2], CLASSES, strict=False):
        person.submit(task, [choice(label) | {"to_name": "premise"}])
    project.until(labeled=2)
    monkeypatch.setenv("LABEL_STUDIO_URL", project.label_studio.url)
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", project.label_studio.token)
    monkeypatch.setenv("MODEL_DIR", str(project.backend.folder))
    done = CliRunner().invoke(app, ["label-copies", str(project.project_id), "--yes"])
    assert "2 tasks labelled" in done.output
    status = project.until(labeled=4)
    assert (status["labels"][CLASSES[0]], status["labels"][CLASSES[1]]) == (3, 1)
    (annotation,) = project.client.request("GET", f"api/tasks/{ids[-1]}/")["annotations"]
    assert annotation["result"][0]["to_name"] == "premise"


@both
def test_templates_are_filled_in_as_the_editor_does(loop: MakeLoop, client: LabelStudio):
    books = [
        {"title": "Emma", "year": 1815},
        {"title": "Ulysses", "year": None},
        {"title": "Middlemarch"},
        {"title": ["Don", "Quixote"], "year": 1605.5},
        {"title": True, "year": {"ad": 1}},
        {"title": None, "year": None},
        {"title": {"en": "Faust"}},
    ]
    project = connected_with(loop, client, config('<Text name="message" value="Book: $title ($year)"/>'), books)
    status = project.until(problems_total=2, open=5, embedded=5)
    texts = ["Emma (1815)", "Ulysses ()", "Middlemarch ()", "Don,Quixote (1605.5)", "true ([object Object])"]
    assert hashes(project) == [text_hash(f"Book: {text}") for text in texts]
    reasons = [problem["reason"] for problem in sorted(status["problems"], key=lambda p: p["task"])]
    assert "are null or missing" in reasons[0]
    assert "'title' holds an object" in reasons[1]


@both
def test_markup_and_links_that_cannot_be_read_are_listed_and_the_others_go_on(loop: MakeLoop, client: LabelStudio):
    markup = [
        *("I <![love it", "<![foo[ bar ]]>", "<!--" * 100_000, "<script>alert(1)</script>", '<a href="x'),
        *("/data/upload/20/x.txt", "/data/local-files/?d=x.txt", "/tasks/5/resolve/?fileuri=czM6", "s3://bucket/x.txt"),
        *("https://example.com/1.txt", "<p>see <b>https://example.com/1.txt</b></p>", "<p>3 < 4 &amp; 5</p>", "plain"),
    ]
    project = connected_with(
        loop, client, config('<HYPERTEXT name="message" VALUE="$html"/>'), [{"html": text} for text in markup]
    )
    status = project.until(problems_total=10, open=3, embedded=3)
    reasons = [problem["reason"] for problem in sorted(status["problems"], key=lambda p: p["task"])]
    expected = ["ends inside a tag", "is empty", "longer than", "is empty", "ends inside a tag"]
    expected += ["holds a link instead of a text"] * 5
    assert all(part in reason for part, reason in zip(expected, reasons, strict=True)), reasons
    assert hashes(project) == [text_hash(t) for t in ("see https://example.com/1.txt", "3 < 4 & 5", "plain")]
    assert project.batch()["task_ids"]


@both
def test_dialogues_that_the_editor_does_not_show_are_listed(loop: MakeLoop, client: LabelStudio):
    said = {"author": "A", "text": "hi"}
    dialogues = [
        [said],
        [said, {"author": "B"}, {"text": 7}],
        [said, None],
        [{"text": "hi"}],
        said,
        '[{"text": "hi"}]',
        [],
    ]
    project = connected_with(
        loop, client, config('<Paragraphs name="message" value="$turns"/>'), [{"turns": turns} for turns in dialogues]
    )
    status = project.until(problems_total=5, open=2, embedded=2)
    assert hashes(project) == [text_hash("A: hi"), text_hash("A: hi\nB:\n7")]
    assert all("'turns'" in problem["reason"] for problem in status["problems"])
