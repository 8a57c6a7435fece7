import re

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


def test_a_taxonomy_is_multi_label_unless_limited_to_one():
    assert parse(config(f'<Taxonomy name="c" toName="t">{TWO}</Taxonomy>')).multi_label
    assert not parse(config(f'<Taxonomy name="c" toName="t" maxUsages="1">{TWO}</Taxonomy>')).multi_label


def test_the_first_control_is_used_unless_one_is_named_and_a_rating_only_without_others():
    both = config(
        f'<Rating name="r" toName="t"/><Choices name="c" toName="t">{TWO}</Choices>'
        f'<Choices name="d" toName="t"><Choice value="x"/><Choice value="y"/></Choices>'
    )
    assert parse(both).control == "c"
    (note,) = parse(both).notes
    assert note.startswith("<Choices name='c'> is learned; the setting \"control\" names another one. Not learned: ")
    assert "<Choices name='d'> (could be learned too)" in note
    assert "<Rating name='r'> (could be learned too)" in note
    assert parse(both, control="d").classes == ("x", "y")
    assert parse(both, control="r").classes == ("1", "2", "3", "4", "5")
    with pytest.raises(UnsupportedLabelConfig, match="named 'e'; it has 'r', 'c', 'd'"):
        parse(both, control="e")


FINE = f'<Choices name="fine" toName="t">{TWO}</Choices>'
UNUSABLE = [
    ('<Choices name="c" toName="t"><Choice value="a"/></Choices>', "1 class .'a'. written"),
    ('<Choices name="c" toName="t"/>', "has 0 classes written"),
    ('<Choices name="c" toName="t" value="$options"/>', "takes choices from the task's data"),
    (f'<Choices name="c" toName="t" value="$options">{TWO}</Choices>', "takes choices from the task's data"),
    (f'<Choices name="c" toName="t">{TWO}<Choice value="$third"/></Choices>', "has the choice '.third'"),
    (f'<Taxonomy name="c" toName="t" value="$options">{TWO}</Taxonomy>', "takes choices from the task's data"),
    ('<Taxonomy name="c" toName="t" apiUrl="https://x.org/tree"/>', "loads its choices from the address in apiUrl"),
    (f'<Taxonomy name="c" toName="t" labeling="true">{TWO}</Taxonomy>', 'labeling="true"'),
    (f'<Taxonomy name="c" toName="t" maxUsages="0">{TWO}</Taxonomy>', "write a number of at least 1"),
    (f'<Choices name="c" toName="t" perRegion="true">{TWO}</Choices>', 'perRegion="true".*remove perRegion'),
    (f'<Choices name="c" toName="t" perItem="true">{TWO}</Choices>', 'perItem="true".*remove perItem'),
    (f'<Choices toName="t">{TWO}</Choices>', "has no name"),
    (
        f'<Repeater on="$items"><View><Choices name="c" toName="t">{TWO}</Choices></View></Repeater>',
        "inside <Repeater>",
    ),
    (
        f'<View visibleWhen="choice-selected" whenTagName="x"><Choices name="c" toName="t">{TWO}</Choices></View>',
        "whenTagName='x' names nothing",
    ),
    ('<Rating name="c" toName="t" maxRating="1"/>', "write a number from 2 to 100"),
    ('<Rating name="c" toName="t" maxRating="many"/>', "write a number from 2 to 100"),
    ('<Rating name="c" toName="t" maxRating="1000000000"/>', "write a number from 2 to 100"),
    ('<Labels name="c" toName="t"><Label value="x"/></Labels>', "marks parts of the data"),
    ('<TextArea name="c" toName="t"/>', "free text, which has no classes"),
    ('<Number name="c" toName="t"/>', "a number, which is no class"),
    ('<Ranker name="c" toName="t"/>', "ranks items"),
    ('<Pairwise name="c" toName="t,t"/>', "compares two texts"),
]


@pytest.mark.parametrize(("unusable", "reason"), UNUSABLE)
def test_a_control_that_cannot_be_learned_is_passed_over_and_the_note_says_why(unusable: str, reason: str):
    parsed = parse(config(unusable + FINE))
    assert parsed.control == "fine"
    assert re.search(reason, parsed.notes[0]), parsed.notes


@pytest.mark.parametrize(("unusable", "reason"), UNUSABLE)
def test_a_config_without_a_control_that_can_be_learned_is_refused_with_the_reason(unusable: str, reason: str):
    with pytest.raises(UnsupportedLabelConfig, match=reason):
        parse(config(unusable))


def test_the_refusal_has_a_reason_for_every_control():
    with pytest.raises(UnsupportedLabelConfig, match=r"<Rating name='a'> has maxRating.*<Labels name='b'> marks parts"):
        parse(config('<Rating name="a" toName="t" maxRating="0"/><Labels name="b" toName="t"/>'))


def test_a_named_control_that_cannot_be_learned_is_refused_and_none_is_taken_instead():
    one = '<Choices name="c" toName="t"><Choice value="a"/></Choices>'
    with pytest.raises(UnsupportedLabelConfig, match="1 class"):
        parse(config(one + FINE), control="c")


def test_a_control_over_a_text_comes_before_one_over_an_image_beside_the_text():
    image = f'<Image name="i" value="$image"/><Choices name="c" toName="i">{TWO}</Choices>'
    assert parse(config(image + FINE)).control == "fine"


@pytest.mark.parametrize(
    "conditions",
    [
        'visibleWhen="choice-selected" whenTagName="fine" whenChoiceValue="a"',
        'visibleWhen="choice-unselected" whenTagName="fine"',
        'visibleWhen="region-selected" whenLabelValue="PER"',
        'whenChoiceValue="a"',
    ],
)
def test_a_control_that_is_shown_for_some_tasks_only_says_so(conditions: str):
    on_the_control = f'<Choices name="c" toName="t" {conditions}>{TWO}</Choices>'
    around_it = f'<View {conditions}><View><Choices name="c" toName="t">{TWO}</Choices></View></View>'
    for control in (on_the_control, around_it):
        (note,) = [n for n in parse(config(FINE + control), control="c").notes if "for some tasks only" in n]
        assert conditions in note
        assert not any("for some tasks" in n for n in parse(config(FINE + control)).notes)


@pytest.mark.parametrize("conditions", ['visibleWhen="no-region-selected"', 'visibleWhen="always"'])
def test_a_control_that_is_always_shown_says_nothing(conditions: str):
    assert parse(config(f'<Choices name="c" toName="t" {conditions}>{TWO}</Choices>')).notes == ()


def test_the_only_control_needs_no_note():
    assert parse(config(FINE)).notes == ()


def test_tags_and_attributes_are_taken_in_any_letter_case():
    parsed = parse(config(f'<CHOICES NAME="c" TONAME="t" CHOICE="Multiple">{TWO.lower()}</CHOICES>'))
    assert (parsed.control, parsed.control_tag, parsed.multi_label) == ("c", "Choices", True)


def test_ratings_are_classes_and_the_note_says_that_their_order_is_not_used():
    parsed = parse(config('<Rating name="r" toName="t" maxRating="3"/>'))
    assert (parsed.classes, parsed.multi_label) == (("1", "2", "3"), False)
    assert "their order is not used" in parsed.notes[0]


def test_a_value_may_hold_several_fields_and_settings_may_name_them():
    shown = '<Text name="t" value="$title: $body"/>'
    xml = config(f'<Choices name="c" toName="t">{TWO}</Choices>', shown)
    assert parse(xml).fields == ("title", "body")
    assert parse(xml, text_fields=["body"]).fields == ("body",)


@pytest.mark.parametrize(
    ("xml", "message"),
    [
        ("", "no label config yet"),
        ("<View><Text", "cannot be read as XML"),
        (config('<Labels name="l" toName="t"><Label value="x"/></Labels>'), "marks parts"),
        (
            config(f'<Choices name="c" toName="t">{TWO}</Choices>', '<Image name="t" value="$image"/>'),
            "classifies <Image>",
        ),
        (config(f'<Choices name="c" toName="u">{TWO}</Choices>'), "'u', which does not exist"),
        (config('<Choices name="c" toName="t" value="$options"/>'), "from the task's data"),
        (config('<Choices name="c" toName="t"><Choice value="a"/></Choices>'), "1 class "),
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


def test_the_fingerprint_depends_on_the_classes_on_how_many_a_task_may_have_and_on_the_texts():
    one = parse(config(f'<Choices name="c" toName="t">{TWO}</Choices>'))
    restyled = parse(config(f'<Header value="hi"/><Choices name="c" toName="t" showInLine="true">{TWO}</Choices>'))
    renamed = parse(config('<Choices name="c" toName="t"><Choice value="a"/><Choice value="c"/></Choices>'))
    several = parse(config(f'<Choices name="c" toName="t" choice="multiple">{TWO}</Choices>'))
    assert one.fingerprint == restyled.fingerprint
    other_text = parse(config(f'<Choices name="c" toName="t">{TWO}</Choices>', '<Text name="t" value="$other"/>'))
    assert len({c.fingerprint for c in (one, renamed, several, other_text)}) == 4
