"""What an annotation answers, and what is said of one that cannot be read."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ml_backend.annotation import Annotation
from ml_backend.labelstudio.answers import answer
from ml_backend.labelstudio.label_config import LabelConfig, parse
from ml_backend.labelstudio.labels import labels
from ml_backend.labelstudio.predictions import annotation_result, prediction_result

TREE = '<Choice value="fruit"><Choice value="apple"/><Choice value="pear"/></Choice><Choice value="stone"/>'


def control(tag: str, inside: str = '<Choice value="good"/><Choice value="bad"/>', attributes: str = "") -> LabelConfig:
    return parse(f'<View><Text name="t" value="$text"/><{tag} name="c" toName="t" {attributes}>{inside}</{tag}></View>')


CHOICES = control("Choices")
MULTIPLE = control("Choices", attributes='choice="multiple"')
TAXONOMY = control("Taxonomy", TREE)
NESTED = control("Choices", TREE, 'allowNested="true"')
RATING = control("Rating", "")


def item(value: Any, name: Any = "c") -> dict[str, Any]:
    return {"from_name": name, "to_name": "t", "type": "choices", "value": value}


@pytest.mark.parametrize("config", [CHOICES, MULTIPLE])
@pytest.mark.parametrize(
    ("result", "problem"),
    [
        ([item(["good"])], "the value of a result is a list; it has to be an object"),
        ([item("good")], "the value of a result is the string 'good'"),
        ([item(None)], "the value of a result is null"),
        ([{"from_name": "c"}], "the value of a result is null"),
        ([item({})], "has no 'choices'"),
        ([item({"rating": 4})], "has no 'choices'"),
        ([item({"choices": 5})], "'choices' of a result is the number 5; it has to be a list"),
        ([item({"choices": "good"})], "'choices' of a result is the string 'good'"),
        ([item({"choices": True})], "'choices' of a result is true"),
        ([item({"choices": None})], "'choices' of a result is null"),
        ([item({"choices": {"good": 1}})], "'choices' of a result is an object"),
        ([item({"choices": [5]})], "a choice of a result is the number 5; it has to be a string"),
        ([item({"choices": [None]})], "a choice of a result is null"),
        ([item({"choices": [{"value": "good"}]})], "a choice of a result is an object"),
        ([item({"choices": [[]]})], "a choice of a result is a list"),
        ([item({"choices": [["good", 5]]})], "a choice of a result is a list"),
        ([item({"choices": ["good"], "start": 1, "end": 3})], "answers for a part of the data"),
        (7, "the result of the annotation is the number 7; it has to be a list"),
        ("good", "the result of the annotation is the string 'good'"),
        (None, "the result of the annotation is null"),
        ({"choices": ["good"]}, "the result of the annotation is an object"),
        ([7], "the result of the annotation holds the number 7; it has to hold objects"),
        (["x", item({"choices": ["good"]})], "holds the string 'x'"),
        ([item({"choices": ["good"]}, 5)], "from_name of a result is the number 5; it has to be the name of a control"),
        ([item({"choices": ["good"]}, ["c"])], "from_name of a result is a list"),
        ([item({"choices": ["good"]}), item({"choices": 5})], "'choices' of a result is the number 5"),
        ([item({"choices": ["good"] * 10_000})], "10,000 choices, more than the label config has"),
    ],
)
def test_an_annotation_that_cannot_be_read_says_what_was_seen_and_gives_no_class(
    config: LabelConfig, result: Any, problem: str
):
    given = answer(result, config)
    assert given.classes is None
    assert given.problem is not None
    assert problem in given.problem


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ({"taxonomy": ["fruit"]}, "a choice of a result is the string 'fruit'; it has to be a list of strings"),
        ({"taxonomy": [["fruit", None]]}, "a choice of a result is a list"),
        ({"taxonomy": "fruit"}, "'taxonomy' of a result is the string 'fruit'"),
        ({"choices": [["fruit"]]}, "has no 'taxonomy'"),
    ],
)
def test_a_taxonomy_holds_lists(value: Any, problem: str):
    assert problem in str(answer([item(value)], TAXONOMY).problem)


@pytest.mark.parametrize("stars", ["4", True, None, 4.5, -1, [4], 10**400, float("nan"), float("inf")])
def test_a_rating_is_a_whole_number_of_stars(stars: Any):
    assert "a whole number of stars" in str(answer([item({"rating": stars})], RATING).problem)


def test_ratings_are_read_and_no_star_is_no_answer():
    assert answer([item({"rating": 4})], RATING).classes == ("4",)
    assert answer([item({"rating": 4.0})], RATING).classes == ("4",)
    assert answer([item({"rating": 0})], RATING).classes is None
    assert answer([item({"rating": 7})], RATING).unknown == ("7",)


def test_results_of_other_controls_do_not_matter_whatever_they_hold():
    others = [item(5, "other"), {"type": "relation", "from_id": "a", "to_id": "b"}, {}]
    assert answer([*others, item({"choices": ["good"]})], CHOICES).classes == ("good",)
    assert answer(others, CHOICES).classes is None
    assert answer(others, CHOICES).problem is None


def test_two_classes_where_one_is_allowed_are_no_label():
    problem = answer([item({"choices": ["good", "bad"]})], CHOICES).problem
    assert problem == "the annotation chooses several classes ('good', 'bad'); the label config allows one"
    assert answer([item({"choices": ["good"]}), item({"choices": ["bad"]})], CHOICES).problem == problem
    assert answer([item({"choices": ["good", "good"]})], CHOICES).classes == ("good",)
    assert answer([item({"choices": ["good", "gone"]})], CHOICES).classes is None


def test_a_taxonomy_answer_may_stop_at_an_inner_node():
    assert answer([item({"taxonomy": [["fruit"], ["fruit", "pear"]]})], TAXONOMY).classes == ("fruit", "fruit / pear")
    one = control("Taxonomy", TREE, 'maxUsages="1"')
    assert answer([item({"taxonomy": [["fruit"]]})], one).classes == ("fruit",)
    assert answer([item({"taxonomy": [["fruit"], ["fruit", "pear"]]})], one).problem is not None
    leaves = control("Taxonomy", TREE, 'leafsOnly="true"')
    assert answer([item({"taxonomy": [["fruit"]]})], leaves).unknown == ("fruit",)


def test_nested_choices_store_an_inner_node_with_all_that_is_below_it():
    whole = [["fruit"], ["fruit", "apple"], ["fruit", "pear"]]
    assert answer([item({"choices": whole})], NESTED).classes == ("fruit",)
    assert answer([item({"choices": [["fruit", "apple"]]})], NESTED).classes == ("fruit / apple",)
    assert answer([item({"choices": [["fruit"], ["fruit", "apple"]]})], NESTED).classes == ("fruit / apple",)
    assert answer([item({"choices": whole[1:]})], NESTED).problem is not None
    three = control("Choices", TREE.replace("</Choice>", '<Choice value="plum"/></Choice>'), 'allowNested="true"')
    assert answer([item({"choices": whole})], three).problem is not None, "plum is missing, so fruit was not chosen"
    assert answer([item({"choices": [["stone"]]})], NESTED).classes == ("stone",)
    (prediction,) = annotation_result(["fruit"], NESTED)
    assert prediction["value"] == {"choices": whole}


def test_the_editor_splits_values_of_a_taxonomy_that_hold_its_separator():
    config = control("Taxonomy", '<Choice value="Media / Web"/><Choice value="x"><Choice value="y"/></Choice>')
    assert answer([item({"taxonomy": [["Media", "Web"]]})], config).classes == ("Media / Web",)
    config = control("Taxonomy", '<Choice value="e-mail"/><Choice value="post"/>', 'pathSeparator="-"')
    assert answer([item({"taxonomy": [["e", "mail"]]})], config).classes == ("e-mail",)


def test_white_space_around_a_choice_does_not_matter():
    assert answer([item({"choices": [" good "]})], CHOICES).classes == ("good",)
    assert answer([item({"choices": ["good"]})], control("Choices", '<Choice value=" good "/><Choice value="b"/>')) == (
        answer([item({"choices": ["good"]})], CHOICES)
    )


def test_an_alias_is_what_annotations_hold():
    config = control("Choices", '<Choice value="Yes!" alias="yes"/><Choice value="no"/>')
    assert answer([item({"choices": ["yes"]})], config).classes == ("yes",)
    assert answer([item({"choices": ["Yes!"]})], config).unknown == ("Yes!",)


def test_long_unknown_choices_are_shortened():
    (unknown,) = answer([item({"choices": ["x" * 10_000]})], CHOICES).unknown
    assert len(unknown) < 100


@pytest.mark.parametrize("config", [CHOICES, MULTIPLE, TAXONOMY, NESTED, RATING])
def test_what_is_predicted_reads_back_as_the_same_class(config: LabelConfig):
    for name in config.classes:
        (prediction,) = prediction_result([(name, 0.5)], config)
        given = answer([json.loads(json.dumps(prediction))], config)
        assert given.classes == (name,)
        assert prediction["type"] == config.control_tag.lower()


@pytest.mark.timeout(15)  # seconds; a search of all classes for each answer takes longer
def test_twenty_thousand_annotations_of_five_thousand_classes_are_read():
    config = control("Taxonomy", "".join(f'<Choice value="class {i}"/>' for i in range(5000)))
    result = [item({"taxonomy": [["class 4999"], ["class 0"]]})]
    annotations = [Annotation(i, i, 1, False, result, "") for i in range(20_000)]
    assert len(labels(annotations, config).by_task) == 20_000
