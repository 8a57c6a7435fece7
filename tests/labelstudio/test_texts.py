import base64

import pytest

from ml_backend.labelstudio import texts
from ml_backend.labelstudio.label_config import LabelConfig, parse
from ml_backend.labelstudio.texts import MOST_CHARACTERS, BadTask, task_text, text_hash
from ml_backend.text_fields import FIELD_SEPARATOR

DIALOGUE = '<Paragraphs name="t" value="$turns" nameKey="who" textKey="said"/>'
HTML = '<HyperText name="t" value="$h"/>'


def config(shown: str = '<Text name="t" value="$text"/>', text_fields: list[str] | None = None) -> LabelConfig:
    control = '<Choices name="c" toName="t"><Choice value="a"/><Choice value="b"/></Choices>'
    return parse(f"<View>{shown}{control}</View>", text_fields=text_fields)


def template(value: str) -> LabelConfig:
    return config(f'<Text name="t" value="{value}"/>')


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ({}, "no field 'text'"),
        ({"text": None}, "'text' is null"),
        ({"text": ""}, "is empty"),
        ({"text": " \n\t"}, "is empty"),
        ({"text": "\x00\x01\x1f"}, "is empty"),
        ({"text": []}, "is empty"),
        ({"text": "x" * 1_048_576}, "longer than 100,000 characters"),
        ({"text": ["x" * 60_000] * 2}, "longer than 100,000 characters"),
        ({"text": 10**5000}, "longer than 100,000 characters"),
        ({"text": {"body": "x"}}, r"holds an object, .*name a part of it in text_fields, such as text\.text"),
        ({"text": [{"body": "x"}, {}]}, r"holds a list, .*such as text\[0\]\.text"),
    ],
)
def test_a_task_without_a_usable_text_says_why(data: dict, reason: str):
    with pytest.raises(BadTask, match=reason):
        task_text(data, config())


def test_control_characters_are_removed_and_nothing_else():
    assert task_text({"text": "  a\x00b\ud83d 😀 <b>é</b>\tc "}, config()) == "ab 😀 <b>é</b>\tc"


@pytest.mark.parametrize(
    ("value", "data", "text"),
    [
        ("Book: $title ($year)", {"title": "Emma", "year": 1815}, "Book: Emma (1815)"),
        ("Re: $subject - $body", {"subject": "hi", "body": None}, "Re: hi -"),
        ("Re: $subject - $body", {"body": "yes"}, "Re:  - yes"),
        ("$code", {"code": 7}, "7"),
        ("$code", {"code": 7.5}, "7.5"),
        ("$code", {"code": 100000.0}, "100000"),
        ("$code", {"code": 1e21}, "1e+21"),
        ("$code", {"code": 1.5e-7}, "1.5e-7"),
        ("$code", {"code": 0.00001}, "0.00001"),
        ("$code", {"code": -0.0}, "0"),
        ("$code", {"code": 12345678901234567890}, "12345678901234567890"),
        ("$code", {"code": False}, "false"),
        ("$first-$second", {"first": "a", "second": "b"}, "a-b"),
        ("$first. $second, $third!", {"first": "a", "second": "b", "third": "c"}, "a b, c!"),
        ("$mail.subject $mail.lines[1]", {"mail": {"subject": "s", "lines": ["x", "y"]}}, "s y"),
        ("$a.b", {"a.b": "the key itself", "a": {"b": "nested"}}, "the key itself"),
        ("$list", {"list": ["a", 1, None, [True, {"k": 1}]]}, "a,1,,true,[object Object]"),
        ("$name is $object", {"name": "x", "object": {}}, "x is [object Object]"),
        ("$word.length $word[1] $list.length", {"word": "héllo", "list": [1]}, "5 é 1"),
    ],
)
def test_variables_are_written_as_the_editor_writes_them(value: str, data: dict, text: str):
    assert task_text(data, template(value)) == text


@pytest.mark.parametrize(
    ("value", "data", "reason"),
    [
        ("Re: $subject - $body", {}, "no field 'subject', 'body'"),
        ("Re: $subject - $body", {"subject": None}, "fields 'subject', 'body' are null or missing"),
        ("Re: $subject", {"subject": " "}, "'subject' is empty"),
        ("Re: $subject", {"subject": {"de": "x"}}, "'subject' holds an object"),
        ("Re: $subject", {"subject": [{}, {}]}, "'subject' holds a list"),
        ("${text}", {"text": "x"}, "no field '{text}'"),
        ("[$text]", {"text": "x"}, r"no field 'text\]'"),
        ("$a[9] $a[01] $a.x $b.c", {"a": ["x"], "b": None}, "no field"),
    ],
)
def test_what_the_label_config_writes_around_missing_fields_is_no_text(value: str, data: dict, reason: str):
    with pytest.raises(BadTask, match=reason):
        task_text(data, template(value))


LINKS = [
    "s3://bucket/file.txt",
    "GS://bucket/file with spaces.txt".replace(" ", "%20"),
    "azure-blob://c/x",
    "https://example.com/1.txt",
    " http://localhost:8080/data/1.txt\n",
    "/data/upload/20/1f2e-x.txt",
    "/data/upload/20/my file.txt",
    "/prefix/label-studio/data/upload/20/x.txt",
    "/data/local-files/?d=texts/x.txt",
    "/storage-data/uploaded/?filepath=upload/20/x.txt",
    "/tasks/5/resolve/?fileuri=czM6Ly9idWNrZXQ=",
    "/projects/5/presign/?fileuri=czM6Ly9idWNrZXQ=",
    "data:text/plain;base64,aGVsbG8=",
]
TEXTS_WITH_ADDRESSES = [
    "see https://example.com/1.txt",
    "https://example.com/1.txt is down",
    "/data/upload/20/x.txt is missing",
    "two lines\n/data/upload/20/x.txt",
    "/data/upload/20/x.txt\nis missing",
    "https://",
    "note: a/b",
    "/data/uploads",
]


@pytest.mark.parametrize("link", LINKS)
def test_a_link_instead_of_a_text_is_refused_wherever_it_stands(link: str):
    for shown in (template("$text"), template("Text: $text"), config('<HyperText name="t" value="$text"/>')):
        with pytest.raises(BadTask, match="'text' holds a link instead of a text"):
            task_text({"text": link}, shown)
    for turns in (link, [{"who": "A", "said": link}, {"said": ""}]):
        with pytest.raises(BadTask, match="'turns' holds a link instead of a text"):
            task_text({"turns": turns}, config(DIALOGUE))


@pytest.mark.parametrize("text", TEXTS_WITH_ADDRESSES)
def test_a_sentence_with_an_address_is_a_text(text: str):
    assert task_text({"text": text}, config()) == text


def test_a_turn_may_be_an_address_if_others_are_not():
    turns = [{"who": "A", "said": "https://x.org"}, {"who": "B", "said": "thanks"}]
    assert task_text({"turns": turns}, config(DIALOGUE)) == "A: https://x.org\nB: thanks"


def test_a_text_that_becomes_a_link_is_refused():
    for shown in (template("https://x.org/$id"), config('<Text name="t" value="$id" encoding="base64"/>')):
        with pytest.raises(BadTask, match="'id' holds a link instead of a text"):
            task_text({"id": encoded("https://x.org/7")}, shown)


def test_an_address_beside_a_text_is_read_as_it_is_shown_and_a_stored_file_is_refused():
    pair = config('<Text name="t" value="$url"/><Header value="$text"/>')
    both = template("$text ($url)")
    address = {"text": "News", "url": "https://x.org/7"}
    assert task_text(address, pair) == FIELD_SEPARATOR.join(["https://x.org/7", "News"])
    assert task_text(address, both) == "News (https://x.org/7)"
    for shown in (pair, both):
        with pytest.raises(BadTask, match="a link to a storage"):
            task_text({"text": "News", "url": "s3://bucket/7.txt"}, shown)
        with pytest.raises(BadTask, match="an address"):
            task_text({"text": "", "url": "https://x.org/7"}, shown)


def test_an_address_inside_a_tag_of_the_markup_is_no_text():
    link = config('<HyperText name="t"><a href="$url">$title</a></HyperText>')
    assert link.fields == ("title",)
    assert task_text({"url": "https://x.org/", "title": "News"}, link) == "News"


def test_markup_of_hypertext_is_stripped_after_the_variables_are_filled_in():
    markup = "<style>p{}</style><p>Hello &amp; <b>good</b>bye</p><script>alert(1)</script><p>again</p>"
    assert task_text({"h": markup}, config(HTML)) == "Hello & goodbye\nagain"
    assert task_text({"h": "a<br/>b"}, config('<HyperText name="t" value="&lt;i>$h&lt;/i>"/>')) == "a\nb"
    assert task_text({"h": 7}, config(HTML)) == "7"
    with pytest.raises(BadTask, match="'h' is empty"):
        task_text({"h": "<p> </p><!-- nothing -->"}, config(HTML))


@pytest.mark.parametrize("markup", ["I <![love it", "one <b two", "one <!-- two", "one </ two", 'one <a x="two'])
def test_markup_that_ends_inside_a_tag_is_refused(markup: str):
    with pytest.raises(BadTask, match="ends inside a tag or a comment"):
        task_text({"h": markup}, config(HTML))


@pytest.mark.parametrize("repeated", ["<!--", '<a="', "</", "<a><", "<p>\n", "&#9"])
def test_the_limit_holds_before_markup_is_read(repeated: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(texts, "text_of_markup", lambda markup: pytest.fail(f"{len(markup)} characters are read"))
    with pytest.raises(BadTask, match="longer than"):
        task_text({"h": repeated * MOST_CHARACTERS}, config(HTML))
    with pytest.raises(BadTask, match="longer than"):
        task_text({"h": repeated * 9_000}, config('<HyperText name="t" value="$h $h $h $h $h $h"/>'))


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("encoding", "value", "text"),
    [
        ("none", "aGk=", "aGk="),
        ("base64", "aGk=", "hi"),
        ("base64", " aG\nk ", "hi"),
        ("base64", encoded("ü"), "Ã¼"),
        ("base64unicode", encoded("ü"), "ü"),
    ],
)
def test_encoded_texts_are_decoded_as_the_editor_does(encoding: str, value: str, text: str):
    assert task_text({"x": value}, config(f'<Text name="t" value="$x" encoding="{encoding}"/>')) == text
    markup = config(f'<HyperText name="t" value="$x" encoding="{encoding}"/>')
    assert task_text({"x": value}, markup) == text


@pytest.mark.parametrize("value", ["not base64!", "aG=", "a", "aG=k", "ü", "/w=="])
def test_what_cannot_be_decoded_is_refused(value: str):
    with pytest.raises(BadTask, match="not encoded as base64unicode"):
        task_text({"x": value}, config('<Text name="t" value="$x" encoding="base64unicode"/>'))


def test_dialogues_keep_the_speakers_names():
    turns = [{"who": "A", "said": "hi"}, {"said": "yes"}]
    assert task_text({"turns": turns}, config(DIALOGUE)) == "A: hi\nyes"


@pytest.mark.parametrize(
    ("turn", "line"),
    [
        ({"who": "B"}, "B:"),
        ({"who": "B", "said": None}, "B:"),
        ({"who": "B", "said": 7}, "B: 7"),
        ({"who": 3, "said": True}, "3:"),
        ({"who": "B", "said": ["x", "y", 1]}, "B: xy1"),
        ({"said": "no name"}, "no name"),
    ],
)
def test_turns_are_written_as_the_editor_shows_them(turn: dict, line: str):
    assert task_text({"turns": [{"who": "A", "said": "hi"}, turn]}, config(DIALOGUE)) == f"A: hi\n{line}"


@pytest.mark.parametrize("turn", ["a string", 5, {}, {"other": "x"}])
def test_turns_of_which_the_editor_shows_nothing_are_left_out(turn: object):
    assert task_text({"turns": [{"who": "A", "said": "hi"}, turn]}, config(DIALOGUE)) == "A: hi"


@pytest.mark.parametrize(
    ("turns", "reason"),
    [
        ('[{"who": "A", "said": "hi"}]', "holds a string instead of a list of turns"),
        ({"who": "A", "said": "hi"}, "holds an object instead of a list"),
        (7, "holds a number instead of a list"),
        ([], "holds an empty list instead"),
        (["hi"], "first turn of 'turns' has no 'who'"),
        ([{"said": "hi"}], "first turn of 'turns' has no 'who'"),
        ([{"who": "A"}], "first turn of 'turns' has no 'said'"),
        ([{"who": "A", "said": "hi"}, None], "a turn of 'turns' is null"),
        ([{"who": "A", "said": {"de": "hi"}}], "holds an object under 'said'"),
        ([{"who": None, "said": None}], "is empty"),
        ([{"who": "A", "said": "x" * 60_000}] * 2, "longer than"),
        ([{"who": "A", "said": "x" * 60_000}] * 2 + [None], "longer than"),
        ([{"who": "A", "said": ["x" * 60_000] * 2 + [{}]}], "longer than"),
        ([{"who": "", "said": ""}] * 100_002 + [None], "longer than"),
        (None, "'turns' is null"),
    ],
)
def test_dialogues_that_the_editor_does_not_show_are_refused(turns: object, reason: str):
    with pytest.raises(BadTask, match=reason):
        task_text({"turns": turns}, config(DIALOGUE))


def test_a_dialogue_may_have_as_many_characters_as_a_text():
    turns = [{"who": "A", "said": "x" * 49_997}, {"who": "B", "said": "y" * 49_996}]
    with pytest.raises(BadTask, match="longer than"):
        task_text({"turns": [*turns, {"who": "", "said": "z"}]}, config(DIALOGUE))
    assert len(task_text({"turns": turns}, config(DIALOGUE))) == 100_000


def test_a_reason_names_ten_fields_and_counts_the_others():
    many = config(text_fields=[f"field{n}" for n in range(5000)] + ["x" * 100_000])
    with pytest.raises(BadTask, match="'field9' and 4991 more") as reason:
        task_text({}, many)
    assert len(str(reason.value)) < 300
    with pytest.raises(BadTask) as reason:
        task_text({}, config(text_fields=["x" * 100_000]))
    assert len(str(reason.value)) < 300


def test_a_header_that_is_a_variable_alone_shows_strings_only():
    shown = config('<Header value="$n"/><Text name="t" value="$text"/>')
    assert task_text({"n": "one", "text": "x"}, shown) == f"one{FIELD_SEPARATOR}x"
    assert task_text({"n": 1, "text": "x"}, shown) == "x"


def test_several_texts_are_joined_in_their_order_and_empty_ones_are_left_out():
    shown = config('<Text name="p" value="$premise"/><Text name="t" value="$hypothesis"/>')
    assert task_text({"premise": " a\x1f", "hypothesis": "b"}, shown) == f"a{FIELD_SEPARATOR}b"
    assert task_text({"premise": "a", "hypothesis": None}, shown) == "a"
    with pytest.raises(BadTask, match="no field 'premise', 'hypothesis'"):
        task_text({}, shown)
    with pytest.raises(BadTask, match="longer than"):
        task_text({"premise": "a" * 60_000, "hypothesis": "b" * 60_000}, shown)


def test_fields_of_the_settings_may_have_any_name_and_keep_the_kind_of_their_tag():
    shown = f'<HyperText name="h" value="$html"/>{DIALOGUE}<HyperText name="x" value="$a: $b"/>'
    data = {
        "html": "<b>bold</b>",
        "turns": [{"who": "A", "said": "hi"}],
        "meta": {"title": "T"},
        "my field-ü": "<odd>",
        "b": "<i>italic</i>",
    }
    fields = ["html", "$turns", "meta.title", "turns[0].said", "my field-ü", "b"]
    text = task_text(data, config(shown, fields))
    assert text.split(FIELD_SEPARATOR) == ["bold", "A: hi", "T", "hi", "<odd>", "italic"]


def test_deeply_nested_data_stops_nothing():
    deep: list = ["x"]
    for _ in range(20_000):
        deep = [deep]
    assert task_text({"text": deep}, config()) == "x"
    assert task_text({"turns": [{"who": "A", "said": deep}]}, config(DIALOGUE)) == "A: x"


def test_equal_texts_have_equal_hashes():
    assert text_hash("a") == text_hash("a") != text_hash("b")
    assert len(text_hash("ü")) == 32
