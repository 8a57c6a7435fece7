"""Exports without a label config are read as the live service reads the same annotations."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ml_backend.annotation import Annotation
from ml_backend.labelstudio.export_config import UnreadableExport, answers_of_cells, control_of_export
from ml_backend.labelstudio.label_config import parse
from ml_backend.labelstudio.labels import labels


def annotations(*values: Any, name: str = "c", kind: str | None = None, cancelled: bool = False) -> list[Annotation]:
    """One annotation for each value, each of another task."""
    return [
        Annotation(i, i, 1, cancelled, [{"from_name": name, "type": kind or next(iter(value)), "value": value}], "")
        for i, value in enumerate(values, start=1)
    ]


def test_a_taxonomy_that_stops_at_inner_nodes_is_read_as_live():
    given = annotations(*({"taxonomy": [path]} for path in (["Media"], ["Media", "Web"], ["Other"])))
    tree = '<Choice value="Media"><Choice value="Web"/></Choice><Choice value="Other"/>'
    live = parse(
        f'<View><Text name="t" value="$x"/><Taxonomy name="c" toName="t" maxUsages="1">{tree}</Taxonomy></View>'
    )
    offline = control_of_export(given)
    assert (offline.control, offline.control_tag, offline.multi_label) == ("c", "Taxonomy", False)
    assert offline.classes == ("Media", "Media / Web", "Other")
    assert labels(given, offline).by_task == labels(given, live).by_task
    assert labels(given, live).by_task == {1: ("Media",), 2: ("Media / Web",), 3: ("Other",)}


def test_several_choices_of_one_annotation_make_an_export_multi_label():
    assert not control_of_export(annotations({"choices": ["a"]}, {"choices": ["b"]})).multi_label
    several = control_of_export(annotations({"choices": ["a"]}, {"choices": ["a", "b"]}))
    assert several.multi_label
    assert labels(annotations({"choices": ["b", "a"]}), several).by_task == {1: ("a", "b")}


def test_white_space_around_a_choice_makes_no_other_class_in_an_export_as_live():
    given = annotations({"choices": ["good"]}, {"choices": ["good "]}, {"choices": ["bad"]})
    live = parse(
        '<View><Text name="t" value="$x"/><Choices name="c" toName="t"><Choice value="good"/><Choice value="bad"/>'
        "</Choices></View>"
    )
    offline = control_of_export(given)
    assert offline.classes == ("bad", "good")
    assert labels(given, offline).by_task == labels(given, live).by_task


def test_an_inner_node_of_nested_choices_with_all_below_it_is_one_class():
    whole = {"choices": [["f"], ["f", "a"], ["f", "b"]]}
    config = control_of_export(annotations(whole, {"choices": [["f", "a"]]}))
    assert not config.multi_label
    assert labels(annotations(whole), config).by_task == {1: ("f",)}


def test_ratings_are_classes_in_the_order_of_their_stars():
    config = control_of_export(annotations({"rating": 10}, {"rating": 2}))
    assert config.classes == ("2", "10")
    assert labels(annotations({"rating": 2}), config).by_task == {1: ("2",)}


def test_malformed_and_skipped_annotations_give_no_class():
    malformed = annotations({"choices": 5}, {"choices": "good"}, ["good"], {}, kind="choices")
    odd = [Annotation(90, 90, 1, False, 7, ""), Annotation(91, 91, 1, False, ["x", {"from_name": 5}], "")]  # type: ignore[arg-type, list-item]
    skipped = annotations({"choices": ["skipped"]}, cancelled=True)
    good = annotations({"choices": ["good"]})
    config = control_of_export([*malformed, *odd, *skipped, *good])
    assert config.classes == ("good",)
    assert len(labels([*malformed, *odd], config).problems) == 6
    with pytest.raises(UnreadableExport, match="no annotation answers"):
        control_of_export([*malformed, *odd, *skipped])


def test_one_of_several_controls_has_to_be_named():
    both = annotations({"choices": ["a"]}) + annotations({"rating": 3}, name="r")
    with pytest.raises(UnreadableExport, match="several controls, 'c', 'r': choose one with --control"):
        control_of_export(both)
    assert control_of_export(both, "r").classes == ("3",)
    with pytest.raises(UnreadableExport, match="no annotation answers a control 'x'; the controls are 'c', 'r'"):
        control_of_export(both, "x")


def test_answers_for_parts_of_the_data_are_no_answers_for_the_task():
    regions = annotations({"choices": ["a"], "start": 0, "end": 3}, name="region")
    assert control_of_export(regions + annotations({"choices": ["b"]})).control == "c"


CELLS: list[tuple[Any, tuple[str, ...] | None]] = [
    ("good", ("good",)),
    (" good ", ("good",)),
    ("[URGENT]", ("[URGENT]",)),
    ("{later}", ("{later}",)),
    ("Media / Web", ("Media / Web",)),
    ("", None),
    ("  ", None),
    (None, None),
    (float("nan"), None),
    (4, ("4",)),
    (4.0, ("4",)),
    (0, ("0",)),
    ({"choices": ["a", "b"]}, ("a", "b")),
    ({"choices": ["a"]}, ("a",)),
    ({"choices": []}, None),
    (["good"], ("good",)),
    (["a", "b"], ("a", "b")),
    ([], None),
    ([["Media", "Web"]], ("Media / Web",)),
    ([["Media"], ["Media", "Web"]], ("Media", "Media / Web")),
    ([{"taxonomy": [["Media", "Web"]], "type": "Taxonomy"}], ("Media / Web",)),
    ([{"rating": 4, "type": "Rating"}], ("4",)),
    ([{"rating": 0}], None),
]


@pytest.mark.parametrize(("cell", "classes"), CELLS, ids=repr)
def test_cells_are_read_in_all_forms_of_label_studio(cell: Any, classes: tuple[str, ...] | None):
    (given,) = answers_of_cells([cell])
    assert (given.classes, given.problem) == (classes, None)
    if isinstance(cell, list | dict):
        for written in (json.dumps(cell), repr(cell)):
            assert answers_of_cells([written])[0].classes == classes


@pytest.mark.parametrize(
    "cell",
    [
        True,
        {"selected": "left"},
        {},
        {"choices": 5},
        {"choices": "good"},
        {"taxonomy": ["x"]},
        [None, True],
        [[["deep"]]],
        [[1]],
        '{"choices": ["a"',
        "['a",
        "[" * 100_000,
        {"rating": "4"},
        10**400,
    ],
    ids=lambda value: repr(value)[:20] if not isinstance(value, int) else "number",
)
def test_cells_that_are_something_else_have_a_problem_and_no_class(cell: Any):
    (given,) = answers_of_cells([cell])
    assert given.classes is None
    assert given.problem


def test_cells_and_annotations_name_classes_in_the_same_way():
    paths = [["a / b"], ["a", "b"], ["c"]]
    (given,) = answers_of_cells([paths])
    of_annotations = control_of_export(annotations(*({"taxonomy": [path]} for path in paths)))
    assert given.classes is not None
    assert sorted(given.classes) == sorted(of_annotations.classes)
    assert len(set(given.classes)) == 3


def test_nested_choices_in_a_cell_are_one_class():
    (given,) = answers_of_cells([{"choices": [["f"], ["f", "a"], ["f", "b"]]}])
    assert given.classes == ("f",)
