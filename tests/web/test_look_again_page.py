"""The lists of what to look at again, what is dismissed, and the tab in Label Studio."""

from __future__ import annotations

import re
from typing import Any

import evaluations
import pytest
from flask.testing import FlaskClient
from markupsafe import escape
from signing_in import BROWSER, csrf, form_token, sign_in
from studios import Fake

from ml_backend.annotation import Annotation
from ml_backend.labelstudio.client import LabelStudio
from ml_backend.learning.evaluation import look_again
from ml_backend.store import Store
from ml_backend.store.records import ProjectCounts, TaskRecord
from ml_backend.store.states import DoubtKind
from ml_backend.web.views.look_again import LEAST_OF_CLASS

LIST = "/projects/7/look-again"
DISAGREEMENTS = f"{LIST}?show=disagreement"
CONFIG = (
    '<View><Text name="text" value="$text"/><Choices name="kind" toName="text">'
    '<Choice value="bug"/><Choice value="praise"/></Choices></View>'
)
PASSWORD = {"user": "ann", "password": "pässword"}
BAD = "<script>alert('x')</script>\" onmouseover=\"y"


@pytest.fixture
def client(locked: FlaskClient, sqlite_store: Store) -> FlaskClient:
    """Signed in, with project 7, in which people have labelled."""
    sqlite_store.ensure_project(7)
    sqlite_store.update_project(
        7, title="Messages", counts=ProjectCounts(labels={"bug": 2, "praise": 1}, labeled=3, annotators=2)
    )
    assert sign_in(locked, **PASSWORD).status_code == 303
    return locked


def put_texts(store: Store, texts: dict[int, str]) -> None:
    records = [TaskRecord(7, task, f"{task:032}", None, "2026") for task in texts]
    store.upsert_tasks(7, records, {f"{task:032}": text for task, text in texts.items()})


def labelled(store: Store, classes: dict[int, str]) -> None:
    by_task = {
        task: [Annotation(100 + task, task, 1, cancelled=False, result=[choice(name)], updated_at="2026")]
        for task, name in classes.items()
    }
    store.replace_annotations(7, by_task)


def choice(name: str) -> dict[str, Any]:
    return {"from_name": "kind", "to_name": "text", "type": "choices", "value": {"choices": [name]}}


def evaluated(store: Store, head: str = "v1", **changes: Any) -> None:
    evaluations.put(store, 7, [evaluations.body(head, **changes)])


def page(client: FlaskClient, address: str = LIST) -> str:
    return str(client.get(address, headers=BROWSER).text)


def listed(text: str) -> list[int]:
    return [int(task) for task in re.findall(r'<li id="task-(\d+)">', text)]


def fields_of(text: str, button: str) -> dict[str, str]:
    """The fields of the form with this button."""
    form = next(form for form in re.findall(r"<form.*?</form>", text, re.DOTALL) if f'id="{button}"' in form)
    return dict(re.findall(r'name="(\w+)" value="([^"]*)"', form))


def press(client: FlaskClient, text: str, button: str, action: str) -> Any:
    return client.post(f"{LIST}/{action}", data=fields_of(text, button), headers=BROWSER)


def test_a_doubted_label_has_its_text_what_the_model_would_say_and_the_nearest_labels(
    client: FlaskClient, sqlite_store: Store
):
    put_texts(sqlite_store, {12: "It crashes", 13: "Crash, again"})
    evaluated(sqlite_store)
    text = page(client)
    assert '<blockquote class="text">It crashes</blockquote>' in text
    assert (
        "Labelled <strong>bug</strong>. The model would say <strong>praise</strong> (90%), and gives the label 4%."
        in text
    )
    assert 'href="http://localhost:8080/projects/7/data?task=12"' in text
    near = (
        r'<li><strong>praise</strong> <a [^>]*>task 13</a>: Crash, again <small class="nowrap">· 82% alike</small></li>'
    )
    assert re.search(near, text)


def test_people_who_disagree_are_named_with_what_they_chose_and_what_the_model_says(
    client: FlaskClient, sqlite_store: Store
):
    put_texts(sqlite_store, {41: "Fine, I guess"})
    sqlite_store.put_people({1: "Anna Ash"})
    evaluated(
        sqlite_store,
        disagreements=[
            evaluations.disagreement(41, {1: ["bug"], 12: ["praise"], None: []}, ["bug"]),
            evaluations.disagreement(42, {1: ["bug"], 12: ["praise"]}, None),
        ],
    )
    text = page(client, DISAGREEMENTS)
    said = re.findall(r'<span class="who-said">(.*?)</span>\s*(.*?)</li>', text, re.DOTALL)
    plain = [(who, re.sub(r"<[^>]+>", "", words)) for who, words in said]
    assert plain[:4] == [
        ("Anna Ash", "bug"),
        ("user 12", "praise"),
        ("imported", "none of the classes"),
        ("the model", "bug (70%)"),
    ]
    assert plain[-1] == ("the model", "says nothing yet")
    assert "Fine, I guess" in text
    assert "no usable text any more" in text, "task 42 was deleted"


def test_a_label_that_is_right_is_listed_no_more_until_it_changes(client: FlaskClient, sqlite_store: Store):
    both = [evaluations.doubtful(12, "bug", "praise"), evaluations.doubtful(14, "bug", "praise")]
    evaluated(sqlite_store, look_again=both)
    answer = press(client, page(client), "dismiss-12", "dismiss")
    assert answer.status_code == 303
    after = page(client, answer.headers["Location"])
    assert "Task 12 is not listed any more, unless its label changes." in after
    assert listed(after) == [14]
    evaluated(sqlite_store, "v2", look_again=both)
    assert listed(page(client)) == [14], "the next evaluation doubts it again, and it is the same label"
    evaluated(sqlite_store, "v3", look_again=[evaluations.doubtful(12, "praise", "bug"), both[1]])
    assert listed(page(client)) == [12, 14]


def test_a_dismissal_names_who_and_can_be_undone(client: FlaskClient, sqlite_store: Store):
    evaluated(sqlite_store)
    press(client, page(client), "dismiss-12", "dismiss")
    text = page(client)
    assert "All of them were found right." in text
    assert "bug, by basic auth user ann," in text
    answer = press(client, text, "undo-12", "undo")
    after = page(client, answer.headers["Location"])
    assert "Task 12 is listed again." in after
    assert listed(after) == [12]


def test_a_settled_disagreement_comes_back_when_somebody_chooses_otherwise(client: FlaskClient, sqlite_store: Store):
    evaluated(sqlite_store)
    press(client, page(client, DISAGREEMENTS), "dismiss-41", "dismiss")
    assert "All of them are settled." in page(client, DISAGREEMENTS)
    assert listed(page(client)) == [12], "the other list is as it was"
    other = evaluations.disagreement(41, {1: ["bug"], 12: ["praise"], 13: ["bug"]}, ["bug"])
    evaluated(sqlite_store, "v2", disagreements=[other])
    assert listed(page(client, DISAGREEMENTS)) == [41]


def test_long_lists_are_shown_in_parts_and_the_way_back_is_the_same_part(client: FlaskClient, sqlite_store: Store):
    evaluated(sqlite_store, look_again=[evaluations.doubtful(n, "bug", "praise") for n in range(1, 46)])
    first = page(client)
    assert (len(listed(first)), "1 of 3" in first) == (20, True)
    last = page(client, f"{LIST}?part=3")
    assert listed(last) == [41, 42, 43, 44, 45]
    assert listed(page(client, f"{LIST}?part=99")) == listed(last)
    assert listed(page(client, f"{LIST}?part=-1'x")) == listed(first)
    answer = press(client, last, "dismiss-44", "dismiss")
    assert listed(page(client, answer.headers["Location"])) == [41, 42, 43, 45]


def test_a_label_that_was_corrected_meanwhile_is_not_listed_any_more(client: FlaskClient, sqlite_store: Store):
    sqlite_store.update_project(
        7, label_config=CONFIG, counts=ProjectCounts(labels={"bug": 3, "praise": 1}, labeled=4, annotators=1)
    )
    put_texts(sqlite_store, {12: "It crashes", 13: "Lovely"})
    evaluated(
        sqlite_store,
        look_again=[evaluations.doubtful(12, "bug", "praise"), evaluations.doubtful(13, "bug", "praise")],
    )
    labelled(sqlite_store, {12: "bug", 13: "bug"})
    assert listed(page(client)) == [12, 13]
    labelled(sqlite_store, {13: "praise"})
    assert listed(page(client)) == [12]
    assert "1 label was corrected since" in page(client)
    labelled(sqlite_store, {12: "praise"})
    text = page(client)
    assert "All of them were corrected." in text
    assert "of classes that have 3 labels or more: 1 of 2 classes so far" in text
    assert LEAST_OF_CLASS == look_again.LEAST_OF_CLASS


def test_texts_classes_and_names_cannot_run_scripts(client: FlaskClient, sqlite_store: Store):
    put_texts(sqlite_store, {12: BAD, 13: BAD, 41: BAD})
    sqlite_store.put_people({1: BAD})
    near = [{"task": 13, "similarity": 0.5, "classes": [BAD]}]
    evaluated(
        sqlite_store,
        look_again=[evaluations.doubtful(12, BAD, "praise", neighbours=near)],
        disagreements=[evaluations.disagreement(41, {1: [BAD], 2: ["bug"]}, [BAD])],
    )
    sqlite_store.update_project(7, title=BAD)
    for address in (LIST, DISAGREEMENTS):
        text = page(client, address)
        assert "<script>alert" not in text
        assert 'onmouseover="y' not in text.replace("&#34;", "&quot;")
        assert str(escape(BAD)) in text


def test_an_evaluation_of_an_earlier_version_is_shown_without_what_it_lacks(client: FlaskClient, sqlite_store: Store):
    old = {"task": 12, "given": "bug", "likelier": "praise", "probability": 0.04, "present": True}
    body = evaluations.body("v1", look_again=[old])
    del body["disagreements"], body["people"]
    evaluations.put(sqlite_store, 7, [body])
    assert "The model would say <strong>praise</strong>, and gives the label 4%." in page(client)
    assert "The next evaluation looks for them" in page(client, DISAGREEMENTS)


@pytest.mark.parametrize(
    ("labeled", "annotators", "expected"),
    [(0, 0, "Nothing is labelled yet."), (3, 1, "appear once a model has learned")],
)
def test_before_the_first_evaluation_the_page_says_what_is_missing(
    client: FlaskClient, sqlite_store: Store, labeled: int, annotators: int, expected: str
):
    sqlite_store.update_project(7, counts=ProjectCounts(labeled=labeled, annotators=annotators))
    assert expected in page(client)


def test_empty_lists_say_why(client: FlaskClient, sqlite_store: Store):
    evaluated(sqlite_store, look_again=[], disagreements=[])
    assert "None stands out." in page(client)
    assert "Nobody disagrees about a task" in page(client, DISAGREEMENTS)
    sqlite_store.update_project(7, counts=ProjectCounts(labeled=3, annotators=1))
    assert "One person has labelled so far." in page(client, DISAGREEMENTS)


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "everything"},
        {"key": "short"},
        {"key": ["a"]},
        {"task": "x"},
        {"task": None},
    ],
)
def test_a_dismissal_that_names_no_label_is_refused(client: FlaskClient, sqlite_store: Store, wrong: dict[str, Any]):
    right = {"kind": "label", "task": 12, "key": "a" * 64}
    answer = client.post(f"{LIST}/dismiss", json={**right, **wrong}, headers=csrf(client))
    assert answer.status_code == 400
    assert sqlite_store.dismissals(7, DoubtKind.LABEL) == {}


class TestTab:
    """The button that opens the tasks in Label Studio."""

    CONFIG = '<View><Text name="t" value="$t"/><Choices name="c" toName="t"><Choice value="a"/></Choices></View>'

    @pytest.fixture
    def project(self, fake_label_studio: Fake) -> int:
        client = LabelStudio(fake_label_studio.url, fake_label_studio.token)
        body = {"title": "Messages", "label_config": self.CONFIG}
        created = client.request("POST", "api/projects", body=body)
        client.close()
        return int(created["id"])

    @pytest.fixture
    def app(self, make_client: Any, sqlite_store: Store, fake_label_studio: Fake, project: int) -> FlaskClient:
        sqlite_store.ensure_project(project)
        client: FlaskClient = make_client(
            label_studio_url=fake_label_studio.url,
            label_studio_api_key=fake_label_studio.token,
            label_studio_public_url="https://labels.example.com",
            basic_auth_user=PASSWORD["user"],
            basic_auth_pass=PASSWORD["password"],
        )
        sign_in(client, **PASSWORD)
        return client

    def send(self, app: FlaskClient, project: int, tasks: list[Any], title: str = "Labels to look at again") -> Any:
        data = {"csrf_token": form_token(app), "task": tasks, "title": title}
        return app.post(f"/projects/{project}/tab", data=data, headers=BROWSER)

    def test_leads_to_the_tab_that_shows_these_tasks(self, app: FlaskClient, project: int, fake_label_studio: Fake):
        answer = self.send(app, project, [5, 3, 3])
        usual, view = (view for view in fake_label_studio.server.tables.views.values() if view.project == project)
        assert (usual.data["title"], usual.data["filters"]["items"]) == ("Default", [])
        assert answer.status_code == 303
        assert answer.headers["Location"] == f"https://labels.example.com/projects/{project}/data?tab={view.id}"
        assert [item["value"] for item in view.data["filters"]["items"]] == [5, 3]
        assert view.data["title"] == "Labels to look at again"
        self.send(app, project, [8])
        assert [item["value"] for item in view.data["filters"]["items"]] == [8], "the tab is replaced"
        assert sum(v.project == project for v in fake_label_studio.server.tables.views.values()) == 2

    def test_waits_for_label_studio_only_while_enough_threads_are_left(self, app: FlaskClient, project: int):
        context = app.application.extensions["active_learning"]
        places = sum(iter(lambda: context.waiting.acquire(blocking=False), False))
        answer = self.send(app, project, [5])
        assert (answer.status_code, "Too many pages wait" in answer.text) == (503, True)
        for _ in range(places):
            context.waiting.release()
        assert self.send(app, project, [5]).status_code == 303

    def test_browsers_may_follow_the_form_to_label_studio(self, app: FlaskClient, project: int):
        policy = app.get(f"/projects/{project}/look-again", headers=BROWSER).headers["Content-Security-Policy"]
        assert "form-action 'self' https://labels.example.com;" in policy

    @pytest.mark.parametrize(
        ("tasks", "expected"),
        [([], "No task is chosen"), (["x"], "by its number"), (list(range(1, 202)), "201 tasks are too many")],
    )
    def test_refuses_what_is_no_list_of_tasks(self, app: FlaskClient, project: int, tasks: list[Any], expected: str):
        answer = self.send(app, project, tasks)
        assert (answer.status_code, expected in answer.text) == (400, True)

    def test_a_label_studio_that_does_not_respond_is_named(
        self, app: FlaskClient, project: int, fake_label_studio: Fake
    ):
        fake_label_studio.server.faults.down = True
        try:
            answer = self.send(app, project, [5])
        finally:
            fake_label_studio.server.faults.down = False
        assert (answer.status_code, "The tab could not be made: Label Studio" in answer.text) == (502, True)
        assert f'<a href="/projects/{project}">Back to the project</a>' in answer.text
