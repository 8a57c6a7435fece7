"""Which texts a label config shows beside its control, and which object an answer belongs to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from xml.etree.ElementTree import Element

from ml_backend.labelstudio.config_elements import SUPPORTED, UnsupportedLabelConfig, shown_value, tag_name
from ml_backend.labelstudio.markup import BrokenMarkup, text_of_markup
from ml_backend.labelstudio.value_templates import only_variable, variables

OBJECT_TAGS = ("text", "hypertext", "paragraphs")
TEXT_TAGS = (*OBJECT_TAGS, "header")
UNREAD_TAGS = (
    *("image", "audio", "audioplus", "video", "list", "table", "timeseries", "pdf", "chat", "dialog", "markdown"),
    *("custominterface", "reactcode"),
)
"""Tags that show something else than a text, or a text that is not read."""
ENCODINGS = ("none", "base64", "base64unicode")
NOT_DISPLAYED = re.compile(r"(^|;)\s*display\s*:\s*none\s*(;|$)")
HIDDEN_AT_FIRST = ("choice-selected", "region-selected")
MOST_LISTED = 10
"""Of the texts or fields that a sentence names."""
REMEDY = "set text_fields to the fields of the task's data that hold the text"


@dataclass(frozen=True)
class ShownText:
    """A text that the label config shows.

    tag: `text`, `hypertext`, `paragraphs` or `header`; name: its name in the label config; value: what it shows, with
    variables, such as "Book: $title"; speaker_key, text_key: keys of a dialogue's turns; encoding: `none`, `base64` or
    `base64unicode`; field: the field that is read instead of the value, which may have any name.
    """

    tag: str
    name: str
    value: str
    speaker_key: str = "author"
    text_key: str = "text"
    encoding: str = "none"
    field: str | None = None

    @cached_property
    def fields(self) -> tuple[str, ...]:
        """Fields of the task's data that the text shows, in their order."""
        return (self.field,) if self.field is not None else tuple(dict.fromkeys(variables(self._without_markup)))

    @cached_property
    def only_field(self) -> str | None:
        """The field whose value is all that the text shows; None if it shows anything else."""
        return self.field if self.field is not None else only_variable(self.value)

    @property
    def _without_markup(self) -> str:
        if self.tag != "hypertext":
            return self.value
        try:
            return text_of_markup(self.value)
        except BrokenMarkup:
            return self.value


def shown_texts(
    root: Element, control: Element, text_fields: Sequence[str] | None
) -> tuple[tuple[ShownText, ...], tuple[str, ...]]:
    """The texts that the annotator sees beside the control, in the order of the label config; and notes on them.

    text_fields: fields of the task's data to read instead. Raises UnsupportedLabelConfig if there is no text.
    """
    displayed = [
        (element, is_later)
        for element, is_later in _displayed(root, control)
        if element.tag in (*TEXT_TAGS, *UNREAD_TAGS) and variables(shown_value(element))
    ]
    readable = [e for e, is_later in displayed if not is_later and e.tag in TEXT_TAGS and _why_not(e) is None]
    texts = tuple(_shown_text(element) for element in readable)
    if text_fields is not None:
        texts = tuple(_named(field.strip(), texts) for field in text_fields)
        return texts, _note_on_fields(texts)
    if not texts:
        raise UnsupportedLabelConfig(_why_no_text(root, control))
    chosen = set(readable)
    return texts, (*_note_on_texts(readable, texts), *_note_on_unread([e for e, _ in displayed if e not in chosen]))


def object_element(root: Element, control: Element) -> Element:
    """The object that an answer of the control belongs to: the first text of its `toName`, otherwise the first object.

    Raises UnsupportedLabelConfig if `toName` names nothing that exists.
    """
    names = _object_names(control)
    by_name = {e.get("name"): e for e in root.iter() if e.get("name")}
    existing = [by_name[name] for name in names if name in by_name]
    if not existing:
        missing = ", ".join(f"{name!r}, which does not exist" for name in names) or "nothing (toName is empty)"
        raise UnsupportedLabelConfig(
            f"<{tag_name(control)} name={control.get('name')!r}> classifies {missing}. {SUPPORTED}."
        )
    return next((element for element in existing if element.tag in OBJECT_TAGS), existing[0])


def _object_names(control: Element) -> list[str]:
    return [part.strip() for part in control.get("toname", "").split(",") if part.strip()]


def _displayed(root: Element, control: Element) -> Iterator[tuple[Element, bool]]:
    """The elements that are displayed at some time; with each whether it is not there when the control is answered.

    That is the case if a repeater makes it, or if it appears only after an answer, but the control does not.
    """
    around_control = set(_with_ancestors(root, control))
    left = [(root, False)]
    while left:
        element, is_later = left.pop()
        if element.tag in {"view", "header"} and NOT_DISPLAYED.search(element.get("style", "")):
            continue
        waits = _waits_for_an_answer(element) and element not in around_control
        is_later = is_later or waits or element.tag == "repeater"
        yield element, is_later
        if element.tag not in (*TEXT_TAGS, "style"):  # these show no tags
            left.extend((child, is_later) for child in reversed(element))


def _with_ancestors(root: Element, element: Element) -> Iterator[Element]:
    parents = {child: parent for parent in root.iter() for child in parent}
    inner: Element | None = element
    while inner is not None:
        yield inner
        inner = parents.get(inner)


def _waits_for_an_answer(element: Element) -> bool:
    if element.tag in OBJECT_TAGS:
        return False  # only views and controls have these attributes
    condition = element.get("visiblewhen")
    return condition in HIDDEN_AT_FIRST or (not condition and bool(element.get("whenchoicevalue")))


def _shown_text(element: Element) -> ShownText:
    return ShownText(
        tag=element.tag,
        name=element.get("name", ""),
        value=shown_value(element),
        speaker_key=element.get("namekey", "author"),
        text_key=element.get("textkey", "text"),
        encoding=element.get("encoding", "none") if element.tag in {"text", "hypertext"} else "none",
    )


def _why_not(element: Element) -> str | None:
    """Why a text tag cannot be read, as the end of a sentence; None if it can."""
    if element.get("valuetype", "").lower() == "url":
        return 'has valueType="url": the tasks hold links to texts, which only the browser opens'
    if element.get("resolver"):
        return "has a resolver: the tasks hold links to files, which only the browser opens"
    text = _shown_text(element)
    if text.encoding not in ENCODINGS:
        return f"has the encoding {text.encoding!r}, which Label Studio does not show; it takes {', '.join(ENCODINGS)}"
    if not text.fields:
        return f"has the value {text.value[:60]!r}, which names no field of the task"
    if text.tag == "paragraphs" and text.only_field is None:
        return f"has the value {text.value[:60]!r}, but shows only a field alone, such as $dialogue"
    return None


def _named(name: str, texts: Sequence[ShownText]) -> ShownText:
    """The text of a field that the settings name: of the kind of the tag that shows the field."""
    field = name.removeprefix("$")
    for whole in (True, False):
        for text in texts:
            if text.only_field == field if whole else field in text.fields:
                return ShownText(text.tag, text.name, "", text.speaker_key, text.text_key, text.encoding, field)
    return ShownText("text", "", "", field=field)


def _note_on_fields(texts: Sequence[ShownText]) -> tuple[str, ...]:
    if len(texts) < 2:
        return ()
    fields = listed(str(text.field) for text in texts)
    return (f"The text of a task is the fields of text_fields, {fields}, joined by the embedding model's separator.",)


def _note_on_texts(elements: Sequence[Element], texts: Sequence[ShownText]) -> tuple[str, ...]:
    if len({field for text in texts for field in text.fields}) < 2 and len(texts) < 2:
        return ()
    shown = listed(f"{text.value[:60]!r} of <{tag_name(e)}>" for e, text in zip(elements, texts, strict=True))
    joined = ", joined by the embedding model's separator" if len(texts) > 1 else ""
    return (f"The text of a task is all that is shown beside the control: {shown}{joined}. To change this, {REMEDY}.",)


def _note_on_unread(elements: Sequence[Element]) -> tuple[str, ...]:
    if not elements:
        return ()
    tags = listed(_tag_with_name(element) for element in elements)
    return (f"Shown to the annotator, but not part of the text: {tags}. If an answer depends on it, {REMEDY}.",)


def listed(names: Iterable[str]) -> str:
    """The first names, and how many more there are. Raises ValueError without a name."""
    first, *others = names
    shown = ", ".join([first, *others[: MOST_LISTED - 1]])
    return shown if len(others) < MOST_LISTED else f"{shown} and {len(others) + 1 - MOST_LISTED} more"


def _tag_with_name(element: Element) -> str:
    name = element.get("name")
    return f"<{tag_name(element)} name={name!r}>" if name else f"<{tag_name(element)}>"


def _why_no_text(root: Element, control: Element) -> str:
    """The message about a label config that shows no text that can be read."""
    chosen = object_element(root, control)
    for element in (chosen, *root.iter()):
        why = _why_not(element) if element.tag in TEXT_TAGS else None
        if why is not None and (element is chosen or element.get("valuetype", "").lower() == "url"):
            return f"{_tag_with_name(element)} {why}. Import the texts themselves, or {REMEDY}. {SUPPORTED}."
    return (
        f"{_tag_with_name(control)} classifies <{tag_name(chosen)}>, and beside it the annotator sees no text of the "
        f"task's data from the start. To learn from such a text, {REMEDY}. {SUPPORTED}."
    )
