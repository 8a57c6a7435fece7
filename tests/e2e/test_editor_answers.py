"""What Label Studio's editor stores when people click is read as the class that they clicked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from labelling_stream import open_stream, served_task
from live_loop import Loop, wait_until
from playwright.sync_api import Page

from ml_backend.labelstudio.label_config import parse
from ml_backend.labelstudio.predictions import annotation_result

pytestmark = pytest.mark.browser
MakeLoop = Callable[..., Loop]
TREE = (
    '<Choice value="Media"><Choice value="Web" alias="www"/><Choice value="Radio"/></Choice>'
    '<Choice value="Other"><Choice value="Only"/></Choice><Choice value="a / b"/>'
)


def config(control: str) -> str:
    return f'<View><Text name="t" value="$text"/>{control}</View>'


NESTED = config(f'<Choices name="c" toName="t" allowNested="true">{TREE}</Choices>')
FLAT = config(f'<Choices name="c" toName="t">{TREE}</Choices>')
TAXONOMY = config(f'<Taxonomy name="c" toName="t" maxUsages="1">{TREE}</Taxonomy>')
RATING = config('<Rating name="c" toName="t" maxRating="4"/>')
WHOLE = {"choices": [["Media"], ["Media", "www"], ["Media", "Radio"]]}


def opened(loop: MakeLoop, page: Page, xml: str) -> Loop:
    """A project whose first task the labelling stream shows, without a prediction, which a click could take back."""
    texts = [{"text": f"text {i}"} for i in range(8)]
    project = loop(texts, xml, batch_size=4, retrain_every=50, class_names="off")
    project.batch()
    open_stream(page, project)
    return project


def submitted(page: Page, project: Loop) -> Any:
    """Press Submit; returns the value that Label Studio stores."""
    task = served_task(page)
    page.get_by_test_id("bottombar-submit-button").click()
    path = f"api/tasks/{task}/"
    (annotation,) = wait_until("the annotation", lambda: project.client.request("GET", path)["annotations"])
    return annotation["result"][0]["value"]


def click(page: Page, xml: str, label: str) -> None:
    """Choose a label by its name, or a number of stars."""
    if xml == RATING:
        page.locator(".ant-rate-star").nth(int(label) - 1).click()
    elif xml == TAXONOMY:
        page.locator(".htx-taxonomy").first.click()
        page.locator(".ant-select-tree-treenode", has_text=label).first.locator(".ant-select-tree-checkbox").click()
        page.keyboard.press("Escape")
    else:
        page.locator("[class*=choice__item]", has_text=label).first.locator("input").click()


@pytest.mark.parametrize(
    ("xml", "label", "stored", "read"),
    [
        (NESTED, "Media", WHOLE, "Media"),
        (NESTED, "Web", {"choices": [["Media", "www"]]}, "Media / www"),
        (NESTED, "Only", {"choices": [["Other"], ["Other", "Only"]]}, "Other / Only"),
        (FLAT, "Media", {"choices": ["Media"]}, "Media"),
        (TAXONOMY, "Media", {"taxonomy": [["Media"]]}, "Media"),
        (TAXONOMY, "a / b", {"taxonomy": [["a", "b"]]}, "a / b"),
        (RATING, "3", {"rating": 3}, "3"),
    ],
    ids=["inner", "leaf", "only child", "not nested", "inner of a taxonomy", "separator in a value", "rating"],
)
def test_a_click_is_read_as_the_class_that_was_clicked(
    loop: MakeLoop,
    page: Page,
    xml: str,
    label: str,
    stored: Any,
    read: str,
):
    project = opened(loop, page, xml)
    click(page, xml, label)
    assert submitted(page, project) == stored
    labels = project.until(labeled=1)["labels"]
    assert [name for name, count in labels.items() if count] == [read]
    assert set(labels) == set(parse(xml).classes)


@pytest.mark.parametrize(
    ("xml", "name"), [(NESTED, "Media"), (NESTED, "Media / www"), (TAXONOMY, "Media"), (RATING, "3")]
)
def test_a_prediction_is_shown_and_can_be_submitted_as_it_is(loop: MakeLoop, page: Page, xml: str, name: str):
    project = loop([{"text": f"text {i}"} for i in range(8)], xml, batch_size=4, retrain_every=50)
    task, client = project.batch()["task_ids"][0], project.client
    (published,) = client.request("GET", f"api/tasks/{task}/")["predictions"]
    client.request("DELETE", f"api/predictions/{published['id']}/")
    result = annotation_result([name], parse(xml))
    body = {"task": task, "result": result, "model_version": published["model_version"], "score": 0.0}
    client.request("POST", "api/predictions/", body=body)
    open_stream(page, project)
    assert served_task(page) == task
    assert submitted(page, project) == result[0]["value"]
    labels = project.until(labeled=1)["labels"]
    assert [label for label, count in labels.items() if count] == [name]
