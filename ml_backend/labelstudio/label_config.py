"""Parse a project's label config: the classification control, its texts and its classes."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

CONTROL_TAGS = ("Choices", "Taxonomy")
OBJECT_TAGS = ("Text", "HyperText", "Paragraphs")
PATH_SEPARATOR = " / "
SUPPORTED = (
    "Supported: <Choices> (single or multiple, nested too) or <Taxonomy> with its classes written in the config, over "
    "<Text>, <HyperText> or <Paragraphs> whose value names a field of the task, such as $text"
)


class UnsupportedLabelConfig(ValueError):
    """A label config without a supported classification control; the message says what is supported."""


@dataclass(frozen=True)
class LabelConfig:
    """The parts of a label config that matter for classification.

    control: name of the classification control; control_tag: `Choices` or `Taxonomy`; to_name, object_tag: name and tag
    of the text that it classifies; multi_label: whether a task may have several classes;
    classes: names of the leaf classes in the order of the config, nested ones as "parent / child";
    paths: class → its labels from the root; nested: whether results hold paths instead of names;
    fields: fields of a task's data that are joined into its text; speaker_key, text_key: keys of a dialogue's turns;
    fingerprint: changes with the control and the classes, so that a head of another label set is never used.
    """

    control: str
    control_tag: str
    to_name: str
    object_tag: str
    fields: tuple[str, ...]
    classes: tuple[str, ...]
    paths: dict[str, tuple[str, ...]]
    multi_label: bool
    nested: bool
    speaker_key: str
    text_key: str
    fingerprint: str


def parse(xml: str, control: str | None = None, text_fields: Sequence[str] | None = None) -> LabelConfig:
    """The first classification control of a config, or the one named `control`, and the texts that it classifies.

    xml: the label config; text_fields: fields of the task's data to read instead of those that the config shows.
    Raises UnsupportedLabelConfig.
    """
    return _parse(xml, control, None if text_fields is None else tuple(text_fields))


@lru_cache(maxsize=256)
def _parse(xml: str, control: str | None, text_fields: tuple[str, ...] | None) -> LabelConfig:
    root = _root(xml)
    control_element = _control(root, control)
    to_name, text_element = _text_object(root, control_element)
    paths = dict(_leaves(control_element, ()))
    if len(paths) < 2:
        raise UnsupportedLabelConfig(
            f"<{control_element.tag} name={control_element.get('name')!r}> has {len(paths)} classes written in the "
            f"config; at least two are needed, and classes taken from the task's data cannot be learned. {SUPPORTED}."
        )
    multi_label = _multi_label(control_element)
    name = control_element.get("name", "")
    return LabelConfig(
        control=name,
        control_tag=control_element.tag,
        to_name=to_name,
        object_tag=text_element.tag,
        fields=text_fields or _fields(text_element),
        classes=tuple(paths),
        paths=paths,
        multi_label=multi_label,
        nested=control_element.tag == "Taxonomy"
        or control_element.get("allowNested", control_element.get("allownested")) == "true",
        speaker_key=text_element.get("nameKey", text_element.get("namekey", "author")),
        text_key=text_element.get("textKey", text_element.get("textkey", "text")),
        fingerprint=hashlib.sha256(json.dumps([name, list(paths), multi_label]).encode()).hexdigest(),
    )


def _root(xml: str) -> Element:
    if not xml.strip():
        raise UnsupportedLabelConfig(f"the project has no label config yet. {SUPPORTED}.")
    try:
        root: Element = fromstring(xml)
    except (ParseError, DefusedXmlException, ValueError) as problem:
        raise UnsupportedLabelConfig(f"the label config cannot be read as XML: {problem}. {SUPPORTED}.") from None
    return root


def _control(root: Element, name: str | None) -> Element:
    controls = [e for e in root.iter() if e.tag in CONTROL_TAGS and _classifies_whole_task(e)]
    if name is None and controls:
        return controls[0]
    for element in controls:
        if element.get("name") == name:
            return element
    names = ", ".join(repr(e.get("name")) for e in controls)
    if name is not None:
        raise UnsupportedLabelConfig(
            f"the label config has no classification control named {name!r}; it has {names or 'none'}. {SUPPORTED}."
        )
    other_controls = sorted({f"<{e.tag}>" for e in root.iter() if e.get("toName")})
    tags = ", ".join(other_controls) or "none at all"
    raise UnsupportedLabelConfig(f"the label config has no classification control; it has {tags}. {SUPPORTED}.")


def _classifies_whole_task(control: Element) -> bool:
    per_part = (control.get("perRegion"), control.get("perItem"))
    return bool(control.get("name")) and "true" not in [str(value).lower() for value in per_part]


def _text_object(root: Element, control: Element) -> tuple[str, Element]:
    object_names = [part.strip() for part in control.get("toName", "").split(",") if part.strip()]
    by_name = {e.get("name"): e for e in root.iter() if e.get("name")}
    for to_name in object_names:
        text_element = by_name.get(to_name)
        if text_element is None or text_element.tag not in OBJECT_TAGS:
            continue
        if text_element.get("valueType", text_element.get("valuetype", "")).lower() == "url":
            raise UnsupportedLabelConfig(
                f'<{text_element.tag} name={to_name!r}> has valueType="url": the tasks hold links to texts, which '
                f"only the browser opens. Import the texts themselves. {SUPPORTED}."
            )
        if not _fields(text_element):
            raise UnsupportedLabelConfig(
                f"<{text_element.tag} name={to_name!r}> has the value {text_element.get('value')!r}, which names no "
                f"field of the task. {SUPPORTED}."
            )
        return to_name, text_element
    tags = ", ".join(f"<{by_name[n].tag}>" if n in by_name else f"{n!r}, which does not exist" for n in object_names)
    raise UnsupportedLabelConfig(
        f"<{control.tag} name={control.get('name')!r}> classifies {tags or 'nothing (toName is empty)'}. {SUPPORTED}."
    )


def _fields(text_element: Element) -> tuple[str, ...]:
    return tuple(dict.fromkeys(re.findall(r"\$\{?([\w][\w.\-\[\]]*)", text_element.get("value", ""))))


def _leaves(element: Element, above: tuple[str, ...]) -> Iterator[tuple[str, tuple[str, ...]]]:
    for child in element:
        if child.tag != "Choice":
            yield from _leaves(child, above)
            continue
        label = child.get("alias") or child.get("value") or ""
        below = list(_leaves(child, (*above, label)))
        if below:
            yield from below
        elif label:
            yield PATH_SEPARATOR.join((*above, label)), (*above, label)


def _multi_label(control: Element) -> bool:
    if control.tag == "Taxonomy":
        return control.get("maxUsages", control.get("maxusages")) != "1"
    return control.get("choice", "single").lower() == "multiple"
