"""Controls and annotations of all kinds, from the label config through Label Studio to labels and predictions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from live_loop import Loop, wait_until
from studios import both

from ml_backend.commands.failure import CommandFailed

MakeLoop = Callable[..., Loop]
SHOWN = '<Text name="t" value="$text"/>'
TWO = '<Choice value="good"/><Choice value="bad"/>'
TREE = '<Choice value="Media"><Choice value="Web"/><Choice value="Radio"/></Choice><Choice value="Other"/>'

REPEATED = (
    '<Repeater on="$turns" indexFlag="{{idx}}"><View><Text name="t_{{idx}}" value="$turns[{{idx}}].x"/>'
    f'<Choices name="c_{{{{idx}}}}" toName="t_{{{{idx}}}}">{TWO}</Choices></View></Repeater>'
)


def config(controls: str) -> str:
    return f"<View>{SHOWN}{controls}</View>"


def item(kind: str, value: Any, control: str = "c") -> dict[str, Any]:
    """A result item, as Label Studio's editor submits it."""
    return {"from_name": control, "to_name": "t", "type": kind, "value": value}


def texts(n: int) -> list[dict[str, Any]]:
    return [{"text": f"note {i} about {'a pump that works' if i % 2 else 'a motor that broke'}"} for i in range(n)]


@both
def test_annotations_that_cannot_be_read_cost_no_other_annotation_its_label(loop: MakeLoop):
    project = loop(texts(4), config(f'<Choices name="c" toName="t">{TWO}</Choices>'), batch_size=4, retrain_every=2)
    good = [item("choices", {"choices": [name]}) for name in ("good", "bad") * 3]
    malformed = [item("choices", ["good"]), *(item("choices", {"choices": v}) for v in (5, True, "good"))]
    results: list[Any] = [*([entry] for entry in good), *([entry] for entry in malformed)]
    tasks = [
        {"data": {"text": f"imported text {i}"}, "annotations": [{"result": result}]}
        for i, result in enumerate(results)
    ]
    project.import_texts(tasks)
    status = project.until(labeled=6)
    assert status["labels"] == {"good": 3, "bad": 3}
    assert project.batch()
    project.until(state="ready", error=None)


@both
@pytest.mark.parametrize(
    ("control", "kind", "answers", "labels"),
    [
        (
            f'<Taxonomy name="c" toName="t" maxUsages="1">{TREE}</Taxonomy>',
            "taxonomy",
            [[["Media"]], [["Media", "Web"]], [["Other"]], [["Media"]]],
            {"Media": 2, "Media / Web": 1, "Media / Radio": 0, "Other": 1},
        ),
        (
            f'<Choices name="c" toName="t" allowNested="true">{TREE}</Choices>',
            "choices",
            [[["Media"], ["Media", "Web"], ["Media", "Radio"]], [["Media", "Web"]], [["Other"]], [["Other"]]],
            {"Media": 1, "Media / Web": 1, "Media / Radio": 0, "Other": 2},
        ),
        (
            '<Rating name="c" toName="t" maxRating="3"/>',
            "rating",
            [1, 3, 3, 1],
            {"1": 2, "2": 0, "3": 2},
        ),
    ],
    ids=["taxonomy", "nested", "rating"],
)
def test_classes_are_learned_and_predictions_have_the_form_that_label_studio_takes(
    loop: MakeLoop, control: str, kind: str, answers: list[Any], labels: dict[str, int]
):
    project = loop(texts(24), config(control), batch_size=4, retrain_every=4)
    person, first = project.person(), project.batch()
    for task, value in zip(first["task_ids"], answers, strict=False):
        person.submit(task, [item(kind, {kind: value})])
    status = project.until(labeled=4)
    assert status["labels"] == labels
    batch = project.batch(after=first["number"])

    def predicted() -> list[dict[str, Any]]:
        task = project.client.request("GET", f"api/tasks/{batch['task_ids'][0]}/")
        results = [p["result"] for p in task["predictions"] if p["model_version"] == batch["version"]]
        return list(results[0]) if results else []

    (prediction,) = wait_until("a prediction with a class", predicted)
    assert (prediction["from_name"], prediction["to_name"], prediction["type"]) == ("c", "t", kind)
    # The prediction is submitted unchanged, and read back as one label more.
    person.submit(batch["task_ids"][0], [prediction])
    project.until(labeled=5)


@both
def test_the_first_control_that_can_be_learned_is_learned(loop: MakeLoop):
    checkbox = '<Choices name="seen" toName="t" choice="multiple"><Choice value="seen"/></Choices>'
    picture = f'<Image name="i" value="$image"/><Choices name="picture" toName="i">{TWO}</Choices>'
    project = loop(
        [{**text, "image": "/x.png"} for text in texts(6)],
        config(f'{checkbox}{picture}<Choices name="c" toName="t">{TWO}</Choices>'),
        batch_size=4,
        retrain_every=2,
    )
    task = project.batch()["task_ids"][0]
    answers = [item("choices", {"choices": ["seen"]}, "seen"), item("choices", {"choices": ["bad"]})]
    project.person().submit(task, answers)
    assert project.until(labeled=1)["labels"] == {"good": 0, "bad": 1}


@both
@pytest.mark.parametrize(
    ("controls", "reason"),
    [
        (
            REPEATED,
            "inside <Repeater>",
        ),
        ('<Taxonomy name="c" toName="t" apiUrl="https://example.com/tree"/>', "apiUrl"),
        ('<Choices name="c" toName="t" value="$options"/>', "takes choices from the task's data"),
        ('<Pairwise name="c" toName="t,u"/><Text name="u" value="$other"/>', "compares two texts"),
    ],
    ids=["repeater", "api", "dynamic", "pairwise"],
)
def test_a_config_that_leaves_every_task_unusable_is_refused_at_connection(loop: MakeLoop, controls: str, reason: str):
    tasks = [{**text, "turns": [{"x": "a"}], "options": [{"value": "a"}], "other": "b"} for text in texts(2)]
    with pytest.raises(CommandFailed, match=reason):
        loop(tasks, config(controls))


@both
def test_a_control_outside_a_repeater_is_learned(loop: MakeLoop):
    project = loop(
        [{**text, "turns": [{"x": "a"}]} for text in texts(6)],
        config(f'{REPEATED}<Choices name="c" toName="t">{TWO}</Choices>'),
        batch_size=4,
        retrain_every=2,
    )
    task = project.batch()["task_ids"][0]
    project.person().submit(task, [item("choices", {"choices": ["good"]})])
    assert project.until(labeled=1)["labels"] == {"good": 1, "bad": 0}


@both
def test_a_control_that_is_shown_for_some_tasks_only_is_read_where_it_is_answered(loop: MakeLoop):
    first = '<Choices name="tone" toName="t"><Choice value="warm"/><Choice value="cold"/></Choices>'
    second = (
        '<Choices name="c" toName="t" visibleWhen="choice-selected" whenTagName="tone" whenChoiceValue="cold">'
        f"{TWO}</Choices>"
    )
    project = loop(texts(6), config(first + second), batch_size=4, retrain_every=2, control="c")
    person, tasks = project.person(), project.batch()["task_ids"]
    person.submit(tasks[0], [item("choices", {"choices": ["warm"]}, "tone")])
    answers = [item("choices", {"choices": ["cold"]}, "tone"), item("choices", {"choices": ["bad"]})]
    person.submit(tasks[1], answers)
    status = project.until(labeled=1, without_answer=1)
    assert status["labels"] == {"good": 0, "bad": 1}
