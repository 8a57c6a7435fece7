"""What people see: a real Chromium labels in Label Studio and opens our own pages."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from labelling_stream import open_stream, served_task
from live_loop import CLASSES, Loop, gold_texts, new_project, wait_until
from page_width import page_width
from playwright.sync_api import Locator, Page, expect
from studios import Real

from ml_backend.labelstudio.client import LabelStudio
from ml_backend.labelstudio.connection import SECRET_HEADER, webhooks
from ml_backend.labelstudio.label_config import parse
from ml_backend.labelstudio.texts import task_text
from ml_backend.text_fields import FIELD_SEPARATOR

MakeLoop = Callable[..., Loop]
pytestmark = pytest.mark.browser

expect.set_options(timeout=20_000)
PHONE = {"width": 390, "height": 844}
IMAGES = Path(__file__).parents[2] / "docs" / "images"


def choose(page: Page, label: str) -> None:
    """Click a choice, unless the pre-annotation holds it already."""
    box = page.get_by_role("checkbox", name=re.compile(rf"^{label}"))
    if not box.is_checked():
        box.click()


def label_by_clicking(page: Page, gold: dict[int, str]) -> int:
    """Choose the gold label of the task shown, press Submit, and wait for the next task; returns the task."""
    task = served_task(page)
    choose(page, gold[task])
    page.get_by_test_id("bottombar-submit-button").click()
    wait_until("the next task", lambda: served_task(page) != task)
    page.wait_for_timeout(600)  # Label Studio ignores a click on Submit within half a second of the last one
    return task


def gold_of(project: Loop) -> dict[int, str]:
    """Task → gold label."""
    return {task.id: task.data["gold"] for task in project.client.tasks_page(project.project_id, 1, 1000)}


def test_ten_tasks_labelled_by_clicking_follow_the_published_batches(loop: MakeLoop, page: Page):
    project = loop(gold_texts(60), batch_size=8, retrain_every=5)
    batch, gold = project.embedded()["batch"], gold_of(project)
    open_stream(page, project)
    labelled = [label_by_clicking(page, gold) for _ in range(5)]
    assert labelled == batch["task_ids"][:5]
    project.batch(after=batch["number"])
    # The stream fetched its next task when the fifth was submitted; what follows is of the new batch.
    labelled += [label_by_clicking(page, gold) for _ in range(5)]
    served_later = project.ever_published()
    assert set(labelled) <= served_later
    store = project.store()
    second = next(b for b in store.batches(project.project_id) if b.number == batch["number"] + 1)
    store.close()
    expected = [task for task in second.task_ids if task not in labelled[:6]]
    assert labelled[6:] == expected[:4]
    project.until(labeled=10)


def test_the_pre_annotation_is_shown_and_can_be_submitted_as_it_is(loop: MakeLoop, page: Page):
    project = loop(gold_texts(30), batch_size=8, retrain_every=4)
    batch, gold = project.embedded()["batch"], gold_of(project)
    person = project.person()
    for task in batch["task_ids"][:4]:
        person.annotate(task, gold[task])
    batch = project.batch(after=batch["number"])
    task = project.client.request("GET", f"api/tasks/{batch['task_ids'][0]}/")
    (prediction,) = [p for p in task["predictions"] if p["model_version"] == batch["version"]]
    (predicted,) = prediction["result"][0]["value"]["choices"]
    open_stream(page, project)
    assert served_task(page) == task["id"]
    expect(page.get_by_role("checkbox", name=re.compile(rf"^{predicted}"))).to_be_checked()
    page.get_by_test_id("bottombar-submit-button").click()
    assert project.until(labeled=5)["labels"][predicted] >= 1
    store = project.store()
    (annotation,) = store.annotations(project.project_id, [task["id"]])
    store.close()
    assert annotation.shown_version == batch["version"], (
        "the editor names the prediction that the annotation began with"
    )


def test_the_status_page_shows_progress_and_its_form_changes_the_next_batch(loop: MakeLoop, page: Page):
    project = loop(gold_texts(40), batch_size=8, retrain_every=4, random_share=1.0)
    number, gold, person = project.embedded()["batch"]["number"], gold_of(project), project.person()
    for _ in range(3):
        for task in project.batch(after=number - 1)["task_ids"][:4]:
            person.annotate(task, gold[task])
        number = project.batch(after=number)["number"]
    address = f"{project.backend.url}/projects/{project.project_id}"
    page.goto(address)
    expect(page.locator("#now")).to_contain_text("of 40 tasks")
    page.get_by_role("link", name="Details").click()
    live = page.locator("#details")
    expect(live).to_contain_text("uherding")
    page.get_by_role("link", name="Quality").click()
    expect(page.locator("#quality svg.chart").first).to_be_visible()
    for label in CLASSES:
        expect(page.locator("#quality")).to_contain_text(label)
    page.get_by_role("link", name="Strategy").click()
    page.get_by_role("link", name="Sign in to change settings").click()
    page.get_by_label("Label Studio key").fill("wrong")
    page.get_by_role("button", name="Sign in with key").click()
    expect(page.get_by_role("alert")).to_contain_text("Label Studio does not accept this key")
    page.get_by_label("Label Studio key").fill(project.label_studio.second_token())
    page.get_by_role("button", name="Sign in with key").click()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    page.get_by_role("button", name="Use margin").click()
    expect(page.locator("#strategies .current")).to_contain_text("margin")
    page.get_by_label("Batch size", exact=True).fill("6")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#settings output")).to_contain_text("Saved")
    after = project.batch(after=number)
    while after["size"] != 6:  # each of the two changes leads to a batch, unless one run takes up both
        after = project.batch(after=after["number"])
    assert after["method"] == "margin"
    page.get_by_role("link", name="Details").click()
    expect(live).to_contain_text("margin", timeout=15_000)
    page.set_viewport_size(PHONE)
    assert page_width(page) <= PHONE["width"], "the page must not need scrolling sideways"


def test_the_extra_params_of_connect_are_shown_and_saved_by_label_studios_form(loop: MakeLoop, page: Page):
    project = loop(gold_texts(20), strategy="margin", batch_size=7)
    client, number = project.client, project.project_id
    project.batch()
    before = model_entry(project)
    page.goto(f"{project.label_studio.url}/projects/{number}/settings/ml")
    page.get_by_role("button", name="Machine learning model options").click()
    page.get_by_text("Edit", exact=True).click()
    expect(page.locator("textarea[name=extra_params]")).to_have_value('{"strategy": "margin", "batch_size": 7}')
    photograph(page, "edit-model")
    with page.expect_response(lambda answer: answer.request.method == "PATCH" and "/api/ml/" in answer.url) as saved:
        page.get_by_role("button", name="Save machine learning form").click()
    assert saved.value.ok, saved.value.text()
    expect(page.locator("textarea[name=extra_params]")).to_have_count(0)
    photograph(page, "edit-model-saved")
    assert model_entry(project) == before
    (hook,) = webhooks(client, number)
    assert hook.headers[SECRET_HEADER], "saving the form leaves the webhook and its secret as they are"
    settings = project.status()["settings"]
    assert (settings["strategy"], settings["batch_size"]) == ("margin", 7)


def model_entry(project: Loop) -> dict[str, Any]:
    """The project's only ML backend, without what changes whenever it is listed."""
    (entry,) = project.client.request("GET", "api/ml", params={"project": project.project_id})
    return {name: value for name, value in entry.items() if name != "updated_at"}


def photograph(page: Page, name: str) -> None:
    """Take a picture for a person to look at, if a folder for pictures is set."""
    if scratch := os.environ.get("TEST_SCREENSHOTS_MORE"):
        page.screenshot(path=f"{scratch}/{name}.png")


SHOWN = [
    '<Text name="t1" value="Book: $title ($year), $price, $big; $list - $object is $yes"/>',
    '<TEXT name="t2" VALUE="$object.a[1].b.  $title.length"/>',
    '<Text name="t3" value="$html"/>',
    '<HyperText name="t4" value="$html"/>',
    '<HyperText name="t5" value="x"><h1>$title</h1><a href="$link">one &amp; two</a><br/>three</HyperText>',
    '<Text name="t6" value="$encoded" encoding="base64unicode"/>',
    '<Header value="About: $year"/>',
    '<Header value="$title"/>',
    '<Paragraphs name="t7" value="$turns" textKey="said"/>',
    '<Text name="t8" value="x">between $title &amp; tags</Text>',
    '<Header value="$year"/>',
    '<View style="display: none"><Text name="t9" value="$title"/></View>',
]
DATA: dict[str, Any] = {
    "title": "Emma",
    "year": 1815,
    "price": 7.50,
    "big": 1e21,
    "list": ["a", None, ["b", 2]],
    "object": {"a": [0, {"b": "nested"}]},
    "yes": True,
    "html": "<p>3 < 4 &amp; a<b>b</b></p>c<br>d<!-- e --><script>f</script><table><tr><td>g</td></tr></table>",
    "link": "https://example.com/",
    "encoded": "w7xiZXI=",
    "turns": [
        {"author": "A", "said": "hi"},
        {"author": "B", "said": "yes"},
        {"author": 3, "said": 7},
        {"said": ["x", "y"]},
    ],
}


def test_the_text_of_a_task_is_what_the_editor_shows(label_studio: Real, client: LabelStudio, page: Page):
    views = "".join(f'<View className="shown-{i}">{tag}</View>' for i, tag in enumerate(SHOWN))
    choices = '<Choices name="c" toName="t1"><Choice value="a"/><Choice value="b"/></Choices>'
    config = f"<View>{views}{choices}</View>"
    project_id = new_project(client, [DATA], config)
    (task,) = client.task_ids(project_id)
    page.goto(f"{label_studio.url}/projects/{project_id}/data?task={task}")
    expect(page.get_by_test_id("phrase:3")).to_be_visible()
    expect(page.frame_locator(".shown-4 iframe").get_by_text("three")).to_be_visible()
    shown = [text for i in range(len(SHOWN)) if (text := shown_text(page.locator(f".shown-{i}")))]
    read = task_text(DATA, parse(config)).split(FIELD_SEPARATOR)
    assert [" ".join(text.split()) for text in read] == shown


def shown_text(view: Locator) -> str:
    """What a person sees of a text, with single spaces; of a dialogue without the times that the editor adds."""
    if view.locator("iframe").count():
        return " ".join(view.frame_locator("iframe").locator("body").inner_text().split())
    turns = [turn.inner_text().splitlines() for turn in view.locator("[data-testid^='phrase:']").all()]
    lines = [": ".join(line for line in turn if not re.fullmatch(r"[\d:]+ - [\d:]+", line)) for turn in turns]
    return " ".join(" ".join(lines or view.all_inner_texts()).split())


@pytest.mark.skipif("TEST_SCREENSHOTS" not in os.environ, reason="pictures are taken by `make screenshots`")
def test_pictures_for_the_documentation(loop: MakeLoop, page: Page):
    project = loop(gold_texts(250), batch_size=20, retrain_every=5, random_share=0.2, seed=1)
    batch, gold, person = project.embedded()["batch"], gold_of(project), project.person()
    for end in range(5, 65, 5):
        for _ in range(5):
            person.label_next()
        project.until(labeled=end)
        batch = project.batch(after=batch["number"])
    IMAGES.mkdir(parents=True, exist_ok=True)
    page.set_viewport_size({"width": 1280, "height": 640})
    open_stream(page, project)
    while predicted(project, served_task(page)) != gold[served_task(page)]:
        label_by_clicking(page, gold)
    expect(page.get_by_text("Annotation saved")).to_have_count(0)
    page.wait_for_timeout(1500)  # pictures of moving parts look bad
    page.screenshot(path=IMAGES / "labelling-stream.png")
    page.set_viewport_size({"width": 1280, "height": 800})
    page.goto(f"{project.label_studio.url}/projects/{project.project_id}/data?tab={served_view(project)}")
    expect(page.get_by_text(project.batch()["version"]).first).to_be_visible()
    page.wait_for_timeout(1500)
    page.screenshot(path=IMAGES / "data-manager.png")


def predicted(project: Loop, task: int) -> str:
    """The class that the served batch predicts for a task."""
    predictions = project.client.request("GET", f"api/tasks/{task}/")["predictions"]
    version = project.model_version()
    return str(next(p["result"][0]["value"]["choices"][0] for p in predictions if p["model_version"] == version))


def served_view(project: Loop) -> int:
    """A tab of the Data Manager with the published batch in its order."""
    hidden = [
        "tasks:annotators",
        "tasks:inner_id",
        "tasks:completed_at",
        "tasks:cancelled_annotations",
        "tasks:agreement",
    ]
    hidden += ["tasks:annotations_results", "tasks:annotations_ids", "tasks:predictions_ids", "tasks:file_upload"]
    hidden += [
        "tasks:storage_filename",
        "tasks:created_at",
        "tasks:updated_at",
        "tasks:updated_by",
        "tasks:avg_lead_time",
    ]
    hidden += ["tasks:draft_exists", "tasks:comment_count", "tasks:unresolved_comment_count", "tasks:data.gold"]
    hidden += ["tasks:total_annotations", "tasks:total_predictions", "tasks:comment_authors", "tasks:reviewed"]
    hidden += ["tasks:predictions_results", "tasks:ground_truth", "tasks:last_comment_updated_at"]
    scored = {"filter": "filter:tasks:predictions_score", "operator": "greater_or_equal", "type": "Number", "value": 0}
    data = {
        "title": "Served next",
        "type": "list",
        "ordering": ["tasks:predictions_score"],
        "filters": {"conjunction": "and", "items": [scored]},
        "hiddenColumns": {"explore": hidden, "labeling": hidden},
        "columnsWidth": {"tasks:data.text": 500, "tasks:predictions_model_versions": 260},
    }
    body = {"project": project.project_id, "data": data}
    return int(project.client.request("POST", "api/dm/views/", body=body)["id"])
