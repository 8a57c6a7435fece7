"""The classes of a control are the choices that Label Studio's editor lets an annotator select."""

import pytest

from ml_backend.labelstudio.label_config import LabelConfig, UnsupportedLabelConfig, parse

TREE = '<Choice value="fruit"><Choice value="apple"/><Choice value="pear"/></Choice><Choice value="stone"/>'


def control(inside: str, tag: str = "Choices", attributes: str = "") -> LabelConfig:
    return parse(f'<View><Text name="t" value="$text"/><{tag} name="c" toName="t" {attributes}>{inside}</{tag}></View>')


def test_inner_nodes_of_a_taxonomy_are_classes():
    parsed = control(TREE, "Taxonomy")
    assert parsed.classes == ("fruit", "fruit / apple", "fruit / pear", "stone")
    assert parsed.paths["fruit / pear"] == ("fruit", "pear")


def test_inner_nodes_of_a_taxonomy_are_no_classes_if_only_leaves_can_be_selected():
    for attribute in ('leafsOnly="true"', 'leafsonly="True"'):
        assert control(TREE, "Taxonomy", attribute).classes == ("fruit / apple", "fruit / pear", "stone")


def test_nested_choices_show_their_top_level_only_unless_nesting_is_allowed():
    parsed = control(TREE + '<Choice value="x"/>')
    assert (parsed.classes, parsed.nested) == (("fruit", "stone", "x"), False)
    parsed = control(TREE, attributes='allowNested="true"')
    assert (parsed.classes, parsed.nested) == (("fruit", "fruit / apple", "fruit / pear", "stone"), True)


def test_choices_inside_other_elements_are_found():
    assert control('<View><Header value="x"/><View><Choice value="a"/></View></View><Choice value="b"/>').classes == (
        "a",
        "b",
    )


def test_the_alias_is_the_class_and_what_only_decorates_is_ignored():
    parsed = control(
        '<Choice value="Good" alias="g" hint="well" selected="true" hotkey="1" background="red"/>'
        '<Choice value="Bad" html="&lt;b&gt;bad&lt;/b&gt;" style="color: red"/>'
    )
    assert parsed.classes == ("g", "Bad")
    parsed = control('<Choice value="Long name" alias="m"><Choice value="Web" alias="w"/></Choice>', "Taxonomy")
    assert parsed.paths == {"m": ("m",), "m / w": ("m", "w")}


def test_an_empty_alias_is_what_results_hold_and_the_value_names_the_class():
    parsed = control('<Choice value="Other" alias=""/><Choice value="b"/>')
    assert parsed.paths == {"Other": ("",), "b": ("b",)}


def test_a_text_between_the_tags_is_the_value_of_a_choice():
    assert control('<Choice>good</Choice><Choice value="x"> bad\n</Choice><Choice value="c"> </Choice>').classes == (
        "good",
        "bad",
        "c",
    )


def test_a_choice_without_a_value_is_no_class():
    assert control('<Choice value="a"/><Choice/><Choice value=""/><Choice value="b"/>').classes == ("a", "b")


def test_equal_choices_are_one_class():
    assert control('<Choice value="a"/><Choice value="b"/><Choice value="a"/>').classes == ("a", "b")
    repeated = '<Choice value="f"><Choice value="x"/></Choice><Choice value="f"><Choice value="y"/></Choice>'
    assert control(repeated, "Taxonomy").classes == ("f", "f / x"), "the editor shows the first only"
    assert control(repeated, attributes='allowNested="true"').classes == ("f", "f / x", "f / y")


def test_equal_names_at_different_places_are_different_classes():
    tree = '<Choice value="f"><Choice value="x"/></Choice><Choice value="g"><Choice value="x"/></Choice>'
    assert control(tree, "Taxonomy").classes == ("f", "f / x", "g", "g / x")


@pytest.mark.parametrize("tag", ["Choices", "Taxonomy"])
def test_a_value_that_looks_like_a_path_does_not_collide_with_the_path(tag: str):
    tree = '<Choice value="a / b"/><Choice value="a"><Choice value="b"/></Choice><Choice value="c / d"/>'
    parsed = control(tree, tag, 'allowNested="true"')
    assert parsed.paths == {'"a / b"': ("a / b",), "a": ("a",), "a / b": ("a", "b"), "c / d": ("c / d",)}
    quoted = '<Choice value="&quot;a / b&quot;"/>'
    assert len(set(control(tree + quoted, tag, 'allowNested="true"').paths.values())) == 5


def test_white_space_around_a_value_is_kept_for_results_and_not_shown():
    parsed = control('<Choice value=" a "/><Choice value="b"/><Choice value="a"/>')
    assert sorted(parsed.paths.values()) == [(" a ",), ("a",), ("b",)]
    assert len(parsed.classes) == 3
    assert control('<Choice value=" a "/><Choice value="b"/>').paths == {"a": (" a ",), "b": ("b",)}


def test_a_dollar_sign_is_a_variable_in_choices_and_a_character_in_a_taxonomy():
    prices = '<Choice value="$5"/><Choice value="$10"/>'
    assert control(prices, "Taxonomy").classes == ("$5", "$10")
    with pytest.raises(UnsupportedLabelConfig, match="has the choice"):
        control(prices)
    assert control('<Choice value="US$"/><Choice value="$ 5"/>').classes == ("US$", "$ 5")


@pytest.mark.parametrize("tag", ["Choices", "Taxonomy"])
def test_thousands_of_nested_choices_are_refused_by_a_sentence(tag: str):
    deep = '<Choice value="a">' * 5000 + "</Choice>" * 5000
    with pytest.raises(UnsupportedLabelConfig, match="levels deep"):
        control(deep, tag, 'allowNested="true"')


def test_five_thousand_classes_are_read():
    tree = "".join(
        f'<Choice value="g{i}">' + "".join(f'<Choice value="c{j}"/>' for j in range(49)) + "</Choice>"
        for i in range(100)
    )
    assert len(control(tree, "Taxonomy").classes) == 5000


def test_how_many_choices_a_task_may_have():
    assert control(TREE, "Taxonomy").multi_label
    assert control(TREE, "Taxonomy", 'maxUsages="2"').multi_label
    assert not control(TREE, "Taxonomy", 'maxUsages=" 1 "').multi_label
    assert not control(TREE, attributes='choice="single-radio"').multi_label
    assert control(TREE, attributes='choice="Multiple"').multi_label


def test_other_classes_have_another_fingerprint():
    assert control(TREE, "Taxonomy").fingerprint != control(TREE, "Taxonomy", 'leafsOnly="true"').fingerprint
