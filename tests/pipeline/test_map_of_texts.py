"""Jobs that keep the positions and the colours of a map."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from mapped_project import PROJECT, add_tasks, do, fit, label, make_project, service, texts
from safetensors import deserialize

from ml_backend.pipeline import map_files
from ml_backend.pipeline.context import Services
from ml_backend.pipeline.jobs import map_layout
from ml_backend.pipeline.jobs.job import JobFailed, JobStopped
from ml_backend.pipeline.map_names import LAYOUT, POSITIONS, Colouring, LayoutKind, colours_file
from ml_backend.pipeline.map_positions import kept_layout
from ml_backend.store import Store
from ml_backend.store.states import BatchState

N = 40


@pytest.fixture
def project(sqlite_store: Store) -> Store:
    make_project(sqlite_store, texts(N))
    return sqlite_store


@pytest.fixture
def using(project: Store) -> Iterator[Services]:
    with service(project) as made:
        yield made


def sent(store: Store, name: str) -> tuple[dict[str, np.ndarray[Any, Any]], dict[str, Any]]:
    """The arrays of a file as browsers get it, and what is noted in it."""
    content = gzip.decompress(store.file_content(PROJECT, name) or b"")
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    assert len(deserialize(content)) == len(header) - 1
    return map_files.from_bytes(content), json.loads(header["__metadata__"]["about"])


def places(store: Store) -> dict[int, tuple[int, int]]:
    """Task → where it lies, as browsers read it."""
    arrays, about = sent(store, POSITIONS)
    tasks = about["first_task"] + np.cumsum(arrays["step"], dtype=np.int64)
    return {t: (x, y) for t, x, y in zip(tasks.tolist(), arrays["x"].tolist(), arrays["y"].tolist(), strict=True)}


def newer(store: Store) -> int:
    return int(store.files(PROJECT, POSITIONS)[0].about["newer"])


def test_the_first_map_has_all_texts_at_once_and_stays_as_it_is_while_nothing_changes(using: Services):
    key = do(using, "map_positions")["key"]
    assert list(places(using.store)) == list(range(1, N + 1))
    assert len(set(places(using.store).values())) > 10
    made = using.store.files(PROJECT, "map/")
    assert do(using, "map_positions")["key"] == key
    assert using.store.files(PROJECT, "map/") == made, "nothing was written again"


def test_a_quick_layout_is_made_anew_with_new_texts(using: Services):
    key = do(using, "map_positions")["key"]
    add_tasks(using.store, ["a new one"], first=100)
    assert do(using, "map_positions")["key"] != key
    assert list(places(using.store))[-1] == 100
    assert newer(using.store) == 0


def test_after_a_better_layout_new_texts_lie_beside_their_neighbours_and_are_counted(using: Services):
    seen: list[tuple[int, int, str]] = []

    def keep(done: int, total: int, phase: str, _checkpoint: Any) -> bool:
        seen.append((done, total, phase))
        return True

    do(using, "map_layout", keep)
    assert seen[0][2] == "finding the nearest texts of 40 texts"
    assert seen[-1] == (map_layout.STEPS, map_layout.STEPS, "arranging the texts")
    before = places(using.store)
    assert kept_layout(using.store, PROJECT)[1].kind == LayoutKind.NEIGHBOURS  # type: ignore[union-attr]
    add_tasks(using.store, [texts(N)[4]], first=100)  # a copy of task 5
    add_tasks(using.store, ["not embedded yet"], first=101, is_embedded=False)
    add_tasks(using.store, [texts(N)[0]], first=2)  # the text of task 2 becomes that of task 1
    using.store.remove_tasks(PROJECT, [3])
    do(using, "map_positions")
    after = places(using.store)
    assert set(after) == set(before) - {3} | {100}
    assert {t for t in before if t in after and after[t] != before[t]} <= {2}
    assert newer(using.store) == 2
    praise = np.array([before[t] for t in range(2, N + 1, 2)]).mean(axis=0)
    bug = np.array([before[t] for t in range(1, N + 1, 2)]).mean(axis=0)
    assert np.linalg.norm(after[100] - bug) < np.linalg.norm(after[100] - praise)
    do(using, "map_layout")
    assert newer(using.store) == 0


def test_copies_of_a_text_lie_at_one_place(using: Services):
    add_tasks(using.store, texts(N)[:2] * 2, first=100)
    do(using, "map_layout")
    at = places(using.store)
    assert at[100] == at[102] == at[1]
    assert at[101] == at[103] == at[2] != at[1]


def test_of_very_many_texts_a_sample_is_arranged_and_the_rest_placed(using: Services, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(map_layout, "MOST_ARRANGED", 20)
    do(using, "map_layout")
    assert len(places(using.store)) == N
    assert newer(using.store) == 0


def test_a_layout_that_is_stopped_leaves_the_map_as_it_was(using: Services):
    key = do(using, "map_positions")["key"]
    with pytest.raises(JobStopped):
        do(using, "map_layout", keep=lambda done, *_: done < 100)
    assert do(using, "map_positions")["key"] == key


def test_vectors_of_another_model_give_another_map(using: Services):
    do(using, "map_layout")
    kept = using.store.file_content(PROJECT, LAYOUT)
    assert kept is not None
    about = using.store.files(PROJECT, LAYOUT)[0].about
    using.store.put_file(PROJECT, LAYOUT, kept, {**about, "model": "another"})
    do(using, "map_positions")
    assert kept_layout(using.store, PROJECT)[1].kind == LayoutKind.PRINCIPAL  # type: ignore[union-attr]


def test_too_few_texts_say_so(sqlite_store: Store):
    make_project(sqlite_store, ["one", "two"])
    with service(sqlite_store) as using:
        assert do(using, "map_positions")["key"]
        with pytest.raises(JobFailed, match="Only 2 different texts are embedded"):
            do(using, "map_layout")


def groups(using: Services, by: Colouring) -> tuple[list[str | None], list[tuple[str, int]], list[int]]:
    """The group of each task in the order of the tasks, the legend, and the state of each task."""
    do(using, "map_colours", by=str(by))
    arrays, about = sent(using.store, colours_file(by))
    names = [None] + [entry["name"] for entry in about["legend"]]
    legend = [(entry["name"], entry["count"]) for entry in about["legend"]]
    return [names[g] for g in arrays["group"].tolist()], legend, arrays["state"].tolist()


def test_colours_are_labels_with_the_most_frequent_first_and_tell_what_is_open(using: Services):
    label(using.store, {1: "kind_words", 2: "kind_words", 5: "bug", 7: None})
    of_task, legend, state = groups(using, Colouring.LABEL)
    assert of_task == ["kind_words", "kind_words", None, None, "bug"] + [None] * (N - 5)
    assert legend == [("kind_words", 2), ("bug", 1)]
    assert [state[i] for i in (0, 4, 6, 7)] == [1, 1, 2, 0]


def test_colours_of_the_model_are_what_its_head_says(using: Services):
    for by in (Colouring.PREDICTION, Colouring.CONFIDENCE):
        with pytest.raises(JobFailed, match="There is no model yet"):
            do(using, "map_colours", by=str(by))
    fit(using.store, texts(N))
    of_task, legend, _ = groups(using, Colouring.PREDICTION)
    assert of_task == ["bug", "kind_words"] * (N // 2)
    assert legend == [("bug", N // 2), ("kind_words", N // 2)]
    of_task, legend, _ = groups(using, Colouring.CONFIDENCE)
    assert [name for name, _ in legend] == ["below 50%", "50 to 70%", "70 to 85%", "85 to 95%", "above 95%"]
    assert sum(count for _, count in legend) == N
    assert of_task[0] == "above 95%"
    made = using.store.files(PROJECT, "map/")
    do(using, "map_colours", by="confidence")
    assert using.store.files(PROJECT, "map/") == made


def test_colours_by_annotator_have_names_and_those_of_several(using: Services):
    using.store.put_people({1: "ana@shop.example"})
    label(using.store, {1: "bug", 2: "bug", 3: "bug"})
    label(using.store, {4: "bug", 5: "bug"}, annotator=2)
    both = [*using.store.annotations(PROJECT, [1]), *using.store.annotations(PROJECT, [4])]
    using.store.replace_annotations(PROJECT, {1: [both[0], type(both[1])(**{**vars(both[1]), "task_id": 1})], 4: []})
    of_task, legend, _ = groups(using, Colouring.ANNOTATOR)
    assert of_task[:6] == ["several people", "ana@shop.example", "ana@shop.example", None, "user 2", None]
    assert legend[0] == ("ana@shop.example", 2)


def test_colours_by_batch_are_the_last_ones_that_served_a_text(using: Services):
    for tasks in ([1, 2, 3], [3, 4]):
        number = using.store.plan_batch(PROJECT, "badge", "because", None, tasks, size=2).number
        using.store.mark_batch(PROJECT, number, BatchState.PUBLISHED)
    of_task, legend, _ = groups(using, Colouring.BATCH)
    assert of_task[:5] == ["batch 1 badge", "batch 1 badge", "batch 2 badge", "batch 2 badge", None]
    assert legend == [("batch 2 badge", 2), ("batch 1 badge", 2)]


def test_colours_change_their_key_with_labels_and_with_positions(using: Services):
    keys = [do(using, "map_colours")["key"], do(using, "map_colours")["key"]]
    label(using.store, {1: "bug"})
    keys.append(do(using, "map_colours")["key"])
    do(using, "map_layout")
    keys.append(do(using, "map_colours")["key"])
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3
    assert sent(using.store, colours_file(Colouring.LABEL))[1]["positions"] == sent(using.store, POSITIONS)[1]["key"]
