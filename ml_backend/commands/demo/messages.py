"""The demo's texts: 1,239 customer messages in 10 unequal classes, written for this project."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from types import MappingProxyType
from xml.sax.saxutils import quoteattr

NO_HINTS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Message:
    """A text and its gold label."""

    text: str
    label: str


def messages() -> list[Message]:
    """All messages, in a fixed shuffled order."""
    lines = (files("ml_backend.commands.demo") / "messages.jsonl").read_text(encoding="utf-8").splitlines()
    return [Message(**json.loads(line)) for line in lines]


def descriptions() -> dict[str, str]:
    """A sentence about each class."""
    text = (files("ml_backend.commands.demo") / "class_descriptions.json").read_text(encoding="utf-8")
    return dict(json.loads(text))


def label_config(classes: Sequence[str], hints: Mapping[str, str] = NO_HINTS) -> str:
    """A Label Studio config that asks for one of the classes. hints: shown when the mouse is over a class."""
    choices = "".join(
        f"<Choice value={quoteattr(name)}{f' hint={quoteattr(hints[name])}' if name in hints else ''}/>"
        for name in classes
    )
    return (
        '<View><Header value="What is this message about?"/><Text name="message" value="$text"/>'
        f'<Choices name="topic" toName="message" choice="single" showInLine="true">{choices}</Choices></View>'
    )
