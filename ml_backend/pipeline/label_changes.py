"""Which labels were added, changed or removed since the last fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

Chosen = tuple[str, ...]
"""The classes that a task is labelled with: one, or any number if the config is multi-label."""


def label_changes(before: Mapping[int, Sequence[str]], now: Mapping[int, Chosen]) -> dict[int, Chosen | None]:
    """Task id → its classes for new and changed labels, and task id → None for removed ones."""
    changed: dict[int, Chosen | None] = {
        task_id: chosen
        for task_id, chosen in now.items()
        if tuple(before.get(task_id, ())) != chosen or task_id not in before
    }
    changed.update({task_id: None for task_id in before if task_id not in now})
    return changed
