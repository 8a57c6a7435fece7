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
    chosen = _control(root, control)
    to_name, shown = _object(root, chosen)
    paths = dict(_leaves(chosen, ()))
    if len(paths) < 2:
        raise UnsupportedLabelConfig(
            f"<{chosen.tag} name={chosen.get('name')!r}> has {len(paths)} classes written in the config; at least two "
            f"are needed, and classes taken from the task's data cannot be learned. {SUPPORTED}."
        )
    multi_label = _multi_label(chosen)
    name = chosen.get("name", "")
    return LabelConfig(
        control=name,
        control_tag=chosen.tag,
        to_name=to_name,
        object_tag=shown.tag,
        fields=text_fields or _fields(shown),
        classes=tuple(paths),
        paths=paths,
        multi_label=multi_label,
        nested=chosen.tag == "Taxonomy" or chosen.get("allowNested", chosen.get("allownested")) == "true",
        speaker_key=shown.get("nameKey", shown.get("namekey", "author")),
        text_key=shown.get("textKey", shown.get("textkey", "text")),
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
    controls = [e for e in root.iter() if e.tag in CONTROL_TAGS and _of_whole_task(e)]
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
    listed = ", ".join(other_controls) or "none at all"
    raise UnsupportedLabelConfig(f"the label config has no classification control; it has {listed}. {SUPPORTED}.")


def _of_whole_task(control: Element) -> bool:
    per_part = (control.get("perRegion"), control.get("perItem"))
    return bool(control.get("name")) and "true" not in [str(value).lower() for value in per_part]


def _object(root: Element, control: Element) -> tuple[str, Element]:
    object_names = [part.strip() for part in control.get("toName", "").split(",") if part.strip()]
    by_name = {e.get("name"): e for e in root.iter() if e.get("name")}
    for to_name in object_names:
        shown = by_name.get(to_name)
        if shown is None or shown.tag not in OBJECT_TAGS:
            continue
        if shown.get("valueType", shown.get("valuetype", "")).lower() == "url":
            raise UnsupportedLabelConfig(
                f'<{shown.tag} name={to_name!r}> has valueType="url": its texts lie behind links that only the '
                f"browser opens. Import the texts themselves. {SUPPORTED}."
            )
        if not _fields(shown):
            raise UnsupportedLabelConfig(
                f"<{shown.tag} name={to_name!r}> has the value {shown.get('value')!r}, which names no field of the "
                f"task. {SUPPORTED}."
            )
        return to_name, shown
    tags = ", ".join(f"<{by_name[n].tag}>" if n in by_name else f"{n!r}, which does not exist" for n in object_names)
    raise UnsupportedLabelConfig(
        f"<{control.tag} name={control.get('name')!r}> is about {tags or 'nothing (toName is empty)'}. {SUPPORTED}."
    )


def _fields(shown: Element) -> tuple[str, ...]:
    return tuple(dict.fromkeys(re.findall(r"\$\{?([\w][\w.\-\[\]]*)", shown.get("value", ""))))


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
