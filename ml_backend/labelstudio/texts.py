"""The text of a task, read from its data."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from html.parser import HTMLParser
from typing import Any

from ml_backend.labelstudio.label_config import LabelConfig
from ml_backend.labelstudio.shown_texts import ShownText
from ml_backend.text_fields import FIELD_SEPARATOR

MOST_CHARACTERS = 100_000
"""Longer texts are refused; sentence embeddings use about the first 2,000 characters."""
STORAGE_LINK = re.compile(r"(s3|gs|gcs|azure-blob|azure|redis|hdfs)://\S+", re.IGNORECASE)
CONTROL_CHARACTERS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
UNREAD_TAGS = {"script", "style", "head", "template"}
BREAKING_TAGS = {"p", "br", "div", "li", "tr", "td", "th", "h1", "h2", "h3", "h4", "h5", "h6", "section", "article"}


class BadTask(ValueError):
    """A task without a usable text; the message is the reason, and equal for all tasks with the same problem."""


def task_text(data: Mapping[str, Any], config: LabelConfig) -> str:
    """The text of a task for embedding: the config's fields, without markup and control characters.

    data: the task's data; several fields are joined by FIELD_SEPARATOR, which an embedder replaces by the separator
    that its model was trained with. Raises BadTask.
    """
    parts = [_field_text(_field(data, name), name, text) for text in config.texts for name in text.fields]
    text = FIELD_SEPARATOR.join(part for part in parts if part).strip()
    if not text:
        raise BadTask(f"the text in {_field_names(config)} is empty")
    if len(text) > MOST_CHARACTERS:
        raise BadTask(f"the text in {_field_names(config)} is longer than {MOST_CHARACTERS:,} characters")
    return text


def text_hash(text: str) -> str:
    """BLAKE2b of the text, 32 hexadecimal digits; equal texts have equal hashes."""
    return hashlib.blake2b(text.encode("utf-8"), digest_size=16).hexdigest()


def _field_names(config: LabelConfig) -> str:
    return ", ".join(repr(name) for name in config.fields)


def _field(data: Mapping[str, Any], name: str) -> Any:
    value: Any = data
    if name in data:
        value = data[name]
    else:
        for part in re.split(r"\.|\[|\]\.?", name):
            if isinstance(value, list) and part.isdigit() and int(part) < len(value):
                value = value[int(part)]
            elif isinstance(value, Mapping) and part in value:
                value = value[part]
            elif part:
                raise BadTask(f"the task's data has no field {name!r}")
    if value is None:
        raise BadTask(f"the field {name!r} is null")
    return value


def _field_text(value: Any, name: str, shown: ShownText) -> str:
    if shown.tag == "paragraphs":
        return _dialogue(value, name, shown)
    if not isinstance(value, str):
        raise BadTask(f"the field {name!r} holds a {_kind(value)} instead of a string")
    if len(value) > 10 * MOST_CHARACTERS:
        raise BadTask(f"the text in {name!r} is longer than {MOST_CHARACTERS:,} characters")
    if STORAGE_LINK.fullmatch(value.strip()):
        scheme = value.strip().split("://")[0].lower()
        raise BadTask(f"the field {name!r} holds a link to a storage ({scheme}://…) instead of a text")
    text = _without_markup(value) if shown.tag == "hypertext" else value
    return CONTROL_CHARACTERS.sub("", text)


def _dialogue(value: Any, name: str, shown: ShownText) -> str:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return CONTROL_CHARACTERS.sub("", str(value))
    if not isinstance(value, list):
        raise BadTask(f"the field {name!r} holds a {_kind(value)} instead of a list of turns")
    turns = []
    for turn in value:
        text = turn.get(shown.text_key) if isinstance(turn, Mapping) else turn
        if not isinstance(text, str):
            raise BadTask(f"a turn of {name!r} has no string under {shown.text_key!r}")
        speaker = turn.get(shown.speaker_key) if isinstance(turn, Mapping) else None
        turns.append(f"{speaker}: {text}" if speaker else text)
    return CONTROL_CHARACTERS.sub("", "\n".join(turns))


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "true/false value"
    kinds = {int: "number", float: "number", list: "list", dict: "object"}
    return kinds.get(type(value), type(value).__name__)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.text_parts: list[str] = []
        self._unread_depth = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._unread_depth += tag in UNREAD_TAGS
        if tag in BREAKING_TAGS:
            self.text_parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        self._unread_depth = max(0, self._unread_depth - (tag in UNREAD_TAGS))
        if tag in BREAKING_TAGS:
            self.text_parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._unread_depth:
            self.text_parts.append(data)


def _without_markup(markup: str) -> str:
    reader = _Reader()
    reader.feed(markup)
    reader.close()
    lines = (" ".join(line.split()) for line in "".join(reader.text_parts).split("\n"))
    return "\n".join(line for line in lines if line)
