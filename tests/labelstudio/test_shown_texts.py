import pytest

from ml_backend.labelstudio.label_config import LabelConfig, UnsupportedLabelConfig, parse

TWO = '<Choice value="a"/><Choice value="b"/>'
CONTROL = f'<Choices name="c" toName="t">{TWO}</Choices>'
TEXT = '<Text name="t" value="$text"/>'
IMAGE = '<Image name="i" value="$image"/>'
PAIR = '<Text name="p" value="$premise"/><Text name="h" value="$hypothesis"/>'


def shown(*parts: str, text_fields: list[str] | None = None) -> LabelConfig:
    return parse(f"<View>{''.join(parts)}</View>", text_fields=text_fields)


def choices(to_name: str) -> str:
    return f'<Choices name="c" toName="{to_name}">{TWO}</Choices>'


@pytest.mark.parametrize(
    ("to_name", "classified"), [("p", "p"), ("h", "h"), ("p,h", "p"), (" h , p ", "h"), ("i,h", "h"), ("i", "i")]
)
def test_all_texts_are_read_whatever_the_control_classifies(to_name: str, classified: str):
    parsed = shown(IMAGE, PAIR, choices(to_name))
    assert (parsed.fields, parsed.to_name) == (("premise", "hypothesis"), classified)


def test_headers_with_a_variable_are_texts_and_static_ones_are_not():
    parsed = shown(
        '<Header value="Title: $title"/><Header value="Choose!"/><Text name="s" value="static"/>', TEXT, CONTROL
    )
    assert [(text.tag, text.value) for text in parsed.texts] == [("header", "Title: $title"), ("text", "$text")]


def test_tags_and_attributes_may_have_any_letter_case():
    parsed = shown('<TEXT NAME="t" Value="$text"/><paragraphs name="d" VALUE="$turns" TextKey="said"/>', CONTROL)
    assert [(text.tag, text.value, text.text_key) for text in parsed.texts] == [
        ("text", "$text", "text"),
        ("paragraphs", "$turns", "said"),
    ]


def test_what_is_written_between_the_tags_is_shown_instead_of_the_value():
    parsed = shown(
        '<Header value="x">A &amp; $title</Header><Text name="t" value="$text"> </Text>',
        '<HyperText name="h" value="y"><p class="$class">$body<br/></p></HyperText>',
        CONTROL,
    )
    assert [text.value for text in parsed.texts] == ["A &amp; $title", "$text", '<p class="$class">$body<br /></p>']
    assert parsed.fields == ("title", "text", "body")


@pytest.mark.parametrize(
    "view",
    [
        '<View style="color: red; display: none">{}</View>',
        '<View><View style="display:none;">{}</View></View>',
        '<View visibleWhen="choice-selected" whenTagName="c">{}</View>',
        '<View visibleWhen="region-selected"><View>{}</View></View>',
        '<View whenChoiceValue="a">{}</View>',
        '<Repeater on="$items">{}</Repeater>',
        "<HyperText name='x' value='static'>{}</HyperText>",
    ],
)
def test_texts_that_are_not_seen_when_answering_are_not_read(view: str):
    hidden = '<Text name="hidden" value="$hidden"/>'
    assert shown(TEXT, view.format(hidden), CONTROL).fields == ("text",)
    with pytest.raises(UnsupportedLabelConfig, match=r"from the start.*set text_fields"):
        shown(view.format(hidden), IMAGE, choices("i"))


@pytest.mark.parametrize(
    "view",
    [
        '<View style="display: flex">{}</View>',
        '<View visibleWhen="no-region-selected">{}</View>',
        '<View visibleWhen="choice-unselected" whenTagName="c">{}</View>',
        '<Collapse><Panel value="more">{}</Panel></Collapse>',
    ],
)
def test_texts_in_other_views_are_read(view: str):
    assert shown(TEXT, view.format('<Text name="x" value="$more" visibleWhen="choice-selected"/>'), CONTROL).fields == (
        "text",
        "more",
    )


def test_texts_that_appear_together_with_the_control_are_read():
    view = f'<View visibleWhen="choice-selected"><Text name="d" value="$detail"/>{CONTROL}</View>'
    assert shown(TEXT, view).fields == ("text", "detail")


def test_the_notes_say_what_is_read_and_how_it_is_joined():
    (note,) = shown(PAIR, choices("p")).notes
    assert "'$premise' of <Text>, '$hypothesis' of <Text>, joined by the embedding model's separator" in note
    assert "set text_fields" in note
    (note,) = shown('<Text name="t" value="$title: $body"/>', CONTROL).notes
    assert "'$title: $body' of <Text>." in note
    (note,) = shown(TEXT, CONTROL, text_fields=["a", "b"]).notes
    assert "the fields of text_fields, a, b, joined by" in note
    assert shown(TEXT, CONTROL).notes == shown(TEXT, CONTROL, text_fields=["a"]).notes == ()


@pytest.mark.parametrize(
    ("other", "named"),
    [
        (IMAGE, "<Image name='i'>"),
        ('<AUDIO name="x" value="$sound"/>', "<Audio name='x'>"),
        ('<List name="x" value="$items"/>', "<List name='x'>"),
        ('<Table name="x" value="$rows"/>', "<Table name='x'>"),
        ('<Chat name="x" value="$chat"/>', "<Chat name='x'>"),
        ('<Markdown value="$md"/>', "<Markdown>"),
        ('<Text name="x" value="$u" valueType="url"/>', "<Text name='x'>"),
        ('<Text name="x" value="$u" resolver="csv|column=a"/>', "<Text name='x'>"),
        ('<Repeater on="$items"><Text name="x" value="$items[0]"/></Repeater>', "<Text name='x'>"),
        ('<View visibleWhen="choice-selected"><Header value="$more"/></View>', "<Header>"),
    ],
)
def test_the_notes_say_what_is_shown_but_not_read(other: str, named: str):
    (note,) = shown(TEXT, other, CONTROL).notes
    assert f"not part of the text: {named}." in note
    assert shown(TEXT, other, CONTROL).fields == ("text",)


def test_the_notes_of_a_long_config_are_short():
    (note,) = shown(*(f'<Text name="t{n}" value="$t{n}"/>' for n in range(500)), choices("t0")).notes
    assert "'$t9' of <Text> and 490 more, joined" in note
    assert len(note) < 500


def test_a_static_image_and_a_hidden_one_need_no_note():
    assert shown(TEXT, '<Image name="i" value="/logo.png"/>', CONTROL).notes == ()
    assert shown(TEXT, f'<View style="display:none">{IMAGE}</View>', CONTROL).notes == ()


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ((IMAGE, choices("i")), "classifies <Image>"),
        ((TEXT, choices("u")), "'u', which does not exist"),
        ((TEXT, choices("")), "toName is empty"),
        (('<Text name="t" value="$u" valueType="url"/>', CONTROL), "hold links to texts"),
        (('<Text name="x" value="$u" valueType="url"/>', IMAGE, choices("i")), "hold links to texts"),
        (('<Paragraphs name="t" value="$u" valueType="URL"/>', CONTROL), "hold links to texts"),
        (('<Text name="t" value="$u" resolver="csv"/>', CONTROL), "has a resolver"),
        (('<Text name="t" value="$u" encoding="Base64"/>', CONTROL), "has the encoding 'Base64'"),
        (('<Text name="t" value="hello"/>', CONTROL), "names no field"),
        (('<Paragraphs name="t" value="$a $b"/>', CONTROL), "shows only a field alone"),
    ],
)
def test_a_config_without_a_text_that_can_be_read_is_refused_with_the_remedy(parts: tuple[str, ...], reason: str):
    with pytest.raises(UnsupportedLabelConfig, match=reason) as refusal:
        shown(*parts)
    if "toName" not in reason and "exist" not in reason:
        assert "set text_fields to the fields" in str(refusal.value)
        assert shown(*parts, text_fields=["x"]).fields == ("x",)


def test_links_to_texts_are_passed_over_if_another_text_is_shown():
    parsed = shown('<Text name="t" value="$u" valueType="url"/><Text name="x" value="$summary"/>', CONTROL)
    assert (parsed.fields, parsed.to_name) == (("summary",), "t")


def test_the_source_of_the_text_changes_with_everything_that_changes_the_text():
    configs = [
        shown(TEXT, CONTROL),
        shown('<Text name="t" value="$text "/>', CONTROL),
        shown('<HyperText name="t" value="$text"/>', CONTROL),
        shown('<Text name="t" value="$text" encoding="base64"/>', CONTROL),
        shown('<Paragraphs name="t" value="$text"/>', CONTROL),
        shown('<Paragraphs name="t" value="$text" textKey="said"/>', CONTROL),
        shown(TEXT, PAIR, CONTROL),
        shown(TEXT, CONTROL, text_fields=["other"]),
    ]
    assert len({parsed.text_source for parsed in configs}) == len(configs)


@pytest.mark.parametrize("tag", ["View", "Choices", "HyperText", "x"])
def test_a_config_that_is_nested_too_deep_or_too_long_is_refused(tag: str):
    with pytest.raises(UnsupportedLabelConfig, match="100 levels deep"):
        shown(TEXT, CONTROL, f"<{tag}>" * 5_000, f"</{tag}>" * 5_000)
    with pytest.raises(UnsupportedLabelConfig, match="at most 2,000,000 are read"):
        shown(TEXT, CONTROL, f"<{tag}>" * 300_000, f"</{tag}>" * 300_000)
