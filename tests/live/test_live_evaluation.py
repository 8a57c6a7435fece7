"""What people see of a head that was evaluated beside the runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
from live_loop import HTTP, Loop, gold_texts, wait_until
from studios import both

MakeLoop = Callable[..., Loop]


def evaluation(project: Loop, labels: int) -> dict[str, Any]:
    """The evaluation of the head of so many labels, once it is there."""

    def found() -> dict[str, Any] | None:
        response = HTTP.get(f"{project.backend.url}/projects/{project.project_id}/evaluation")
        served: dict[str, Any] = response.raise_for_status().json()
        body = served["evaluation"]
        return served if body is not None and body["labels"] == labels and not served["pending"] else None

    served: dict[str, Any] = wait_until(f"the evaluation of {labels} labels", found)
    return served


@both
def test_an_evaluation_follows_the_labels_on_every_surface(loop: MakeLoop):
    project = loop(gold_texts(60), strategy="random", initial="random", batch_size=30, retrain_every=12)
    project.batch()
    person = project.person()
    for _ in range(12):
        assert person.label_next()
    served = evaluation(project, 12)
    accuracy = served["evaluation"]["accuracy"]
    assert (accuracy["basis"], accuracy["audits"]) == ("audits", 12)
    assert accuracy["low"] <= accuracy["value"] <= accuracy["high"]
    assert [past["labels"] for past in served["history"]] == [12]
    assert project.status()["evaluation"]["accuracy"]["value"] == accuracy["value"]
    metrics = HTTP.get(f"{project.backend.url}/metrics").raise_for_status().text
    assert f'active_learning_accuracy{{project="{project.project_id}"}} {accuracy["value"]}' in metrics
    page: httpx.Response = HTTP.get(
        f"{project.backend.url}/projects/{project.project_id}", headers={"Accept": "text/html"}
    )
    assert f"{accuracy['value']:.0%}" in page.raise_for_status().text
