"""Tabs of Label Studio's Data Manager and the time of an annotation: the fake and the real one do the same."""

from __future__ import annotations

import pytest
from live_loop import CLASSES, choice, gold_texts, new_project
from studios import both

from ml_backend.labelstudio.client import LabelStudio, LabelStudioError
from ml_backend.labelstudio.tabs import put_tab

pytestmark = both


def shown(client: LabelStudio, project_id: int, tab: int) -> list[int]:
    """The tasks of a tab."""
    answer = client.request_object("GET", "api/tasks", params={"project": project_id, "view": tab, "page_size": 100})
    return [task["id"] for task in answer["tasks"]]


def test_a_tab_shows_chosen_tasks_and_the_next_of_the_same_title_replaces_it(client: LabelStudio):
    project_id = new_project(client, gold_texts(6))
    tasks = sorted(client.task_ids(project_id))
    first = put_tab(client, project_id, "Look again", tasks[1:3])
    assert shown(client, project_id, first) == tasks[1:3]
    other = put_tab(client, project_id, "Found", tasks[:1])
    again = put_tab(client, project_id, "Look again", tasks[3:])
    assert (again, shown(client, project_id, again)) == (first, tasks[3:])
    assert shown(client, project_id, other) == tasks[:1]
    views = client.request_objects("GET", "api/dm/views/", params={"project": project_id})
    titles = [view["data"]["title"] for view in views]
    assert sorted(titles) == ["Default", "Found", "Look again"], "the tab with all tasks is not lost"


def test_no_tab_in_a_project_that_is_not_there(client: LabelStudio):
    with pytest.raises(LabelStudioError):
        put_tab(client, 10**6, "Look again", [1])


def test_the_time_of_an_annotation_is_read(client: LabelStudio):
    project_id = new_project(client, gold_texts(2))
    timed, untimed = sorted(client.task_ids(project_id))
    client.annotate(project_id, timed, [choice(CLASSES[0])], lead_time=7.25)
    client.annotate(project_id, untimed, [choice(CLASSES[0])])
    times = [task.annotations[0].lead_time for task in client.tasks_by_id(project_id, [timed, untimed])]
    assert times == [7.25, None]


def test_members_have_names(client: LabelStudio):
    user = client.whoami()
    assert client.member_names()[user["id"]] == user["email"]
