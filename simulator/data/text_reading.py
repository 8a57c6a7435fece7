"""The text of a row or task, as the live service would read it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from datetime import date, time, timedelta
from decimal import Decimal
from typing import Any

from ml_backend.labelstudio.label_config import parse
from ml_backend.labelstudio.texts import CONTROL_CHARACTERS, MOST_CHARACTERS, BadTask, task_text
from simulator.data.columns import Columns, value_at
from simulator.data.command_options import with_options

FIELD = "text"
CLASSES = '<Choices name="label" toName="text"><Choice value="a"/><Choice value="b"/></Choices>'
PLAIN = parse(f'<View><Text name="text" value="${FIELD}"/>{CLASSES}</View>')
DIALOGUE = parse(f'<View><Paragraphs name="text" value="${FIELD}"/>{CLASSES}</View>')
MARKUP = re.compile(r"</[a-z][a-z0-9]*\s*>|<(?:br|hr|p|div|span|img|a)\b[^<>]{0,200}>", re.IGNORECASE)
AS_IT_IS = re.compile(r"[^\W_](?:[^:/\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]*[^\s:/\x00-\x1f\x7f\ud800-\udfff])?")
"""A text that is read as it is written: neither a link nor with characters that are removed."""
KEYS_OF_TURNS = (
    "correct nameKey and textKey",
    "give the label config whose <Paragraphs> names the keys, with --label-config",
)
"""The remedy for a dialogue of a project, and the one without its label config."""
TEXTS_SEARCHED = 1000
SHARE_WITH_MARKUP = 0.1


class TextReader:
    """Reads texts by the label config of `columns`; without one, a string is read as <Text> shows it, a list of turns
    as <Paragraphs> does."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns

    def text(self, data: Mapping[str, Any]) -> str:
        """The text of a row or of a task's data, "" if all of its columns are blank. Raises BadTask with the reason."""
        config = self._columns.label_config
        if config is None:
            return text_of_value(value_at(data, self._columns.text))
        for name in config.fields:
            _check_type(value_at(data, name))
        try:
            return task_text(data, config)
        except BadTask as problem:
            if all(_is_blank(value_at(data, name)) for name in config.fields):
                return ""
            raise type(problem)(with_options(str(problem))) from None


def text_of_value(value: Any) -> str:
    """The text of one value, "" if it is blank. Raises BadTask with the reason."""
    # Reading a million texts takes long, and most of them are not changed by it.
    if isinstance(value, str) and len(value) <= MOST_CHARACTERS and AS_IT_IS.fullmatch(value):
        return value
    if _is_blank(value):
        return ""
    if isinstance(value, Decimal):
        value = float(value)
    _check_type(value)
    if isinstance(value, list) and not all(isinstance(turn, Mapping) for turn in value):
        raise BadTask(
            'the text is a list, and not one of turns such as {"author": "A", "text": "hello"}; join its parts, or '
            "give the project's label config with --label-config"
        )
    try:
        return task_text({FIELD: value}, DIALOGUE if isinstance(value, list) else PLAIN)
    except BadTask as problem:
        # The reason names the field of this module's label configs and a setting of projects; here it is a column.
        reason = re.sub(rf"\b(field|text in) '{FIELD}'", "text", str(problem)).replace(f"turn of '{FIELD}'", "turn")
        raise type(problem)(with_options(reason).replace(*KEYS_OF_TURNS)) from None


def _check_type(value: Any) -> None:
    """Raise BadTask for a value that JSON does not have."""
    if not isinstance(value, str | int | float | Decimal | list | Mapping | None):
        kind = "a date or time" if isinstance(value, date | time | timedelta) else f"of the type {type(value).__name__}"
        raise BadTask(f"the text is {kind}, not a string; store it as text in the file")


def _is_blank(value: Any) -> bool:
    if isinstance(value, str):
        return not CONTROL_CHARACTERS.sub("", value).strip()
    return value is None or (isinstance(value, float) and math.isnan(value))


def note_on_markup(texts: Sequence[str], columns: Columns) -> tuple[str, ...]:
    """A note if many of the texts hold markup, which <HyperText> would not show."""
    if columns.label_config is not None or not texts:
        return ()
    searched = texts[:: max(1, len(texts) // TEXTS_SEARCHED)]
    share = sum(MARKUP.search(text) is not None for text in searched) / len(searched)
    if share < SHARE_WITH_MARKUP:
        return ()
    return (
        f"{share:.0%} of the texts hold HTML, which is read as it is written. If the project shows them with "
        "<HyperText>, give its label config with --label-config, so that they are read as annotators see them",
    )
