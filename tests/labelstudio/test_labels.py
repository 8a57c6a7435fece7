from dataclasses import replace
from typing import Any

from ml_backend.annotation import Annotation
from ml_backend.labelstudio.label_config import parse
from ml_backend.labelstudio.labels import labels
from ml_backend.labelstudio.predictions import prediction_result

CHOICES = '<Choice value="a"/><Choice value="b"/><Choice value="c"/>'
SINGLE = parse(f'<View><Text name="t" value="$x"/><Choices name="c" toName="t">{CHOICES}</Choices></View>')
MULTI = parse(
    f'<View><Text name="t" value="$x"/><Choices name="c" toName="t" choice="multiple">{CHOICES}</Choices></View>'
)
TREE = '<Choice value="f"><Choice value="a"/></Choice><Choice value="g"><Choice value="a"/><Choice value="b"/></Choice>'
TAXONOMY = parse(f'<View><Text name="t" value="$x"/><Taxonomy name="c" toName="t">{TREE}</Taxonomy></View>')


class Annotations:
    """Builds annotations; each call adds one, later than those before: task, annotator, choices."""

    def __init__(self) -> None:
        self.all: list[Annotation] = []

    def __call__(self, task: int, annotator: int | None, *chosen: Any, cancelled: bool = False, control: str = "c"):
        kind = "taxonomy" if chosen and isinstance(chosen[0], list) else "choices"
        item = {"from_name": control, "to_name": "t", "type": kind, "value": {kind: list(chosen)}}
        number = len(self.all) + 1
        self.all.append(Annotation(number, task, annotator, cancelled, [item], f"2026-01-01T00:00:{number:02}Z"))
        return self


def test_the_newest_annotation_of_an_annotator_counts():
    assert labels(Annotations()(1, 1, "a")(1, 1, "b").all, SINGLE).by_task == {1: ("b",)}


def test_an_older_annotation_that_was_changed_later_is_the_newest():
    first, second = Annotations()(1, 1, "a")(1, 1, "b").all
    assert labels([replace(first, updated_at="2026-02"), second], SINGLE).by_task == {1: ("a",)}


def test_the_majority_of_annotators_wins_and_ties_are_left_out_and_counted():
    labels_of_tasks = labels(Annotations()(1, 1, "a")(1, 2, "b")(1, 3, "b")(2, 1, "a")(2, 2, "b").all, SINGLE)
    assert labels_of_tasks.by_task == {1: ("b",)}
    assert labels_of_tasks.ties == {2: ("a", "b")}


def test_a_skip_is_no_label_and_revokes_the_annotators_earlier_label():
    labels_of_tasks = labels(
        Annotations()(1, 1, "a")(1, 1, cancelled=True)(2, 1, cancelled=True)(2, 2, "c").all, SINGLE
    )
    assert labels_of_tasks.by_task == {2: ("c",)}
    assert labels_of_tasks.skipped == {1}


def test_choices_that_a_skip_carries_are_no_label():
    single = labels(Annotations()(1, 1, "a", cancelled=True)(2, 1, "a", cancelled=True)(2, 2, "b").all, SINGLE)
    assert (single.by_task, single.skipped, single.ties) == ({2: ("b",)}, {1}, {})
    several = labels(Annotations()(1, 1, "a", cancelled=True)(2, 1, "a", cancelled=True)(2, 2, "b").all, MULTI)
    assert (several.by_task, several.skipped, several.ties) == ({2: ("b",)}, {1}, {})


def test_choices_that_no_longer_exist_are_reported_not_dropped():
    labels_of_tasks = labels(Annotations()(1, 1, "gone")(2, 1, "gone")(3, 1, "a").all, SINGLE)
    assert labels_of_tasks.by_task == {3: ("a",)}
    assert labels_of_tasks.unknown == {"gone": 2}
    assert labels_of_tasks.unlabeled == {1, 2}


def test_a_result_of_another_control_is_no_label():
    labels_of_tasks = labels(Annotations()(1, 1, "a", control="other").all, SINGLE)
    assert not labels_of_tasks.by_task
    assert labels_of_tasks.unlabeled == {1}


def test_multi_label_keeps_sets_in_the_order_of_the_config_and_the_empty_set_is_a_label():
    labels_of_tasks = labels(Annotations()(1, 1, "c", "a")(2, 1)(3, 1, "a", "gone").all, MULTI)
    assert labels_of_tasks.by_task == {1: ("a", "c"), 2: (), 3: ("a",)}


def test_multi_label_majority_is_per_class():
    labels_of_tasks = labels(Annotations()(1, 1, "a", "b")(1, 2, "a")(1, 3, "a", "c")(2, 1, "a")(2, 2, "b").all, MULTI)
    assert labels_of_tasks.by_task == {1: ("a",)}
    assert labels_of_tasks.ties == {2: ("a", "b")}


def test_taxonomy_leaves_of_the_same_name_are_distinguished_by_their_path():
    labels_of_tasks = labels(Annotations()(1, 1, ["g", "a"])(2, 1, ["f"])(3, 1, ["a"]).all, TAXONOMY)
    assert labels_of_tasks.by_task == {1: ("g / a",), 2: ("f",)}
    assert labels_of_tasks.unknown == {"a": 1}


def test_nested_choices_that_hold_only_the_leaf_count_if_one_class_has_it():
    nested = parse(
        f'<View><Text name="t" value="$x"/><Choices name="c" toName="t" allowNested="true">{TREE}</Choices></View>'
    )
    labels_of_tasks = labels(Annotations()(1, 1, "b")(2, 1, "a").all, nested)
    assert labels_of_tasks.by_task == {1: ("g / b",)}
    assert labels_of_tasks.unknown == {"a": 1}, "f / a or g / a"


def test_imported_annotations_without_an_annotator_count_separately():
    assert labels(Annotations()(1, None, "a")(1, None, "b")(1, None, "b").all, SINGLE).by_task == {1: ("b",)}


def test_an_annotation_that_cannot_be_read_is_listed_with_its_task_and_costs_nothing_else():
    malformed = Annotation(7, 3, 1, False, [{"from_name": "c", "value": ["a"]}], "")
    labels_of_tasks = labels([*Annotations()(1, 1, "a")(2, 1, "b").all, malformed], SINGLE)
    assert labels_of_tasks.by_task == {1: ("a",), 2: ("b",)}
    assert [(p.task_id, p.annotation_id) for p in labels_of_tasks.problems] == [(3, 7)]
    assert labels_of_tasks.problems[0].reason.startswith("the value of a result is a list; it has to be")
    assert labels_of_tasks.unlabeled == {3}


def test_the_most_frequent_of_many_choices_outside_the_config_are_listed():
    annotations = Annotations()
    for task in range(1100):
        annotations(task, 1, f"gone {task}" if task < 1050 else "gone often")
    unknown = labels(annotations.all, SINGLE).unknown
    assert len(unknown) == 1000
    assert unknown["gone often"] == 50


def test_other_annotators_decide_where_one_annotation_cannot_be_read():
    malformed = Annotation(7, 1, 9, False, [{"from_name": "c", "value": {"choices": "a"}}], "")
    labels_of_tasks = labels([*Annotations()(1, 1, "b").all, malformed], SINGLE)
    assert labels_of_tasks.by_task == {1: ("b",)}
    assert len(labels_of_tasks.problems) == 1


def test_results_of_predictions_have_the_form_that_label_studio_shows():
    assert prediction_result([("b", 0.75)], SINGLE) == [
        {"from_name": "c", "to_name": "t", "type": "choices", "value": {"choices": ["b"]}, "score": 0.75}
    ]
    assert prediction_result([("g / b", 0.5)], TAXONOMY)[0]["value"] == {"taxonomy": [["g", "b"]]}
    assert prediction_result([], SINGLE) == []


def test_the_score_of_a_result_is_the_probability_of_its_most_probable_class():
    (item,) = prediction_result([("a", 0.6), ("b", 0.9)], MULTI)
    assert (item["value"], item["score"]) == ({"choices": ["a", "b"]}, 0.9)
