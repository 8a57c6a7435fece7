"""Parse a project's label config: the classification control, its texts and its classes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from ml_backend.labelstudio.config_elements import UnsupportedLabelConfig, read_elements, tag_name
from ml_backend.labelstudio.controls import PATH_SEPARATOR, learned_control
from ml_backend.labelstudio.shown_texts import ShownText, shown_texts, text_element

__all__ = ["PATH_SEPARATOR", "LabelConfig", "UnsupportedLabelConfig", "parse"]


@dataclass(frozen=True)
class LabelConfig:
    """The parts of a label config that matter for classification.

    control: name of the classification control; control_tag: `Choices` or `Taxonomy`; to_name: name of the text that
    it classifies; texts: what the annotator sees and a task's text is made of; multi_label: whether a task may have
    several classes; classes: their names in the order of the config, nested ones as "parent / child"; paths: class →
    its labels from the root; nested: whether results hold paths instead of names; notes: what was chosen where the
    config leaves a choice, as sentences for people;
    fingerprint: changes with the control and the classes, so that a head of another label set is never used.
    """

    control: str
    control_tag: str
    to_name: str
    texts: tuple[ShownText, ...]
    classes: tuple[str, ...]
    paths: dict[str, tuple[str, ...]]
    multi_label: bool
    nested: bool
    notes: tuple[str, ...]
    fingerprint: str

    @property
    def fields(self) -> tuple[str, ...]:
        """Fields of a task's data that are read, in the order of the texts."""
        return tuple(dict.fromkeys(name for text in self.texts for name in text.fields))

    @property
    def text_source(self) -> str:
        """Changes when the texts of tasks have to be read again, because they are made of something else."""
        return json.dumps([[t.tag, t.value, t.speaker_key, t.text_key] for t in self.texts])


def parse(xml: str, control: str | None = None, text_fields: Sequence[str] | None = None) -> LabelConfig:
    """The first usable classification control of a config, or the one named `control`, and the texts beside it.

    xml: the label config; text_fields: fields of the task's data to read instead of those that the config shows.
    Raises UnsupportedLabelConfig.
    """
    return _parse(xml, control, None if text_fields is None else tuple(text_fields))


@lru_cache(maxsize=256)
def _parse(xml: str, control_name: str | None, text_fields: tuple[str, ...] | None) -> LabelConfig:
    root = read_elements(xml)
    control, notes = learned_control(root, control_name)
    name = control.element.get("name", "")
    return LabelConfig(
        control=name,
        control_tag=tag_name(control.element),
        to_name=text_element(root, control.element).get("name", ""),
        texts=shown_texts(root, control.element, text_fields),
        classes=tuple(control.paths),
        paths=control.paths,
        multi_label=control.multi_label,
        nested=control.nested,
        notes=notes,
        fingerprint=hashlib.sha256(json.dumps([name, list(control.paths), control.multi_label]).encode()).hexdigest(),
    )
