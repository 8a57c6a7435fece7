import pytest

from ml_backend.labelstudio.label_config import UnsupportedLabelConfig, parse


def config(control: str, shown: str = '<Text name="t" value="$text"/>') -> str:
    return f"<View>{shown}{control}</View>"


TWO = '<Choice value="a"/><Choice value="b"/>'


def test_single_choices_over_text():
    parsed = parse(config(f'<Choices name="c" toName="t">{TWO}</Choices>'))
    assert (parsed.control, parsed.to_name, parsed.fields, parsed.classes) == ("c", "t", ("text",), ("a", "b"))
    assert not parsed.multi_label


def test_multiple_choices_are_multi_label():
    assert parse(config(f'<Choices name="c" toName="t" choice="multiple">{TWO}</Choices>')).multi_label


def test_the_alias_is_what_annotations_hold():
    parsed = parse(
        config('<Choices name="c" toName="t"><Choice value="Yes!" alias="yes"/><Choice value="no"/></Choices>')
    )
    assert parsed.classes == ("yes", "no")


def test_nested_choices_and_taxonomies_are_named_by_the_path_to_the_leaf():
    tree = '<Choice value="fruit"><Choice value="apple"/><Choice value="pear"/></Choice><Choice value="stone"/>'
    for control in (
        f'<Taxonomy name="c" toName="t">{tree}</Taxonomy>',
        f'<Choices name="c" toName="t">{tree}</Choices>',
    ):
        parsed = parse(config(control))
        assert parsed.classes == ("fruit / apple", "fruit / pear", "stone")
        assert parsed.paths["fruit / pear"] == ("fruit", "pear")


def test_a_taxonomy_is_multi_label_unless_limited_to_one():
    assert parse(config(f'<Taxonomy name="c" toName="t">{TWO}</Taxonomy>')).multi_label
    assert not parse(config(f'<Taxonomy name="c" toName="t" maxUsages="1">{TWO}</Taxonomy>')).multi_label


def test_the_first_classification_control_is_used_unless_one_is_named():
    both = config(
        f'<Rating name="r" toName="t"/><Choices name="c" toName="t">{TWO}</Choices>'
        f'<Choices name="d" toName="t"><Choice value="x"/><Choice value="y"/></Choices>'
    )
    assert parse(both).control == "c"
    assert parse(both, control="d").classes == ("x", "y")
    with pytest.raises(UnsupportedLabelConfig, match="named 'e'; it has 'c', 'd'"):
        parse(both, control="e")


def test_a_value_may_hold_several_fields_and_settings_may_name_them():
    shown = '<Text name="t" value="$title: $body"/>'
    xml = config(f'<Choices name="c" toName="t">{TWO}</Choices>', shown)
    assert parse(xml).fields == ("title", "body")
    assert parse(xml, text_fields=["body"]).fields == ("body",)


def test_html_and_paragraphs_are_supported_as_texts():
    for shown in ('<HyperText name="t" value="$html"/>', '<Paragraphs name="t" value="$turns" textKey="said"/>'):
        parsed = parse(config(f'<Choices name="c" toName="t">{TWO}</Choices>', shown))
        assert parsed.texts[0].tag in shown.lower()


@pytest.mark.parametrize(
    ("xml", "message"),
    [
        ("", "no label config yet"),
        ("<View><Text", "cannot be read as XML"),
        (config('<Labels name="l" toName="t"><Label value="x"/></Labels>'), "it has <Labels>"),
        (
            config(f'<Choices name="c" toName="t">{TWO}</Choices>', '<Image name="t" value="$image"/>'),
            "classifies <Image>",
        ),
        (config(f'<Choices name="c" toName="u">{TWO}</Choices>'), "'u', which does not exist"),
        (config('<Choices name="c" toName="t" value="$options"/>'), "0 classes"),
        (config('<Choices name="c" toName="t"><Choice value="a"/></Choices>'), "1 classes"),
        (config(f'<Choices name="c" toName="t" perRegion="true">{TWO}</Choices>'), "no classification control"),
        (
            config(f'<Choices name="c" toName="t">{TWO}</Choices>', '<Text name="t" value="$u" valueType="url"/>'),
            "hold links to texts",
        ),
        (config(f'<Choices name="c" toName="t">{TWO}</Choices>', '<Text name="t" value="hello"/>'), "names no field"),
        ('<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><View>&e;</View>', "cannot be read as XML"),
    ],
)
def test_other_configs_are_refused_with_what_is_supported(xml: str, message: str):
    with pytest.raises(UnsupportedLabelConfig, match=message) as refusal:
        parse(xml)
    assert "Supported: <Choices>" in str(refusal.value)


def test_the_fingerprint_depends_on_the_classes_and_on_how_many_a_task_may_have():
    one = parse(config(f'<Choices name="c" toName="t">{TWO}</Choices>'))
    restyled = parse(config(f'<Header value="hi"/><Choices name="c" toName="t" showInLine="true">{TWO}</Choices>'))
    renamed = parse(config('<Choices name="c" toName="t"><Choice value="a"/><Choice value="c"/></Choices>'))
    several = parse(config(f'<Choices name="c" toName="t" choice="multiple">{TWO}</Choices>'))
    assert one.fingerprint == restyled.fingerprint
    assert len({one.fingerprint, renamed.fingerprint, several.fingerprint}) == 3
