"""Parse a project's label config: the control that is learned, its texts and its classes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import astuple, dataclass, field
from functools import cached_property
from xml.etree.ElementTree import Element

from ml_backend.labelstudio.bounded_cache import BoundedCache
from ml_backend.labelstudio.choices import class_hints, class_words
from ml_backend.labelstudio.class_lookup import PATH_SEPARATOR, ClassLookup, Path
from ml_backend.labelstudio.config_elements import SUPPORTED, UnsupportedLabelConfig, read_elements, tag_name
from ml_backend.labelstudio.controls import CONTROL_TAGS, Control, controls_of
from ml_backend.labelstudio.shown_texts import OBJECT_TAGS, ShownText, object_element, shown_texts

__all__ = ["PATH_SEPARATOR", "LabelConfig", "UnsupportedLabelConfig", "parse"]

MOST_CONTROLS = 50
"""Controls of a label config that are looked at; each costs time that grows with the length of the config."""

MOST_CACHED_BYTES = 32 * 2**20
BYTES_OF_A_CHARACTER = 16
"""Memory that a parsed config takes at most, with its lookup of classes, for each character of the config."""
BYTES_OF_A_CONFIG = 2**12


@dataclass(frozen=True)
class LabelConfig:
    """The parts of a label config that matter for classification.

    control: name of the control that is learned; control_tag: `Choices`, `Taxonomy` or `Rating`; to_name: name of the
    object that its answers belong to; texts: what the annotator sees and a task's text is made of; multi_label: whether
    a task may have several classes; classes: their names in the order of the config, nested ones as "parent / child";
    paths: class → its choices from the root, as results hold them; nested: whether results hold paths instead of names;
    notes: what was chosen where the config leaves a choice, as sentences for people; fingerprint: changes with the
    control, its classes and the texts, so that a head of another label set or of other texts is replaced at once;
    separator: between the parts of a path in Label Studio's editor; words: class → what the editor shows for it, where
    that is not its name and says more; hints: class → its tooltip, which describes it. Neither is in the fingerprint.
    """

    control: str
    control_tag: str
    to_name: str
    texts: tuple[ShownText, ...]
    classes: tuple[str, ...]
    paths: dict[str, Path]
    multi_label: bool
    nested: bool
    notes: tuple[str, ...]
    fingerprint: str
    separator: str = PATH_SEPARATOR
    words: dict[str, str] = field(default_factory=dict)
    hints: dict[str, str] = field(default_factory=dict)

    @property
    def fields(self) -> tuple[str, ...]:
        """Fields of a task's data that are read, in the order of the texts."""
        return tuple(dict.fromkeys(name for text in self.texts for name in text.fields))

    @property
    def text_source(self) -> str:
        """Changes when the texts of tasks have to be read again, because they are made of something else."""
        return json.dumps([astuple(text) for text in self.texts])

    @cached_property
    def lookup(self) -> ClassLookup:
        """Finds the class that a choice of an annotation means."""
        return ClassLookup(self.paths, self.separator)


def parse(xml: str, control: str | None = None, text_fields: Sequence[str] | None = None) -> LabelConfig:
    """The first usable control of a config, or the one named `control`, and the texts beside it.

    A control whose toName names a text comes before one that classifies something else beside a text, and a <Rating>
    after <Choices> and <Taxonomy>.
    xml: the label config; text_fields: fields of the task's data to read instead of those that the config shows.
    Raises UnsupportedLabelConfig, with a reason for every control, if none is usable.
    """
    fields = None if text_fields is None else tuple(text_fields)
    key = hashlib.sha256(json.dumps([xml, control, fields]).encode()).digest()
    n_bytes = BYTES_OF_A_CONFIG + BYTES_OF_A_CHARACTER * len(xml)
    found = _parsed_configs.get(key, n_bytes, lambda: _parse_or_refuse(xml, control, fields))
    if isinstance(found, str):
        raise UnsupportedLabelConfig(found)
    return found


_parsed_configs: BoundedCache[LabelConfig | str] = BoundedCache(MOST_CACHED_BYTES)
"""Parsed configs, and the messages about those that cannot be used, since reading them takes as long."""


def _parse_or_refuse(xml: str, control: str | None, fields: tuple[str, ...] | None) -> LabelConfig | str:
    try:
        return _parse(xml, control, fields)
    except UnsupportedLabelConfig as problem:
        return str(problem)


@dataclass(frozen=True)
class _Usable:
    """A control that can be learned, and its texts; notes: what was chosen about the texts, for people."""

    control: Control
    paths: dict[str, Path]
    to_name: str
    texts: tuple[ShownText, ...]
    notes: tuple[str, ...]


def _parse(xml: str, control_name: str | None, text_fields: tuple[str, ...] | None) -> LabelConfig:
    root = read_elements(xml)
    reasons: list[tuple[str, str]] = []
    usable: list[_Usable] = []
    for control in _candidates(controls_of(root), control_name):
        try:
            usable.append(_usable(root, control, text_fields))
        except UnsupportedLabelConfig as problem:
            reasons.append((control.title, str(problem)))
    if not usable:
        raise _refusal(reasons, control_name)
    chosen = min(usable, key=lambda u: _preference(root, u.control))
    others = [(u.control.title, "(could be learned too)") for u in usable if u is not chosen]
    return _label_config(chosen, (*_notes(chosen.control, others + reasons), *chosen.notes))


def _candidates(controls: list[Control], name: str | None) -> list[Control]:
    """The controls that may be learned: all, or the one that the settings name. Raises UnsupportedLabelConfig."""
    if name is None:
        return controls[:MOST_CONTROLS]
    named = [c for c in controls if c.name == name][:1]
    if not named:
        names = ", ".join(repr(c.name) for c in controls if c.name and c.element.tag in CONTROL_TAGS) or "none"
        raise UnsupportedLabelConfig(
            f"the label config has no classification control named {name!r}; it has {names}: change the setting "
            f'"control". {SUPPORTED}.'
        )
    return named


def _preference(root: Element, control: Control) -> tuple[bool, bool]:
    """Sorts controls over a text before others, and ratings after other controls."""
    texts = {e.get("name") for e in root.iter() if e.tag in OBJECT_TAGS}
    to_name = control.element.get("toname", "")
    is_over_text = any(name.strip() in texts for name in (to_name, *to_name.split(",")))
    return not is_over_text, control.element.tag == "rating"


def _usable(root: Element, control: Control, text_fields: tuple[str, ...] | None) -> _Usable:
    if control.reason is not None or control.paths is None:
        raise UnsupportedLabelConfig(str(control.reason))
    to_name = object_element(root, control.element).get("name", "")
    texts, notes = shown_texts(root, control.element, text_fields)
    return _Usable(control, control.paths, to_name, texts, notes)


def _refusal(reasons: list[tuple[str, str]], control_name: str | None) -> UnsupportedLabelConfig:
    if not reasons:
        return UnsupportedLabelConfig(f"the label config has no classification control: it asks nothing. {SUPPORTED}.")
    sentences = ". ".join(_sentence(title, reason) for title, reason in reasons)
    if control_name is not None:
        return UnsupportedLabelConfig(
            f'the control that the setting "control" names cannot be learned. {sentences}. {SUPPORTED}.'
        )
    return UnsupportedLabelConfig(
        f"the label config has no classification control that can be learned. {sentences}. {SUPPORTED}."
    )


def _sentence(title: str, reason: str) -> str:
    reason = reason.removesuffix(f" {SUPPORTED}.").rstrip(".")
    return reason if reason.startswith("<") else f"{title} {reason}"


def _notes(control: Control, others: list[tuple[str, str]]) -> tuple[str, ...]:
    notes = []
    if others:
        reasons = "; ".join(_sentence(title, reason) for title, reason in others)
        notes.append(f'{control.title} is learned; the setting "control" names another one. Not learned: {reasons}.')
    if control.shown_when:
        notes.append(
            f"{control.title} is shown for some tasks only ({', '.join(control.shown_when)}): a task where it is not "
            "answered has no label."
        )
    if control.element.tag == "rating":
        notes.append(f"{control.title}: each number of stars is a class of its own; their order is not used.")
    return tuple(notes)


def _label_config(usable: _Usable, notes: tuple[str, ...]) -> LabelConfig:
    control, paths = usable.control, usable.paths
    identity = [control.name, list(paths), control.multi_label, [astuple(text) for text in usable.texts]]
    return LabelConfig(
        control=control.name,
        control_tag=tag_name(control.element),
        to_name=usable.to_name,
        texts=usable.texts,
        classes=tuple(paths),
        paths=paths,
        multi_label=control.multi_label,
        nested=control.nested,
        notes=notes,
        fingerprint=hashlib.sha256(json.dumps(identity).encode()).hexdigest(),
        separator=control.separator,
        words=class_words(control.choices, paths),
        hints=class_hints(control.choices, paths),
    )
