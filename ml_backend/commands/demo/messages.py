"""The demo's texts: 1,239 customer messages in 10 unequal classes, written for this project."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.resources import files


@dataclass(frozen=True)
class Message:
    """A text and its gold label."""

    text: str
    label: str


def messages() -> list[Message]:
    """All messages, in a fixed shuffled order."""
    lines = (files("ml_backend.commands.demo") / "messages.jsonl").read_text(encoding="utf-8").splitlines()
    return [Message(**json.loads(line)) for line in lines]


def label_config(classes: list[str]) -> str:
    """A Label Studio config that asks for one of the classes."""
    choices = "".join(f'<Choice value="{name}"/>' for name in classes)
    return (
        '<View><Header value="What is this message about?"/><Text name="message" value="$text"/>'
        f'<Choices name="topic" toName="message" choice="single" showInLine="true">{choices}</Choices></View>'
    )
