"""What the simulator reads of a project, from Label Studio and from each of its exports."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
from live_loop import new_project
from studios import REAL, Real, both

from ml_backend.labelstudio.client import LabelStudio
from ml_backend.labelstudio.label_config import parse
from simulator.advise.labels_so_far import of_file, of_project
from simulator.advise.replay import Labelled
from simulator.data.columns import Columns

CONFIG = (
    '<View><HyperText name="t" value="$text"/><Choices name="topic" toName="t">'
    '<Choice value="good"/><Choice value="bad" alias="not good"/></Choices></View>'
)


def answered(choice: str) -> dict[str, Any]:
    result = {"from_name": "topic", "to_name": "t", "type": "choices", "value": {"choices": [choice]}}
    return {"result": [result]}


def tasks() -> list[dict[str, Any]]:
    """Three tasks of each class, and one of each kind that gives no label."""
    labelled = [
        (f"<p>a &lt;{label}&gt; text, {i}</p>", [answered(label)]) for label in ("good", "not good") for i in range(3)
    ]
    others = [
        ("cannot be read", [{"result": [answered("good")["result"][0] | {"value": {"choices": 5}}]}]),
        ("<p> </p>", [answered("good")]),
        ("skipped", [answered("good") | {"result": [], "was_cancelled": True}]),
    ]
    return [{"data": {"text": text}, "annotations": given} for text, given in [*labelled, *others]]


def texts_with_labels(labelled: Labelled) -> list[tuple[str, str]]:
    return sorted((text, labelled.classes[y]) for text, y in zip(labelled.texts, labelled.y, strict=True))


EXPECTED = sorted((f"a <{label}> text, {i}", label) for label in ("good", "not good") for i in range(3))


@both
def test_labels_of_a_project_are_those_of_the_service_and_what_is_left_out_is_counted(client: LabelStudio):
    project_id = new_project(client, tasks(), CONFIG)
    unreadable, empty, skipped = sorted(client.task_ids(project_id))[6:]
    labelled = of_project(client, project_id, Columns())
    assert texts_with_labels(labelled) == EXPECTED
    [note] = labelled.notes
    assert f"1 annotation that cannot be read (the first: task {unreadable}: " in note
    assert f"1 task whose text cannot be used (the first: task {empty}: " in note
    assert f"1 task that all annotators skipped (the first: task {skipped})" in note


@pytest.mark.parametrize("label_studio", [REAL], indirect=True)
def test_every_export_gives_the_labels_of_the_project(client: LabelStudio, label_studio: Real, tmp_path: Path):
    # The exports of a project with an annotation of another shape fail inside Label Studio.
    project_id = new_project(client, [task for task in tasks() if task["data"]["text"] != "cannot be read"], CONFIG)
    headers = {"Authorization": f"Token {label_studio.token}"}
    for kind, ending in (("JSON", "json"), ("JSON_MIN", "json"), ("CSV", "csv"), ("TSV", "tsv")):
        path = tmp_path / f"{kind.lower()}.{ending}"
        address = f"{label_studio.url}/api/projects/{project_id}/export"
        exported = httpx.get(address, params={"exportType": kind}, headers=headers, timeout=60)
        path.write_bytes(exported.raise_for_status().content)
        labelled = of_file(path, Columns(label_config=parse(CONFIG)))
        assert texts_with_labels(labelled) == EXPECTED, kind
        assert any("1 task whose text cannot be used" in note for note in labelled.notes), (kind, labelled.notes)
