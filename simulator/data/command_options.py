"""Sentences of the live service about settings of a project, with the options of the simulator's commands instead."""

from __future__ import annotations

import re

OPTIONS = (
    (r'the setting "control"', "--control"),
    (r'the setting "class_descriptions"', "--class-descriptions"),
    (r"set text_fields to the fields of the task's data that hold the text", "name one field with --text-column"),
    (r"in text_fields(, such as \S+)?", "with --text-column"),
)
"""Pattern of a setting → the option."""


def with_options(sentence: str) -> str:
    """The sentence with options in the place of settings."""
    for setting, option in OPTIONS:
        sentence = re.sub(setting, option, sentence)
    return sentence
