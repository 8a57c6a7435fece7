"""The live replay refuses a dataset that does not fit the project before it labels anything."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from simulator.data.datasets import Split
from simulator.live.annotators import AnnotatorBehaviour
from simulator.live.replay import LiveFailed, Session, run_live

CONFIG = """<View><Text name="text" value="$text"/><Choices name="kind" toName="text" choice="single">
<Choice value="ham"/><Choice value="spam"/></Choices></View>"""


class Project:
    """A project with a published first batch, that fails the test if anything is submitted to it."""

    url = "http://localhost"
    project_id = 3

    def project(self, project_id: int) -> Any:
        return SimpleNamespace(label_config=CONFIG, title="mails", model_version="1")

    def status(self) -> dict[str, Any]:
        return {"batch": {"number": 1, "version": "1"}, "settings": {"control": None, "text_fields": None}, "open": 9}

    def request(self, *arguments: Any, **named: Any) -> Any:
        raise AssertionError("a task was requested or an annotation submitted")


def test_a_class_that_the_project_lacks_is_refused_before_the_first_label():
    project = Project()
    session = Session(
        client=project,  # type: ignore[arg-type]
        keys=["key"],
        backend=project,  # type: ignore[arg-type]
        gold_field="gold",
        behaviour=AnnotatorBehaviour(),
        labels=10,
        seed=0,
        wait=True,
        test=Split(["a", "b"], None, np.array([0, 2])),
        classes=["ham", "bacon", "eggs"],
    )
    with pytest.raises(LiveFailed, match="class 'eggs' of --data is not a class of the project, ham, spam"):
        run_live(session, print)
