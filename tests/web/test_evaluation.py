"""How good a project's head is: the JSON, the status, the metrics, and the page."""

from __future__ import annotations

import re
from typing import Any

import evaluations
import pytest
from flask.testing import FlaskClient
from markupsafe import escape

from ml_backend.store import Store
from ml_backend.store.records import ProjectCounts

ADDRESS = "/projects/7/evaluation"
BROWSER = {"Accept": "text/html"}
SIGNED_IN = {**BROWSER, "Authorization": "Token label-studio-key"}


def label_config(names: list[str], choice: str = "single") -> str:
    choices = "".join(f'<Choice value="{escape(name)}"/>' for name in names)
    return f'<View><Text name="t" value="$t"/><Choices name="c" toName="t" choice="{choice}">{choices}</Choices></View>'


@pytest.fixture
def evaluated(connected: FlaskClient, sqlite_store: Store) -> FlaskClient:
    """The application with project 7, whose newest head is evaluated, as are two before it."""
    sqlite_store.update_project(7, counts=ProjectCounts(labels={"bug": 200, "praise": 100}, labeled=300))
    unknown = evaluations.accuracy(None, audits=3, why="appears with 10 labels of tasks drawn at random")
    by_confidence = evaluations.accuracy(0.7, audits=0)
    first = evaluations.body("v1", 50, accuracy=unknown, forecast=None)
    evaluations.put(
        sqlite_store, 7, [first, evaluations.body("v2", 120, accuracy=by_confidence), evaluations.body("v3")]
    )
    return connected


def page_of(client: FlaskClient, store: Store, names: list[str], view: str = "quality", **changes: Any) -> str:
    """A page of project 7 with an evaluation of these classes."""
    labels = dict.fromkeys(names, 30)
    store.update_project(7, label_config=label_config(names), counts=ProjectCounts(labels=labels, labeled=300))
    evaluations.put(store, 7, [evaluations.body(**changes)])
    return client.get(f"/projects/7/{view}", headers=SIGNED_IN).text


def test_the_json_has_the_newest_evaluation_and_the_history(evaluated: FlaskClient):
    found = evaluated.get(ADDRESS).json
    assert (found["project"], found["head"], found["pending"], found["random_share"]) == (
        7, "v3", False, evaluated.get("/projects/7/status").json["settings"]["random_share"],
    )  # fmt: skip
    body = evaluations.body("v3")
    without_people = body["annotators"] | {"pairs": []}
    hidden = {"annotators": without_people, "people": [], "disagreements": []}
    assert found["evaluation"] == body | hidden, "who agrees with whom is for people signed in"
    assert [(h["head"], h["labels"], h["accuracy"], h["basis"], h["audits"]) for h in found["history"]] == [
        ("v1", 50, None, None, 3),
        ("v2", 120, 0.7, "confidence", 0),
        ("v3", 300, 0.83, "audits", 31),
    ]
    assert found["history"][-1].keys() == {
        *("head", "at", "labels", "accuracy", "low", "high"),
        "basis",
        "audits",
        "changed",
    }


def test_a_head_that_is_not_evaluated_yet_is_pending(evaluated: FlaskClient, sqlite_store: Store):
    head = sqlite_store.heads(7)[0]
    sqlite_store.put_head(head.__class__(**{**vars(head), "version": "v4"}))
    found = evaluated.get(ADDRESS).json
    assert (found["head"], found["pending"], found["evaluation"]["head"]) == ("v4", True, "v3")
    assert "the evaluation of an earlier model" in evaluated.get("/projects/7/quality", headers=BROWSER).text


def test_before_the_first_head_there_is_nothing_to_evaluate(connected: FlaskClient):
    assert connected.get(ADDRESS).json | {"random_share": 0} == {
        "project": 7, "head": None, "pending": False, "random_share": 0, "evaluation": None, "history": [],
    }  # fmt: skip
    assert connected.get("/projects/7/status").json["evaluation"] is None
    page = connected.get("/projects/7/quality", headers=BROWSER).text
    assert "Measured as soon as a model has learned from labels." in page
    assert "Labels to look at again" not in connected.get("/projects/7/look-again", headers=SIGNED_IN).text


def test_an_unknown_project_has_the_same_error_as_its_status(connected: FlaskClient):
    answer, status = connected.get("/projects/8/evaluation"), connected.get("/projects/8/status")
    assert (answer.status_code, answer.json) == (404, status.json)
    assert "never connected" in answer.json["error"]


def test_the_status_has_the_main_figures(evaluated: FlaskClient):
    body = evaluations.body("v3")
    assert evaluated.get("/projects/7/status").json["evaluation"] == {
        **{name: body[name] for name in ("head", "labels", "accuracy", "forecast", "stop")},
        "look_again": 1,
        "weak_classes": ["praise"],
    }


def test_metrics_have_the_accuracy_of_projects_where_it_is_known(evaluated: FlaskClient, sqlite_store: Store):
    sqlite_store.ensure_project(9)
    sqlite_store.ensure_project(10)
    evaluations.put(sqlite_store, 10, [evaluations.body("v1", accuracy=evaluations.accuracy(None, audits=3))])
    text = evaluated.get("/metrics").text
    found = re.findall(r'^active_learning_(accuracy\w*|audits)\{project="(\d+)"\} ([\d.]+)', text, re.MULTILINE)
    assert {(name, int(project)): float(value) for name, project, value in found} == {
        ("accuracy", 7): 0.83,
        ("accuracy_low", 7): pytest.approx(0.78),
        ("accuracy_high", 7): pytest.approx(0.88),
        ("audits", 7): 31,
        ("audits", 10): 3,
    }


def test_the_page_shows_accuracy_forecast_and_advice(evaluated: FlaskClient):
    now = evaluated.get("/projects/7", headers=BROWSER).text
    page = evaluated.get("/projects/7/quality", headers=BROWSER).text
    tile = re.search(
        r'<div class="name">Accuracy</div><div class="figure">(.*?)</div><div class="quiet">(.*?)</div>', now
    )
    assert tile is not None
    assert tile.groups() == ("83%", "78 to 88% (95% interval)")
    assert "<p>It rests on 31 tasks drawn at random.</p>" in page
    assert "About 120 further labels for one more point of accuracy; could be 59 or 230." in page
    assert "<p>Your last 100 labels changed 6 %.</p>" in page
    people = evaluated.get("/projects/7/people", headers=SIGNED_IN).text
    assert "Krippendorff&#39;s α is 0.80 over 40 tasks" in people
    assert "<li>labelled <strong>praise</strong>, predicted <strong>bug</strong>: 5 of 30 labels\n" in page
    assert 'aria-label="Accuracy: 83%, 78 to 88% (95% interval), at 300 labels"' in page
    assert re.findall(r'<circle class="(\w+)"', page) == ["hollow", "dot"], "the first head has no accuracy to show"


def test_a_forecast_of_more_labels_than_there_are_open_tasks_says_so(connected: FlaskClient, sqlite_store: Store):
    page = page_of(
        connected, sqlite_store, ["bug", "praise"], forecast={"labels": 25_000, "low": 12_500, "high": 50_000}
    )
    assert "takes about 25,000 further labels, more than the 9,700 open tasks can give." in page


def test_the_page_says_what_an_accuracy_without_random_tasks_rests_on(connected: FlaskClient, sqlite_store: Store):
    sqlite_store.update_project(7, settings={"random_share": 0.0})
    page = page_of(connected, sqlite_store, ["bug", "praise"], accuracy=evaluations.accuracy(0.71, audits=0))
    assert "66 to 76%, by the model&#39;s own confidence" in page
    assert (
        "No task is drawn at random (<code>random_share</code> 0); without such tasks the interval has no guarantee."
        in page
    )


def test_the_page_says_what_is_missing_for_an_accuracy(connected: FlaskClient, sqlite_store: Store):
    missing = evaluations.accuracy(None, audits=3, why="appears with 10 labels of tasks drawn at random")
    page = page_of(
        connected, sqlite_store, ["bug", "praise"], accuracy=missing, forecast=None, look_again=[], annotators=None,
        confusions=[], reliability=[],
    )  # fmt: skip
    now = connected.get("/projects/7", headers=BROWSER).text
    assert '<div class="figure">–</div><div class="quiet">not known yet</div>' in now
    assert "<p>Appears with 10 labels of tasks drawn at random.</p>" in page
    assert "None stands out." in connected.get("/projects/7/look-again", headers=SIGNED_IN).text
    for absent in ("further labels", "weak</span>", "Classes that are confused", "Krippendorff", "How sure", "<svg"):
        assert absent not in page


def test_the_advice_to_stop_stands_out(connected: FlaskClient, sqlite_store: Store):
    stop = {"stop": True, "changed": 0.01, "labels": 100, "why": "your last 100 labels changed 1 %: you can stop"}
    page = page_of(connected, sqlite_store, ["bug", "praise"], stop=stop)
    assert "<p><strong>Your last 100 labels changed 1 %: you can stop.</strong></p>" in page


def rows_of_classes(page: str) -> list[str]:
    return re.findall(r'<td class="class">(.*?)(?: <span|<progress)', page)


def test_the_weakest_class_comes_first(evaluated: FlaskClient):
    page = evaluated.get("/projects/7/quality", headers=BROWSER).text
    assert rows_of_classes(page) == ["praise", "bug"]
    assert '<td class="class">praise <span class="pill warning">weak</span>' in page
    assert '<td class="number">61%<small>51–71</small></td>' in page


def test_classes_are_ordered_by_their_lower_upper_bound_and_those_with_too_few_labels_come_last(
    connected: FlaskClient, sqlite_store: Store
):
    qualities = [
        evaluations.class_quality("few", 3, None, None),
        evaluations.class_quality("good", 30, 0.85, 0.9),
        evaluations.class_quality("half known", 30, None, 0.7),
        evaluations.class_quality("bad", 30, 0.99, 0.3),
    ]
    page = page_of(connected, sqlite_store, [c["name"] for c in qualities], classes=qualities)
    assert rows_of_classes(page) == ["bad", "half known", "good", "few"]


def test_classes_with_too_few_labels_say_so(connected: FlaskClient, sqlite_store: Store):
    few = [evaluations.class_quality("bug", 30, 0.9, None), evaluations.class_quality("praise", 3, None, None)]
    page = page_of(connected, sqlite_store, ["bug", "praise"], classes=few)
    cells = re.findall(r'<td class="class">(\w+).*?</progress>(.*?)</tr>', page)
    assert {name: row.count("too few") for name, row in cells} == {"bug": 2, "praise": 3}


def test_without_a_class_that_is_known_there_are_only_numbers_of_labels_and_links_to_texts_of_those_without(
    connected: FlaskClient, sqlite_store: Store
):
    few = [evaluations.class_quality(name, 3, None, None) for name in ("bug", "R&D")]
    page_of(connected, sqlite_store, ["bug", "R&D"], classes=few)
    sqlite_store.update_project(7, counts=ProjectCounts(labels={"bug": 3, "R&D": 0}, labeled=3))
    page = connected.get("/projects/7/quality", headers=SIGNED_IN).text
    assert "No class has enough labels yet" in page
    for absent in ("Precision", "too few"):
        assert absent not in page
    assert '<a href="/projects/7/find?q=R%26D">R&amp;D</a>' in page


def test_of_many_classes_the_later_ones_are_folded(connected: FlaskClient, sqlite_store: Store):
    names = [f"class {n}" for n in range(77)]
    qualities = [evaluations.class_quality(name, 30, 0.9, 0.4 if name == "class 76" else 0.9) for name in names]
    page = page_of(connected, sqlite_store, names, classes=qualities)
    assert "<summary>57 more classes</summary>" in page
    assert rows_of_classes(page) == ["class 76", *names[:-1]]


def test_of_many_classes_those_with_too_few_labels_are_folded(connected: FlaskClient, sqlite_store: Store):
    names = [f"class {n}" for n in range(29)] + ["long_name"]
    few = [evaluations.class_quality(name, 3, None, None) for name in names[1:]]
    page = page_of(connected, sqlite_store, names, classes=[evaluations.class_quality("class 0", 30, 0.9, 0.9), *few])
    before, folded = page.split("<summary>29 more classes</summary>")
    assert rows_of_classes(before) == ["class 0"]
    assert len(rows_of_classes(folded)) == 29
    assert rows_of_classes(folded)[-1] == "long_<wbr>name", "narrow columns break names at underscores"


def test_class_names_with_html_characters_are_shown_as_they_are(connected: FlaskClient, sqlite_store: Store):
    bad, good = "<script>alert('x')</script>", 'R&D "quoted"'
    page = page_of(
        connected,
        sqlite_store,
        [bad, good],
        classes=[evaluations.class_quality(bad, 30, 0.5, 0.5), evaluations.class_quality(good, 30, 0.9, 0.9)],
        confusions=[{"given": bad, "predicted": good, "labels": 5, "of": 30, "share": 0.04}],
    )
    assert "<script>alert" not in page
    assert (
        f"<li>labelled <strong>{escape(bad)}</strong>, predicted <strong>{escape(good)}</strong>: 5 of 30 labels\n"
        in page
    )


def test_with_several_classes_a_task_a_doubtful_label_is_a_class_that_it_has_or_lacks(
    connected: FlaskClient, sqlite_store: Store
):
    doubtful = [
        {"task": 1, "given": "bug", "likelier": "bug", "probability": 0.03, "present": True},
        {"task": 2, "given": "praise", "likelier": "praise", "probability": 0.06, "present": False},
    ]
    sqlite_store.update_project(7, label_config=label_config(["bug", "praise"], "multiple"))
    evaluations.put(sqlite_store, 7, [evaluations.body(look_again=doubtful, confusions=[])])
    page = connected.get("/projects/7/look-again", headers=SIGNED_IN).text
    assert "Labelled <strong>bug</strong>. The model would say <strong>not bug</strong>" in page
    assert "Labelled <strong>not praise</strong>. The model would say <strong>praise</strong>" in page
    assert "whose classes the model has all right" in connected.get("/projects/7/quality", headers=BROWSER).text


def test_the_chart_of_a_long_history_has_few_points_and_the_newest(connected: FlaskClient, sqlite_store: Store):
    evaluations.put(sqlite_store, 7, [evaluations.body(f"v{n}", n) for n in range(1, 202)])
    page = connected.get("/projects/7/quality", headers=BROWSER).text
    shown = [int(labels) for labels in re.findall(r"<title>83%.*?, at (\d+) labels</title>", page)]
    assert len(shown) == 60
    assert (shown[0], shown[-1]) == (1, 201)
