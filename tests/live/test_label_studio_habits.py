"""What Label Studio does that the live loop depends on: the fake and the real one do the same."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from json import dumps, loads
from threading import Thread
from typing import Any

import pytest
from live_loop import CLASSES, Person, choice, gold_texts, new_project
from studios import Fake, Real, both

from ml_backend.labelstudio.client import (
    LabelStudio,
    LabelStudioError,
    LabelStudioUnavailable,
    ProjectGone,
    RequestRefused,
    Unauthorized,
)
from ml_backend.labelstudio.task_lists import WITH_ANNOTATIONS
from ml_backend.labelstudio.tasks import parse_task

pytestmark = both
REFUSED = (RequestRefused, LabelStudioUnavailable)


class Recorder:
    """A backend that says yes to all and remembers what it was asked: path, body, Authorization."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any], str | None]] = []
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer({"status": "UP"}, {})

            def do_POST(self) -> None:
                body = loads(self.rfile.read(int(self.headers["Content-Length"])))
                self._answer({"model_version": "theirs"}, body)

            def _answer(self, said: dict[str, Any], body: dict[str, Any]) -> None:
                recorder.asked.append((self.path, body, self.headers.get("Authorization")))
                content = dumps(said).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: Any) -> None:
                """Nobody reads a log of it."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = False
        self.url = f"http://localhost:{self._server.server_port}"
        Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def paths(self) -> list[str]:
        """What was asked since the last look."""
        paths = [path for path, _, _ in self.asked]
        self.asked.clear()
        return paths

    def events(self) -> list[tuple[str, dict[str, Any]]]:
        """Action and body of the webhooks since the last look."""
        told = [(body["action"], body) for path, body, _ in self.asked if path == "/webhook"]
        self.asked.clear()
        return told

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    backend = Recorder()
    yield backend
    backend.close()


class Project:
    """A project with a few tasks, spoken to as our client does."""

    def __init__(self, client: LabelStudio, n: int = 6, **fields: Any) -> None:
        self.client = client
        self.id = new_project(client, gold_texts(n), **fields)
        self.tasks = sorted(client.task_ids(self.id))

    def request(self, method: str, path: str = "", body: Any = None, **params: Any) -> Any:
        return self.client.request(method, f"api/projects/{self.id}/{path}", params=params or None, body=body)

    def predict(self, version: str, scores: dict[int, float]) -> int:
        """Import predictions with these scores; how many were kept."""
        body = [{"task": t, "result": [], "score": s, "model_version": version} for t, s in scores.items()]
        return int(self.request("POST", "import/predictions", body)["created"])

    def serve(self, version: str) -> None:
        """Serve by the predictions of a version."""
        self.request("PATCH", body={"model_version": version, "sampling": "Uncertainty sampling"})

    def connect(self, url: str, **more: Any) -> dict[str, Any]:
        return dict(self.client.request("POST", "api/ml", body={"project": self.id, "url": url, "title": "T", **more}))

    def person(self, client: LabelStudio | None = None) -> Person:
        return Person(client or self.client, self.id)


@pytest.fixture
def make(client: LabelStudio) -> Callable[..., Project]:
    """Makes a project; fields by name."""
    return lambda n=6, **fields: Project(client, n, **fields)


def test_a_model_version_has_to_be_a_backends_title_or_that_of_a_prediction(
    make: Callable[..., Project], recorder: Recorder
):
    project = make()
    with pytest.raises(RequestRefused, match="doesn't exist either as live model or as static predictions"):
        project.serve("unheard of")
    project.predict("predicted", {project.tasks[0]: 0.5})
    project.serve("predicted")
    project.connect(recorder.url)
    assert project.client.project(project.id).model_version == "predicted"
    project.serve("T")
    project.request("DELETE", "model-versions/", {"model_version": "predicted"})
    assert project.client.project(project.id).model_version == "", "deleting any version unsets a backend's title"


def test_connecting_calls_the_backend_twice_sets_its_title_and_makes_a_webhook_without_headers(
    make: Callable[..., Project], recorder: Recorder
):
    project = make()
    project.connect(recorder.url, extra_params={"strategy": "badge"})
    said = [body for path, body, _ in recorder.asked if path == "/setup"]
    assert recorder.paths() == ["/health", "/setup"] * 2
    assert {body["project"].split(".")[0] for body in said} == {str(project.id)}
    assert said[0]["schema"] == project.client.project(project.id).label_config
    assert said[0]["extra_params"] == {"strategy": "badge"}
    assert project.client.project(project.id).model_version == "T"
    (hook,) = project.client.request("GET", "api/webhooks/", params={"project": project.id})
    assert (hook["url"], hook["headers"], hook["send_for_all_actions"]) == (f"{recorder.url}/webhook", {}, True)
    project.client.request("GET", "api/ml", params={"project": project.id})
    assert recorder.paths() == ["/health", "/setup"], "every look through this list calls it"
    project.request("GET", "model-versions/", extended=True, include_live_models=True)
    assert recorder.paths() == []


def test_basic_auth_goes_to_the_backend_and_never_to_its_webhook(make: Callable[..., Project], recorder: Recorder):
    project = make()
    auth = {"auth_method": "BASIC_AUTH", "basic_auth_user": "ann", "basic_auth_pass": "secret"}
    entry = project.connect(recorder.url, **auth)
    assert "basic_auth_pass" not in entry
    assert all(header and header.startswith("Basic ") for _, _, header in recorder.asked)
    recorder.asked.clear()
    project.person().annotate(project.tasks[0], CLASSES[0])
    assert [(path, header) for path, _, header in recorder.asked] == [("/webhook", None)]


def test_extra_params_come_as_they_were_given_and_a_change_without_url_is_an_error_of_the_server(
    make: Callable[..., Project], recorder: Recorder
):
    project = make()
    entry = project.connect(recorder.url, extra_params='{"batch_size": 5}')
    assert recorder.asked[-1][1]["extra_params"] == '{"batch_size": 5}'
    with pytest.raises(LabelStudioUnavailable, match="500"):
        project.client.request("PATCH", f"api/ml/{entry['id']}", body={"title": "Other"})
    body = {"project": project.id, "url": recorder.url, "title": "Other"}
    project.client.request("PATCH", f"api/ml/{entry['id']}", body=body)
    assert project.client.project(project.id).model_version == "Other", "the project's version follows the title"


def test_events_tell_of_everything_but_the_projects_end(make: Callable[..., Project], recorder: Recorder):
    project = make()
    project.connect(recorder.url)
    recorder.asked.clear()
    person = project.person()
    annotation = person.annotate(project.tasks[0], CLASSES[0])
    ((action, body),) = recorder.events()
    assert (action, body["annotation"]["task"], body["annotation"]["id"]) == (
        "ANNOTATION_CREATED",
        project.tasks[0],
        annotation,
    )
    assert body["project"]["id"] == project.id
    person.skip(project.tasks[1])
    ((action, body),) = recorder.events()
    assert (action, body["annotation"]["was_cancelled"]) == ("ANNOTATION_CREATED", True)
    person.update(annotation, CLASSES[1])
    assert [action for action, _ in recorder.events()] == ["ANNOTATION_UPDATED"]
    person.delete(annotation)
    ((action, body),) = recorder.events()
    assert (action, body["annotations"]) == ("ANNOTATIONS_DELETED", [{"id": annotation}])
    labelled = {"data": gold_texts(1)[0], "annotations": [{"result": [choice(CLASSES[0])]}]}
    project.request("POST", "import", [labelled])
    assert [action for action, _ in recorder.events()] == ["TASKS_CREATED"], "its annotations have no event"
    project.client.request("DELETE", f"api/tasks/{project.tasks[2]}/")
    ((action, body),) = recorder.events()
    assert (action, body["tasks"]) == ("TASKS_DELETED", [{"id": project.tasks[2]}])
    project.request("PATCH", body={"title": "new"})
    assert [action for action, _ in recorder.events()] == ["PROJECT_UPDATED"]
    project.request("DELETE")
    assert recorder.events() == []


def test_a_removed_backend_leaves_its_webhook(make: Callable[..., Project], recorder: Recorder):
    project = make()
    entry = project.connect(recorder.url)
    project.client.request("DELETE", f"api/ml/{entry['id']}")
    # Label Studio takes the title away, but at times the project has it again right after.
    assert project.client.project(project.id).model_version in {"", entry["title"]}
    recorder.asked.clear()
    project.person().annotate(project.tasks[0], CLASSES[0])
    assert [action for action, _ in recorder.events()] == ["ANNOTATION_CREATED"]


def test_the_lowest_score_comes_first_and_the_rest_at_random_when_these_are_done(make: Callable[..., Project]):
    project = make(8)
    order = [project.tasks[i] for i in (5, 2, 7, 0)]
    project.predict("v", {task: rank / 4 for rank, task in enumerate(order)})
    project.serve("v")
    person = project.person()
    assert [person.label_next() for _ in order] == order
    without_prediction = [person.label_next() for _ in range(4)]
    assert sorted(without_prediction) == sorted(set(project.tasks) - set(order))
    assert person.next_task() is None


def test_two_people_get_the_order_without_what_the_other_one_holds(
    make: Callable[..., Project], second_user: LabelStudio
):
    project = make(6)
    order = [project.tasks[i] for i in (4, 1, 3)]
    project.predict("v", {task: rank / 3 for rank, task in enumerate(order)})
    project.serve("v")
    one, two = project.person(), project.person(second_user)
    assert [(one.next_task() or {})["id"], (two.next_task() or {})["id"]] == order[:2]
    assert (one.next_task() or {})["id"] == order[0], "who holds a task gets it again"
    one.annotate(order[0], CLASSES[0])
    assert (one.next_task() or {})["id"] == order[2]
    two.annotate(order[1], CLASSES[0])
    assert two.next_task() is None, "all of the version is held by others, however many tasks are open"
    one.annotate(order[2], CLASSES[0])
    assert (two.next_task() or {})["id"] not in order


def test_a_skipped_task_comes_to_others_only(make: Callable[..., Project], second_user: LabelStudio):
    project = make(2)
    project.predict("v", {task: rank / 2 for rank, task in enumerate(project.tasks)})
    project.serve("v")
    one, two = project.person(), project.person(second_user)
    one.skip(project.tasks[0])
    assert (one.next_task() or {})["id"] == project.tasks[1]
    assert (two.next_task() or {})["id"] == project.tasks[0]


def test_counters_of_a_project_and_the_list_of_its_annotated_tasks(make: Callable[..., Project]):
    project = make(5)
    person, client = project.person(), project.client
    person.annotate(project.tasks[0], CLASSES[0])
    person.skip(project.tasks[1])
    info = client.project(project.id)
    assert (info.task_number, info.total_annotations, info.skipped_annotations) == (5, 1, 1)
    assert [task.id for task in client.tasks_page(project.id, 1, 100, annotated_only=True)] == project.tasks[:2]
    pages = [client.tasks_page(project.id, page, 2) for page in itertools.islice(itertools.count(1), 4)]
    assert [[task.id for task in page] for page in pages] == [
        project.tasks[:2],
        project.tasks[2:4],
        project.tasks[4:],
        [],
    ]


def test_what_moves_a_tasks_time(make: Callable[..., Project]):
    project = make(4)
    client, person = project.client, project.person()

    def changed(act: Callable[[], Any]) -> list[int]:
        before = client.newest_update(project.id)
        act()
        return [
            task.id for task in client.tasks_page(project.id, 1, 100, updated_after=before) if task.updated_at != before
        ]

    first, second, third, fourth = project.tasks
    made: list[int] = []
    assert changed(lambda: made.append(person.annotate(second, CLASSES[0]))) == [second]
    assert changed(lambda: person.update(made[0], CLASSES[1])) == [second]
    assert changed(lambda: person.delete(made[0])) == [second]
    assert changed(lambda: person.skip(first)) == [first]
    data = {"data": {"text": "corrected"}}
    assert changed(lambda: client.request("PATCH", f"api/tasks/{third}/", body=data)) == [third]
    assert changed(lambda: project.predict("v", {fourth: 0.5})) == [], "a published batch is no change of its tasks"
    assert changed(lambda: project.serve("v")) == []


def test_an_annotation_that_began_with_a_prediction_is_refused_once_that_is_gone(make: Callable[..., Project]):
    project = make(2)
    task = project.tasks[0]
    project.predict("v", {task: 0.5})
    (prediction,) = project.client.request("GET", f"api/tasks/{task}/")["predictions"]
    project.request("DELETE", "model-versions/", {"model_version": "v"})
    body = {"result": [choice(CLASSES[0])], "parent_prediction": prediction["id"]}
    with pytest.raises(REFUSED):
        project.client.request("POST", f"api/tasks/{task}/annotations/", body=body)
    assert project.client.project(project.id).total_annotations == 0


def test_the_list_of_tasks_has_the_fields_that_are_asked_for_and_no_others(make: Callable[..., Project]):
    project = make(3)
    client, (annotated, predicted, skipped) = project.client, project.tasks
    project.person().annotate(annotated, CLASSES[0])
    project.person().skip(skipped)
    project.predict("v", dict.fromkeys(project.tasks, 0.5))
    (prediction,) = client.request("GET", f"api/tasks/{predicted}/")["predictions"]
    body = {"result": [choice(CLASSES[1])], "parent_prediction": prediction["id"]}
    client.request("POST", f"api/tasks/{predicted}/annotations/", body=body)
    whole = [parse_task(client.request("GET", f"api/tasks/{task}/")) for task in project.tasks]
    listed = client.tasks_by_id(project.id, project.tasks)
    assert listed == whole
    assert [task.annotations[0].shown_version for task in listed] == [None, "v", None]
    assert client.updates(project.id, None, 3) == {task.id: task.updated_at for task in whole}
    query = {"project": project.id, "fields": "all", "include": WITH_ANNOTATIONS}
    task = client.request("GET", "api/tasks", params=query)["tasks"][0]
    assert task.keys() | task["annotations"][0].keys() <= set(WITH_ANNOTATIONS.split(","))


def test_a_result_without_objects_is_an_error_and_one_with_odd_values_is_kept_with_an_error(
    make: Callable[..., Project],
):
    project = make(2)
    loose, odd = ["loose"], [{**choice(CLASSES[0]), "value": "loose"}]
    for task, result in zip(project.tasks, (loose, odd), strict=True):
        with pytest.raises(LabelStudioError, match="500"):
            project.person().submit(task, result)
    first, second = project.client.tasks_page(project.id, 1, 10)
    assert first.annotations == []
    assert second.annotations
    assert all(annotation.result == odd for annotation in second.annotations)


def test_a_bad_key_and_a_project_that_is_not_there(label_studio: Fake | Real, client: LabelStudio):
    stranger = LabelStudio(label_studio.url, "0" * 40)
    with pytest.raises(Unauthorized):
        stranger.whoami()
    stranger.close()
    with pytest.raises(ProjectGone):
        client.project(10**6)


def test_the_members_of_the_organization_are_counted_before_they_label(client: LabelStudio, second_user: LabelStudio):
    assert client.member_count() == second_user.member_count() >= 2
