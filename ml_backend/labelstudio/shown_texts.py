"""Which texts a label config shows beside its control."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from ml_backend.labelstudio.config_elements import SUPPORTED, UnsupportedLabelConfig, tag_name

TEXT_TAGS = ("text", "hypertext", "paragraphs")


@dataclass(frozen=True)
class ShownText:
    """A text that the label config shows.

    tag: `text`, `hypertext` or `paragraphs`; name: its name in the label config; value: what it shows, with variables,
    such as "Book: $title"; speaker_key, text_key: keys of a dialogue's turns.
    """

    tag: str
    name: str
    value: str
    speaker_key: str = "author"
    text_key: str = "text"

    @property
    def fields(self) -> tuple[str, ...]:
        """Fields of the task's data that the value names, in their order."""
        return tuple(dict.fromkeys(re.findall(r"\$\{?([\w][\w.\-\[\]]*)", self.value)))


def shown_texts(root: Element, control: Element, text_fields: Sequence[str] | None) -> tuple[ShownText, ...]:
    """The texts that the annotator sees beside the control, in the order of the label config.

    text_fields: fields of the task's data to read instead. Raises UnsupportedLabelConfig if there is none.
    """
    text = _shown_text(text_element(root, control))
    if text_fields is None:
        return (text,)
    return tuple(ShownText(text.tag, text.name, f"${name}", text.speaker_key, text.text_key) for name in text_fields)


def text_element(root: Element, control: Element) -> Element:
    """The first text that the control classifies. Raises UnsupportedLabelConfig."""
    object_names = [part.strip() for part in control.get("toname", "").split(",") if part.strip()]
    by_name = {e.get("name"): e for e in root.iter() if e.get("name")}
    for to_name in object_names:
        element = by_name.get(to_name)
        if element is None or element.tag not in TEXT_TAGS:
            continue
        if element.get("valuetype", "").lower() == "url":
            raise UnsupportedLabelConfig(
                f'<{tag_name(element)} name={to_name!r}> has valueType="url": the tasks hold links to texts, which '
                f"only the browser opens. Import the texts themselves. {SUPPORTED}."
            )
        if not _shown_text(element).fields:
            raise UnsupportedLabelConfig(
                f"<{tag_name(element)} name={to_name!r}> has the value {element.get('value')!r}, which names no "
                f"field of the task. {SUPPORTED}."
            )
        return element
    tags = ", ".join(
        f"<{tag_name(by_name[n])}>" if n in by_name else f"{n!r}, which does not exist" for n in object_names
    )
    raise UnsupportedLabelConfig(
        f"<{tag_name(control)} name={control.get('name')!r}> classifies {tags or 'nothing (toName is empty)'}. "
        f"{SUPPORTED}."
    )


def _shown_text(element: Element) -> ShownText:
    return ShownText(
        tag=element.tag,
        name=element.get("name", ""),
        value=element.get("value", ""),
        speaker_key=element.get("namekey", "author"),
        text_key=element.get("textkey", "text"),
    )
