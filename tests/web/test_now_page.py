"""What the first page of a project and the list of projects say, to whom, and how little open pages ask for."""

from __future__ import annotations

import datetime
import re

import evaluations
from flask.testing import FlaskClient

from ml_backend.annotation import Annotation
from ml_backend.labelstudio.texts import text_hash
from ml_backend.pipeline.what_is_known import what_is_known
from ml_backend.store import Store
from ml_backend.store.records import ProjectCounts, TaskRecord
from ml_backend.store.states import BatchState, ProjectState
from ml_backend.web.page_parts.label_days import label_days
from ml_backend.web.page_parts.rendering import chance

BROWSER = {"Accept": "text/html"}
SIGNED_IN = {**BROWSER, "Authorization": "Token label-studio-key"}
BAD = "<script>alert(1)</script> \"onmouseover='x'"


def page(client: FlaskClient, path: str = "/projects/7", **headers: str) -> str:
    return client.get(path, headers=headers or SIGNED_IN).text


def words(text: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", text).split())


def served(store: Store, size: int = 6, method: str = "margin") -> None:
    """Serve tasks 1 to 6: asked for, asked again, drawn at random, undecided, sure, in reserve."""
    texts = {n: f"text {n}" for n in range(1, size + 1)} | {4: BAD, 5: "long " * 100}
    records = [TaskRecord(7, n, text_hash(text), None) for n, text in texts.items()]
    store.upsert_tasks(7, records, {text_hash(text): text for text in texts.values()})
    close, sure = [("bug", 0.41), ("praise", 0.39)], [("praise", 0.9), ("bug", 0.1)]
    likely = [close, close, close, close, sure, sure]
    store.request_tasks(7, [1], "ann", "search: parcel")
    batch = store.plan_batch(
        7, method, "because", "v", list(texts), 5, [3], None, likely, requested_task_ids=[1], repeated_task_ids=[2]
    )
    store.mark_batch(7, batch.number, BatchState.PUBLISHED)


def label(store: Store, task: int, at: float, cancelled: bool = False) -> None:
    store.replace_annotations(7, {task: [Annotation(task, task, 1, cancelled, [], "", created_at=at)]})


def test_the_next_tasks_are_listed_in_their_order_with_the_reason_for_each(connected: FlaskClient, sqlite_store: Store):
    served(sqlite_store)
    listed = re.findall(r'Task (\d+)</a> · ([^<]*)</p>.*?<span class="class">(\w+)</span>', page(connected), re.DOTALL)
    assert listed == [
        ("1", "asked for by a person (search: parcel)", "bug"),
        ("2", "asked again: the model doubts its label", "bug"),
        ("3", "drawn at random, to measure the model", "bug"),
        ("4", "chosen by margin: undecided between bug 41% and praise 39%", "bug"),
        ("5", "chosen by margin: the model is less sure than about others", "praise"),
        ("6", "chosen by margin: the model is less sure than about others; in reserve", "praise"),
    ]


def test_doubts_of_the_model_are_no_reason_of_a_method_that_does_not_ask_it(
    connected: FlaskClient, sqlite_store: Store
):
    served(sqlite_store, method="typiclust")
    shown = page(connected)
    assert "chosen by typiclust: typical of many texts" in shown
    assert "undecided" not in shown


def test_labelled_tasks_leave_the_list_but_not_one_that_is_asked_again(connected: FlaskClient, sqlite_store: Store):
    served(sqlite_store)
    label(sqlite_store, 1, 0.0)
    label(sqlite_store, 2, 0.0)
    label(sqlite_store, 5, 0.0, cancelled=True)
    assert re.findall(r"Task (\d+)</a>", page(connected)) == ["2", "3", "4", "6"]


def test_texts_are_for_who_is_signed_in_and_shown_as_they_are(connected: FlaskClient, sqlite_store: Store):
    served(sqlite_store)
    shown = page(connected)
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &#34;onmouseover=&#39;x&#39;" in shown
    assert "<script>alert" not in shown
    assert re.search(r"<details id=\"text-5\"><summary>long .* …</summary><p class=\"whole\">(long ){99}long", shown)
    anonymous = page(connected, **BROWSER)
    assert "text 1" not in anonymous
    assert "to see their texts" in anonymous
    assert "undecided between bug 41% and praise 39%" in anonymous


def test_more_tasks_are_listed_on_demand(connected: FlaskClient, sqlite_store: Store):
    records = [TaskRecord(7, n, text_hash("t"), None) for n in range(1, 61)]
    sqlite_store.upsert_tasks(7, records, {text_hash("t"): "t"})
    batch = sqlite_store.plan_batch(7, "random", "because", None, list(range(1, 61)), 60)
    sqlite_store.mark_batch(7, batch.number, BatchState.PUBLISHED)
    for query, rows in (("", 20), ("?tasks=40", 40), ("?tasks=100000", 60), ("?tasks=x", 20), ("?tasks=-1", 20)):
        assert len(re.findall(r"Task \d+</a>", page(connected, f"/projects/7{query}"))) == rows, query
    assert "/projects/7?tasks=40" in page(connected)


def known(**changes: object) -> str:
    head = {"n_labels": 300, "made_from": "300 labels"}
    status = {"tasks": 1000, "labeled": 300, "model": head, "reads": {"multi_label": False}, **changes}
    body = status.pop("body", None)
    return what_is_known(status, body)  # type: ignore[arg-type]


def test_one_sentence_says_what_is_known_and_no_more():
    assert known(body=evaluations.body()) == (
        "The model is right on 83% of the open texts (78 to 88%); about 120 more labels would bring 1 point."
    )
    guess = evaluations.body(accuracy=evaluations.accuracy(0.7, audits=0), forecast=None)
    assert known(body=guess) == (
        "By its own confidence the model is right on 70% of the open texts (65 to 75%); what more labels would bring "
        "cannot be told yet."
    )
    missing = evaluations.accuracy(None, audits=3, why="appears with 10 labels of tasks drawn at random")
    assert "Its accuracy appears with 10 labels of tasks drawn at random." in known(
        body=evaluations.body(accuracy=missing)
    )
    stop = {"stop": True, "changed": 0.01, "labels": 100, "why": ""}
    assert known(body=evaluations.body(stop=stop)).endswith("so you can stop if this is enough.")
    assert "predicts from the class names alone" in known(model={"n_labels": 0, "made_from": "the class names"})
    assert known(model=None, labeled=0) == "Nothing is known yet: the model learns with the first labels."
    assert "import texts" in known(tasks=0)
    assert "is being measured" in known()
    assert "has all classes right for 83%" in known(body=evaluations.body(), reads={"multi_label": True})


def test_labels_are_counted_by_day_without_skips(sqlite_store: Store):
    sqlite_store.ensure_project(7)
    zone = datetime.timezone(datetime.timedelta(hours=5, minutes=30), "IST")
    now = datetime.datetime(2026, 3, 10, 12, 0, tzinfo=zone)
    today = now.replace(hour=0, minute=5).timestamp()
    moments = [today, today + 60, today - 600, today - 40 * 86400]
    for task, moment in enumerate(moments, start=1):
        label(sqlite_store, task, moment)
    label(sqlite_store, 9, today, cancelled=True)
    days = label_days(sqlite_store, 7, now)
    assert (days.today, days.zone) == (2, "IST")
    assert "Tue 10 Mar: 2 labels" in days.chart
    assert "Mon 09 Mar: 1 label" in days.chart
    assert "Labels by day: 3 labels in 30 days, 2 labels today" in days.chart


def test_an_open_page_asks_for_a_mark_that_changes_with_what_it_shows(connected: FlaskClient, sqlite_store: Store):
    def mark() -> str:
        answer = connected.get("/projects/7/changes")
        assert len(answer.data) < 200
        return str(answer.json["version"])

    seen = [mark()]
    assert mark() == seen[0], "nothing happened"
    for change in (
        lambda: sqlite_store.update_project(7, phase="reading tasks"),
        lambda: sqlite_store.add_event(7, "ANNOTATION_CREATED", {}),
        lambda: served(sqlite_store),
        lambda: evaluations.put(sqlite_store, 7, [evaluations.body()]),
        lambda: sqlite_store.add_setting_change(7, "ann", {"seed": [0, 1]}),
        lambda: sqlite_store.add_job(7, "export_model", {}, "ann"),
        lambda: sqlite_store.request_tasks(7, [2], "ann", "map"),
    ):
        change()
        seen.append(mark())
    assert len(set(seen)) == len(seen)
    sqlite_store.ensure_project(8)
    sqlite_store.update_project(8, phase="another project")
    assert mark() == seen[-1]
    assert connected.get("/projects/99/changes").status_code == 404


def test_all_pages_count_the_same_tasks_that_are_left(connected: FlaskClient, sqlite_store: Store):
    served(sqlite_store)
    for task in (1, 2):
        label(sqlite_store, task, at=1.0)
    assert "batch 1, 5 left" in page(connected), "the second one is asked again"
    assert "<dt>Left</dt><dd>5 of 6</dd>" in page(connected, "/projects/7/details")


def test_without_tasks_the_pages_lead_to_the_import(connected: FlaskClient, sqlite_store: Store):
    sqlite_store.update_project(7, state=ProjectState.READY, counts=ProjectCounts())
    sqlite_store.report_worker("worker")
    shown = page(connected)
    assert shown.count("There are no tasks yet") == 1
    assert "Import texts in Label Studio</a>" in shown
    assert "Import texts in Label Studio</a>" in page(connected, "/projects/7/map")


def test_labels_that_wait_are_counted_beside_the_title(connected: FlaskClient, sqlite_store: Store):
    for action in ("ANNOTATION_CREATED", "ANNOTATION_CREATED", "TASKS_CREATED"):
        sqlite_store.add_event(7, action, {})
    sqlite_store.report_worker("worker")
    assert "2 labels received, being read …" in page(connected)
    sqlite_store.update_project(7, counts=ProjectCounts(tasks=10, labels={"bug": 3}, changed=3))
    assert "2 labels received, learning …" in page(connected)
    assert "The model learns from the labels that came in" in page(connected)
    assert "The model learns from the labels that came in" in page(connected, "/projects")
    sqlite_store.update_project(7, paused_at=1.0)
    assert "2 labels received, waiting" in page(connected)


def test_the_list_has_what_needs_a_person_first(connected: FlaskClient, sqlite_store: Store):
    sqlite_store.ensure_project(1, title="Idle", counts=ProjectCounts(tasks=10))
    sqlite_store.ensure_project(2, title=BAD, state=ProjectState.WAITING, error="Label Studio refused the key")
    sqlite_store.ensure_project(3, title="Paused", paused_at=1.0)
    sqlite_store.update_project(7, title="At work", counts=ProjectCounts(labeled=300, tasks=12_345))
    evaluations.put(sqlite_store, 7, [evaluations.body()])
    label(sqlite_store, 1, datetime.datetime.now().timestamp())
    shown = page(connected, "/projects")
    assert re.findall(r'<a href="/projects/(\d)">', shown) == ["2", "7", "1", "3"]
    assert "<script>alert" not in shown
    row = words(next(row for row in shown.split("<tr>") if "At work" in row))
    assert row.startswith("At work #7 starting 1 300 of 12,345 83% 78 to 88%")


def test_the_list_says_what_to_do_without_a_project(web: FlaskClient):
    assert "No project is connected yet." in page(web, "/projects")


def test_a_probability_does_not_look_certain():
    assert [chance(p) for p in (0.004, 0.42, 0.994, 0.996)] == ["under 1%", "42%", "99%", "over 99%"]
