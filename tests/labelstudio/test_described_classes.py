"""What a label config says about its classes, beside their names in results."""

import pytest

from ml_backend.labelstudio.described_classes import check_descriptions, described_classes, notes_of
from ml_backend.labelstudio.label_config import LabelConfig, parse
from ml_backend.project_settings import ProjectSettings, SettingsError


def control(inside: str, tag: str = "Choices", attributes: str = "") -> LabelConfig:
    return parse(f'<View><Text name="t" value="$text"/><{tag} name="c" toName="t" {attributes}>{inside}</{tag}></View>')


def test_the_name_is_what_the_editor_shows_unless_the_alias_says_more():
    config = control(
        '<Choice value="Billing" alias="b1"/><Choice value="2" alias="shipping"/><Choice value="C3" alias="3"/>'
        '<Choice value="4" html="&lt;b&gt;Bug &amp;amp; fault&lt;/b&gt; &lt;img src=x&gt;"/><Choice value="A / B"/>'
        '<Choice value="plain" html="&lt;img src=y&gt;"/>'
    )
    assert config.classes == ("b1", "shipping", "3", "4", "A / B", "plain")
    assert described_classes(config).names == ("Billing", "shipping", "C3", "Bug & fault", "A/B", "plain")


def test_a_path_is_named_part_by_part():
    tree = '<Choice value="Fruit" alias="f"><Choice value="Apple" alias="f1"/><Choice value="2" alias="pear"/></Choice>'
    config = control(tree, "Taxonomy")
    assert config.classes == ("f", "f / f1", "f / pear")
    assert described_classes(config).names == ("Fruit", "Fruit / Apple", "Fruit / pear")


def test_a_taxonomy_does_not_show_html_and_signs_are_read_as_they_look():
    tree = '<Choice value="Apple" html="&lt;b&gt;Pear&lt;/b&gt;"/><Choice>R&amp;D</Choice>'
    assert described_classes(control(tree, "Taxonomy")).names == ("Apple", "R&D")
    assert described_classes(control(tree)).names == ("Pear", "R&D")


def test_names_that_the_editor_shows_twice_are_told_apart_by_the_class():
    config = control(
        '<Choice value="Yes" alias="y1"/><Choice value="Yes" alias="y2"/><Choice value="n" alias="m"/>'
        '<Choice value="m" alias="n"/>'
    )
    names = described_classes(config).names
    assert names[:2] == ("y1", "y2")
    assert len(set(names)) == 4


@pytest.mark.parametrize("tag", ["Choices", "Taxonomy"])
def test_a_hint_describes_its_class_and_the_setting_comes_before_it(tag: str):
    config = control(
        '<Choice value="Billing" alias="b" hint="Questions about  invoices\nand fees"/>'
        '<Choice value="Bug" hint="with crashes"/><Choice value="Other" hint=" "/><Choice value="7" hint="spam"/>',
        tag,
    )
    described = described_classes(config, {"Bug": "A fault.", "gone": "x"})
    assert described.descriptions == {"Billing": "Questions about invoices and fees", "Bug": "A fault.", "7": "spam"}
    assert described_classes(config).descriptions["Bug"] == "Bug: with crashes"
    assert described_classes(config, {"b": "Money."}).descriptions["Billing"] == "Money."


def test_nested_choices_have_their_own_hints():
    tree = '<Choice value="a" hint="all of them together"><Choice value="b" hint="one of these only"/></Choice>'
    for config in (control(tree, "Taxonomy"), control(tree, attributes='allowNested="true"')):
        assert described_classes(config).descriptions == {"a": "all of them together", "a / b": "one of these only"}


def test_a_hint_changes_neither_fingerprint_nor_classes():
    plain, hinted = (control(f'<Choice value="a"{hint}/><Choice value="b"/>') for hint in ("", ' hint="x y z"'))
    assert (plain.fingerprint, plain.classes) == (hinted.fingerprint, hinted.classes)
    assert plain.hints != hinted.hints


def test_a_rating_has_only_its_numbers():
    described = described_classes(parse('<View><Text name="t" value="$x"/><Rating name="r" toName="t"/></View>'))
    assert (described.names, described.descriptions) == (("1", "2", "3", "4", "5"), {})


CONFIG = control('<Choice value="billing"/><Choice value="bug"/>')


def settings(**descriptions: str) -> ProjectSettings:
    return ProjectSettings(class_descriptions=descriptions)


def test_a_description_of_an_unknown_class_is_refused_with_the_known_ones():
    check_descriptions(CONFIG, settings(bug="x"))
    with pytest.raises(SettingsError, match=r"has no class 'buq'; it has 'billing', 'bug'$"):
        check_descriptions(CONFIG, settings(bug="x", buq="y"))
    many = control("".join(f'<Choice value="class number {n}"/>' for n in range(3000)))
    with pytest.raises(SettingsError, match=r"and 2,980 more$"):
        check_descriptions(many, settings(bug="x"))


def test_a_class_that_left_the_config_keeps_its_description_and_is_named():
    check_descriptions(CONFIG, settings(bug="new", gone="old"), before=settings(gone="old"))
    (note,) = notes_of(CONFIG, settings(gone="x", bug="y"))
    assert "describes 'gone', which the label config does not have" in note
    assert notes_of(CONFIG, settings(bug="y")) == notes_of(CONFIG, ProjectSettings()) == ()
