"""Which tasks make the pool: duplicates, unusable data, and other kinds of label configs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from live_loop import CLASSES, Loop, gold_texts, new_project
from studios import both
from typer.testing import CliRunner

from ml_backend.cli import app
from ml_backend.labelstudio.client import LabelStudio

MakeLoop = Callable[..., Loop]
LONG_TEXT = "word " * 210_000  # about 1 MB


def test_a_batch_never_holds_the_same_text_twice_and_the_copies_are_counted(loop: MakeLoop):
    distinct = gold_texts(12)
    project = loop([*distinct, *distinct, *distinct[:4]], batch_size=8, retrain_every=4)
    status = project.embedded()
    assert status["duplicates"] == 16
    texts = {task.id: task.data["text"] for task in project.client.tasks_page(project.project_id, 1, 100)}
    person, number = project.person(), 0
    for _ in range(5):
        batch = project.batch(after=number)
        counted = Counter(texts[task] for task in batch["task_ids"])
        assert max(counted.values()) == 1
        labelled = [person.label_next() for _ in range(4)]
        assert len({texts[task] for task in labelled}) == 4
        number = batch["number"]
    project.until(labeled=20)
    assert len({texts[task] for task in person.served}) == 12, "copies come only when every text was labelled once"


def test_copies_of_labelled_texts_are_labelled_on_request(loop: MakeLoop, monkeypatch: pytest.MonkeyPatch):
    one, two, three, four = gold_texts(4)
    project = loop([one, one, one, two, two, three, three, four, four, four], batch_size=4)
    project.embedded()
    ids = sorted(project.client.task_ids(project.project_id))
    person = project.person()
    person.annotate(ids[1], CLASSES[0])
    person.annotate(ids[3], CLASSES[1])
    person.skip(ids[5])
    for task_id, label in zip(ids[7:9], CLASSES, strict=False):
        person.annotate(task_id, label)
    project.until(labeled=4, skipped=1)
    monkeypatch.setenv("LABEL_STUDIO_URL", project.label_studio.url)
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", project.label_studio.token)
    monkeypatch.setenv("MODEL_DIR", str(project.backend.folder))

    def command(*more: str, answer: str = "") -> str:
        done = CliRunner().invoke(app, ["label-copies", str(project.project_id), *more], input=answer)
        return done.output

    asked = command(answer="n\n")
    assert "3 open tasks have the same text as a labelled one" in asked
    assert "1 more is left out: its text has different labels" in asked
    assert "3 tasks labelled" in command("--yes")
    status = project.until(labeled=7, skipped=1)
    assert (status["labels"][CLASSES[0]], status["labels"][CLASSES[1]]) == (4, 3)
    assert "0 open tasks" in command("--yes")


def test_unusable_tasks_are_listed_with_their_reason_and_stop_nothing(loop: MakeLoop, client: LabelStudio):
    good = gold_texts(12)
    bad: list[tuple[dict[str, Any], str | None]] = [
        ({"gold": "bug"}, "no field 'text'"),
        ({"text": None}, "is null"),
        ({"text": ""}, "is empty"),
        ({"text": " \n\t "}, "is empty"),
        ({"text": LONG_TEXT}, "longer than"),
        ({"text": {"a": "b"}}, "holds an object"),
        ({"text": "s3://bucket/file.txt"}, "link to a storage"),
        ({"text": 42}, None),
        ({"text": ["a", "b"]}, None),
        ({"text": "\x01\x02\x1b[31mred\x07 text"}, None),
        ({"text": "\U0001f494 emoji \U0001f469\U0001f3fd\u200d\U0001f680 only"}, None),
        ({"text": "<p>bold <b>text</b><script>alert(1)</script></p>"}, None),
        ({"text": "\u0627\u0644\u0639\u0631 \u4e2d\u6587 \u200fmixed\u200e \u200b zero width"}, None),
    ]
    # Label Studio's import refuses some of these; a storage, an earlier label config or an edit brings them in.
    project_id = new_project(client, [*good, *({"text": f"to be replaced {n}"} for n in range(len(bad)))])
    ids = sorted(client.task_ids(project_id))[len(good) :]
    for task, (data, _) in zip(ids, bad, strict=True):
        client.request("PATCH", f"api/tasks/{task}/", body={"data": data})
    project = loop([], project_id=project_id, batch_size=4, retrain_every=2)
    expected = {task: reason for task, (_, reason) in zip(ids, bad, strict=True) if reason}
    usable = len(good) + len(bad) - len(expected)
    status = project.until(problems_total=len(expected), open=usable, embedded=usable, to_embed=0)
    listed = {problem["task"]: problem["reason"] for problem in status["problems"]}
    assert set(listed) == set(expected)
    for task, reason in expected.items():
        assert reason in listed[task]
    assert sum(status["problem_counts"].values()) == len(expected)
    # Somebody labels all there is: unusable tasks are never part of a batch, and the last batch ends the pool.
    person = project.person()
    for labels in range(2, usable + 1, 2):
        batch = project.batch()
        assert not set(batch["task_ids"]) & set(expected)
        for task in [t for t in batch["task_ids"] if t not in person.served][:2]:
            person.annotate(task, good[task % len(good)]["gold"])
            person.served.append(task)
        project.until(labeled=labels)
    assert project.until(open=0)["state"] == "ready"


@both
def test_a_multiple_choice_project_from_end_to_end(loop: MakeLoop):
    config = (
        '<View><HyperText name="page" value="$text"/><Choices name="tags" toName="page" choice="multiple">'
        '<Choice value="money"/><Choice value="delivery"/><Choice value="angry"/></Choices></View>'
    )
    texts = [
        {"text": f"<p>{what} <b>{mood}</b></p>", "tags": tags}
        for what, about in [("The parcel is late.", "delivery"), ("I was charged twice.", "money")]
        for mood, tags in [(f"So angry {n}!", [about, "angry"]) for n in range(6)]
        + [(f"Kindly {n}", [about]) for n in range(6)]
    ]
    project = loop(texts, config, batch_size=6, retrain_every=6)
    gold = {task.id: task.data["tags"] for task in project.client.tasks_page(project.project_id, 1, 100)}
    person, batch = project.person(), project.embedded()["batch"]
    for _ in range(2):
        for task in batch["task_ids"][:6]:
            answer = {"from_name": "tags", "to_name": "page", "type": "choices", "value": {"choices": gold[task]}}
            person.submit(task, [answer])
        batch = project.batch(after=batch["number"])
    status = project.until(labeled=12)
    assert sum(status["labels"].values()) > 12, "a task counts for each of its classes"
    version = project.model_version()
    task = project.client.request("GET", f"api/tasks/{batch['task_ids'][0]}/")
    (prediction,) = [p for p in task["predictions"] if p["model_version"] == version]
    for item in prediction["result"]:
        assert (item["from_name"], item["to_name"], item["type"]) == ("tags", "page", "choices")
        assert set(item["value"]["choices"]) <= {"money", "delivery", "angry"}


def test_a_taxonomy_project_from_end_to_end(loop: MakeLoop):
    config = (
        '<View><Text name="message" value="$text"/><Taxonomy name="where" toName="message" maxUsages="1">'
        '<Choice value="Order"><Choice value="Late"/><Choice value="Lost"/></Choice>'
        '<Choice value="Bill"><Choice value="Late"/></Choice></Taxonomy></View>'
    )
    kinds = {
        ("Order", "Late"): "My order is still not here, day",
        ("Order", "Lost"): "The courier lost my parcel, number",
        ("Bill", "Late"): "The invoice came too late, month",
    }
    texts = [{"text": f"{text} {n}", "path": list(path)} for n in range(8) for path, text in kinds.items()]
    project = loop(texts, config, batch_size=6, retrain_every=6)
    gold = {task.id: task.data["path"] for task in project.client.tasks_page(project.project_id, 1, 100)}
    person, batch = project.person(), project.embedded()["batch"]
    for task in batch["task_ids"][:6]:
        value = {"taxonomy": [gold[task]]}
        person.submit(task, [{"from_name": "where", "to_name": "message", "type": "taxonomy", "value": value}])
    status = project.until(labeled=6)
    assert set(status["labels"]) == {"Order", "Order / Late", "Order / Lost", "Bill", "Bill / Late"}
    batch = project.batch(after=batch["number"])
    task = project.client.request("GET", f"api/tasks/{batch['task_ids'][0]}/")
    (prediction,) = [p for p in task["predictions"] if p["model_version"] == project.model_version()]
    (item,) = prediction["result"]
    assert item["type"] == "taxonomy"
    assert tuple(item["value"]["taxonomy"][0]) in kinds
