"""The text of a task: what Label Studio's editor shows of its data beside the control."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ml_backend.labelstudio.bounded_cache import BoundedCache
from ml_backend.labelstudio.json_values import kind_of
from ml_backend.labelstudio.label_config import LabelConfig
from ml_backend.labelstudio.links import Link, link_in
from ml_backend.labelstudio.markup import BrokenMarkup, text_of_markup
from ml_backend.labelstudio.shown_texts import ShownText, listed
from ml_backend.labelstudio.value_templates import (
    MISSING,
    OBJECT,
    ONLY_OBJECTS,
    VARIABLE,
    TooLong,
    lookup,
    written,
)
from ml_backend.text_fields import FIELD_SEPARATOR

MOST_CHARACTERS = 100_000
"""Longer texts are refused; sentence embeddings use about the first 2,000 characters."""
MOST_CHARACTERS_OF_NAMES = 100
"""Of the name of a field that a reason shows; every task with the same problem holds the reason."""
CONTROL_CHARACTERS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


class BadTask(ValueError):
    """A task without a usable text; the message is the reason, and equal for all tasks with the same problem."""


class LongText(BadTask):
    """A task whose text has more than MOST_CHARACTERS characters."""


def task_text(data: Mapping[str, Any], config: LabelConfig) -> str:
    """The text of a task for embedding: what the editor shows, without markup and control characters.

    data: the task's data; several texts are joined by FIELD_SEPARATOR, which an embedder replaces by the separator
    that its model was trained with. Raises BadTask.
    """
    texts = [_cleaned(_shown(data, text)) for text in config.texts]
    has_content = [_content(s) != _content_without_data(t) for s, t in zip(texts, config.texts, strict=True)]
    if not any(texts) or not any(has_content):
        raise BadTask(_why_empty(data, config))
    _refuse_only_links(data, texts, config)
    joined = FIELD_SEPARATOR.join(text for text in texts if text)
    if len(joined) > MOST_CHARACTERS:
        raise _too_long(config.fields)
    return joined


def text_hash(text: str) -> str:
    """BLAKE2b of the text, 32 hexadecimal digits; equal texts have equal hashes."""
    return hashlib.blake2b(text.encode("utf-8"), digest_size=16).hexdigest()


_contents_without_data: BoundedCache[str] = BoundedCache(4 * 2**20)


def _content_without_data(text: ShownText) -> str:
    """The content of a text that has only what the label config writes."""
    n_bytes = 1000 + 8 * len(text.value)  # the value and its content, of up to four bytes a character
    return _contents_without_data.get(text, n_bytes, lambda: _shown_without_data(text))


def _shown_without_data(text: ShownText) -> str:
    try:
        return _content(_cleaned(_shown({}, text)))
    except BadTask:
        return ""


def _content(shown: str) -> str:
    """A text without what tells nothing about its task: objects, as the editor shows them."""
    return shown.replace(f",{OBJECT}", "").replace(OBJECT, "").strip()


def _why_empty(data: Mapping[str, Any], config: LabelConfig) -> str:
    """The reason for a text without content of its own."""
    values = {field: lookup(data, field) for field in config.fields}
    if all(value is MISSING for value in values.values()):
        return f"the task's data has no field {_quoted(values)}"
    dialogues = {field for text in config.texts if text.tag == "paragraphs" for field in text.fields}
    for field, value in values.items():
        if field in dialogues or not isinstance(value, Mapping | list):
            continue
        if ONLY_OBJECTS.fullmatch(_written(value, (field,))):
            part = f"{field}.text" if isinstance(value, Mapping) else f"{field}[0].text"
            return (
                f"the field {field!r} holds {kind_of(value)}, which Label Studio shows as [object Object]; name a part "
                f"of it in text_fields, such as {part}"
            )
    if all(value is MISSING or value is None for value in values.values()):
        return (
            f"the field {_quoted(values)} is null"
            if len(values) == 1
            else f"the fields {_quoted(values)} are null or missing"
        )
    return f"the text in {_quoted(values)} is empty"


def _shown(data: Mapping[str, Any], text: ShownText) -> str:
    if text.tag == "paragraphs":
        return _dialogue(data, text)
    shown = _decoded(_substituted(data, text), text)
    if text.tag == "hypertext":
        try:
            shown = text_of_markup(shown)
        except BrokenMarkup:
            raise BadTask(
                f"the markup in {_quoted(text.fields)} ends inside a tag or a comment, whose rest a browser does not "
                "show; close it, or write &lt; for <"
            ) from None
    return shown


def _substituted(data: Mapping[str, Any], text: ShownText) -> str:
    """The value of a tag with what its variables name."""
    if text.field is not None:
        value = lookup(data, text.field)
        _refuse_stored_text(value, text.fields)
        return _written(value, text.fields)
    if text.tag == "header" and text.only_field and not isinstance(lookup(data, text.only_field), str):
        return ""  # the editor shows a header that is a variable alone only if it is a string
    shown_fields = frozenset(text.fields)
    pieces, n_characters, position = [], 0, 0
    for variable in VARIABLE.finditer(text.value):
        name = variable[0][1:]
        value = lookup(data, name)
        if name in shown_fields:  # others are inside a tag of the markup, where a link is usual
            _refuse_stored_text(value, (name,))
        pieces += [text.value[position : variable.start()], _written(value, (name,))]
        position = variable.end()
        n_characters += len(pieces[-2]) + len(pieces[-1])
        if n_characters > MOST_CHARACTERS:
            raise _too_long(text.fields)
    return "".join([*pieces, text.value[position:]])


def _decoded(value: str, text: ShownText) -> str:
    """What `atob` of a browser makes of the value, as UTF-8 for `base64unicode`."""
    if text.encoding == "none":
        return value
    encoded = re.sub(r"[\t\n\f\r ]", "", value)
    encoded = encoded if len(encoded) % 4 else re.sub(r"={1,2}$", "", encoded)
    try:
        if len(encoded) % 4 == 1 or "=" in encoded:
            raise ValueError("a browser does not decode it")
        content = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
        return content.decode("utf-8" if text.encoding == "base64unicode" else "latin-1")
    except ValueError:
        raise BadTask(f"the text in {_quoted(text.fields)} is not encoded as {text.encoding}") from None


def _dialogue(data: Mapping[str, Any], text: ShownText) -> str:
    """The turns of a dialogue, one a line, each after its speaker."""
    (field,) = text.fields
    turns = lookup(data, field)
    if turns is MISSING or turns is None:
        return ""
    if isinstance(turns, str) and (link := link_in(turns)):
        raise _link_problem(link, text.fields)
    if not isinstance(turns, list) or not turns:
        kind = "an empty list" if turns == [] else kind_of(turns)
        raise BadTask(f"the field {field!r} holds {kind} instead of a list of turns")
    for key in (text.speaker_key, text.text_key):
        if not isinstance(turns[0], Mapping) or key not in turns[0]:
            raise BadTask(
                f"the first turn of {field!r} has no {key!r}, without which Label Studio shows no turn; "
                "correct nameKey and textKey"
            )
    parts, n_characters = [], -1  # no line break after the last turn
    for turn in turns:
        if turn is None:
            raise BadTask(f"a turn of {field!r} is null, which Label Studio cannot show")
        parts.append((_turn_part(turn, text.speaker_key, field), _turn_part(turn, text.text_key, field)))
        n_characters += sum(map(len, parts[-1])) + 1
        if n_characters > MOST_CHARACTERS:
            raise _too_long(text.fields)
    links = [link_in(words) for _, words in parts if words.strip()]
    if links and links[0] and all(links):
        raise _link_problem(links[0], text.fields)
    lines = [f"{speaker}: {words}".rstrip() if speaker else words for speaker, words in parts]
    return "\n".join(line for line in lines if line)


def _turn_part(turn: Any, key: str, field: str) -> str:
    """What the editor shows of a turn under a key: strings and numbers, those of lists one after the other."""
    value = turn.get(key) if isinstance(turn, Mapping) else None
    parts: list[str] = []
    n_characters = 0
    left = [value]
    while left:
        part = left.pop()
        if isinstance(part, list):
            if len(part) > MOST_CHARACTERS:
                raise _too_long((field,))
            left.extend(reversed(part))
        elif isinstance(part, Mapping):
            raise BadTask(f"a turn of {field!r} holds an object under {key!r}, which Label Studio does not show")
        elif not isinstance(part, bool):
            parts.append(_written(part, (field,)))
            n_characters += len(parts[-1])
            if n_characters > MOST_CHARACTERS:
                raise _too_long((field,))
    return "".join(parts)


def _written(value: Any, fields: tuple[str, ...]) -> str:
    try:
        return written(value, MOST_CHARACTERS)
    except TooLong:
        raise _too_long(fields) from None


def _refuse_stored_text(value: Any, fields: tuple[str, ...]) -> None:
    """Refuse a link to a stored file, whose text nobody sees; an address beside a text is shown and read as it is."""
    if isinstance(value, str) and len(value) <= MOST_CHARACTERS:
        link = link_in(CONTROL_CHARACTERS.sub("", value))
        if link is not None and link.is_stored:
            raise _link_problem(link, fields)


def _refuse_only_links(data: Mapping[str, Any], texts: Sequence[str], config: LabelConfig) -> None:
    """Refuse a task whose texts show links and nothing else of its data."""
    links = [_only_link(data, shown, text) for shown, text in zip(texts, config.texts, strict=True) if shown]
    if links[0] is not None and all(links):
        raise _link_problem(
            links[0], next(text.fields for text, shown in zip(config.texts, texts, strict=True) if shown)
        )


def _only_link(data: Mapping[str, Any], shown: str, text: ShownText) -> Link | None:
    """The link that a text shows; None if it shows anything else of the task's data."""
    link = link_in(shown)
    if link is not None or text.tag == "paragraphs":
        return link
    values = [value for field in text.fields if (value := lookup(data, field)) not in (MISSING, None, "")]
    links = [link_in(CONTROL_CHARACTERS.sub("", value)) if isinstance(value, str) else None for value in values]
    return links[0] if links and all(links) else None


def _link_problem(link: Link, fields: tuple[str, ...]) -> BadTask:
    return BadTask(
        f"the field {_quoted(fields)} holds a link instead of a text: {link.kind}; import the text itself, or name the "
        "fields to read in text_fields"
    )


def _cleaned(text: str) -> str:
    return CONTROL_CHARACTERS.sub("", text).strip()


def _too_long(fields: tuple[str, ...]) -> LongText:
    return LongText(f"the text in {_quoted(fields)} is longer than {MOST_CHARACTERS:,} characters")


def _quoted(fields: Iterable[str]) -> str:
    return listed(repr(name.rstrip(".")[:MOST_CHARACTERS_OF_NAMES]) for name in fields)
