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


class Given:
    """Builds annotations in the order in which people made them."""

    def __init__(self) -> None:
        self.all: list[Annotation] = []

    def __call__(self, task: int, who: int | None, *chosen: Any, cancelled: bool = False, control: str = "c"):
        kind = "taxonomy" if chosen and isinstance(chosen[0], list) else "choices"
        item = {"from_name": control, "to_name": "t", "type": kind, "value": {kind: list(chosen)}}
        number = len(self.all) + 1
        self.all.append(Annotation(number, task, who, cancelled, [item], f"2026-01-01T00:00:{number:02}Z"))
        return self


def test_the_newest_of_an_annotator_counts():
    assert labels(Given()(1, 1, "a")(1, 1, "b").all, SINGLE).by_task == {1: ("b",)}


def test_the_majority_of_annotators_wins_and_ties_are_left_out_and_counted():
    found = labels(Given()(1, 1, "a")(1, 2, "b")(1, 3, "b")(2, 1, "a")(2, 2, "b").all, SINGLE)
    assert found.by_task == {1: ("b",)}
    assert found.ties == {2}


def test_a_skip_is_no_label_and_takes_back_an_earlier_one():
    found = labels(Given()(1, 1, "a")(1, 1, cancelled=True)(2, 1, cancelled=True)(2, 2, "c").all, SINGLE)
    assert found.by_task == {2: ("c",)}
    assert found.skipped == {1}


def test_what_was_chosen_before_a_skip_is_sent_with_it_and_is_no_label():
    single = labels(Given()(1, 1, "a", cancelled=True)(2, 1, "a", cancelled=True)(2, 2, "b").all, SINGLE)
    assert (single.by_task, single.skipped, single.ties) == ({2: ("b",)}, {1}, set())
    several = labels(Given()(1, 1, "a", cancelled=True)(2, 1, "a", cancelled=True)(2, 2, "b").all, MULTI)
    assert (several.by_task, several.skipped, several.ties) == ({2: ("b",)}, {1}, set())


def test_choices_that_no_longer_exist_are_reported_not_dropped():
    found = labels(Given()(1, 1, "gone")(2, 1, "gone")(3, 1, "a").all, SINGLE)
    assert found.by_task == {3: ("a",)}
    assert found.unknown == {"gone": 2}
    assert found.unlabeled == {1, 2}


def test_an_answer_to_another_control_is_no_label():
    found = labels(Given()(1, 1, "a", control="other").all, SINGLE)
    assert not found.by_task
    assert found.unlabeled == {1}


def test_multi_label_keeps_sets_in_the_order_of_the_config_and_none_is_an_answer():
    found = labels(Given()(1, 1, "c", "a")(2, 1)(3, 1, "a", "gone").all, MULTI)
    assert found.by_task == {1: ("a", "c"), 2: (), 3: ("a",)}


def test_multi_label_majority_is_per_class():
    found = labels(Given()(1, 1, "a", "b")(1, 2, "a")(1, 3, "a", "c")(2, 1, "a")(2, 2, "b").all, MULTI)
    assert found.by_task == {1: ("a",)}
    assert found.ties == {2}


def test_taxonomy_leaves_of_one_name_are_told_apart_by_their_path():
    found = labels(Given()(1, 1, ["g", "a"])(2, 1, ["f"]).all, TAXONOMY)
    assert found.by_task == {1: ("g / a",)}
    assert found.unknown == {"f": 1}


def test_imported_annotations_without_an_annotator_each_count():
    assert labels(Given()(1, None, "a")(1, None, "b")(1, None, "b").all, SINGLE).by_task == {1: ("b",)}


def test_broken_results_are_taken():
    broken = [Annotation(1, 1, 1, False, ["x", {"from_name": "c"}, {"from_name": "c", "value": None}], "")]  # type: ignore[list-item]
    assert labels(broken, SINGLE).unlabeled == {1}


def test_results_are_what_label_studio_shows():
    assert prediction_result([("b", 0.75)], SINGLE) == [
        {"from_name": "c", "to_name": "t", "type": "choices", "value": {"choices": ["b"]}, "score": 0.75}
    ]
    assert prediction_result([("g / b", 0.5)], TAXONOMY)[0]["value"] == {"taxonomy": [["g", "b"]]}
    assert prediction_result([], SINGLE) == []


def test_the_score_of_a_result_is_that_of_its_surest_class():
    (item,) = prediction_result([("a", 0.6), ("b", 0.9)], MULTI)
    assert (item["value"], item["score"]) == ({"choices": ["a", "b"]}, 0.9)
