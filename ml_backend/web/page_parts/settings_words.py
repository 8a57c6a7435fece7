"""Values of settings as words for people."""

from __future__ import annotations

from typing import Any

LONGEST_VALUE = 500
"""Characters of a setting in the history of changes."""


def setting_words(value: Any) -> str:
    """A value of a setting, for people."""
    if value is None:
        return "default"
    if isinstance(value, dict):
        lines = "; ".join(f"{name}: {text}" for name, text in value.items())
        return lines if len(lines) <= LONGEST_VALUE else f"{lines[:LONGEST_VALUE]}…"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def change_words(changes: dict[str, list[Any]]) -> str:
    """Changes of settings, for people. changes: name → [value before, value after]."""
    return ", ".join(
        f"{name}: {setting_words(before)} → {setting_words(after)}" for name, (before, after) in changes.items()
    )
