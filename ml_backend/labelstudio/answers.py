"""What an annotation answers: the classes that it names for one control.

The live service, exports and the simulator read answers by this module only, so that the same annotation means the same
everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ml_backend.labelstudio.label_config import PATH_SEPARATOR, LabelConfig


@dataclass(frozen=True)
class Answer:
    """What one annotation says about a control.

    classes: the chosen classes, None if the annotation says nothing about them; unknown: choices that are not classes
    of the label config; problem: what is wrong with the annotation, as a sentence, None for a valid one.
    """

    classes: tuple[str, ...] | None
    unknown: tuple[str, ...] = ()
    problem: str | None = None


def answer(result: Sequence[Any], config: LabelConfig) -> Answer:
    """Read the answer of an annotation. result: as Label Studio stores it, not validated."""
    chosen: dict[str, None] = {}
    unknown: list[str] = []
    has_result = False
    for item in result:
        if not isinstance(item, dict) or item.get("from_name") != config.control:
            continue
        choices = _chosen_values(item.get("value"), config.control_tag.lower())
        if choices is None:
            continue
        has_result = True
        for choice in choices:
            path = tuple(choice) if isinstance(choice, list) else (str(choice),)
            name = _class_of(path, config)
            if name is None:
                unknown.append(PATH_SEPARATOR.join(map(str, path)))
            else:
                chosen[name] = None
    if not config.multi_label:
        return Answer(tuple(chosen)[:1] or None, tuple(unknown))
    # An empty result means that no class applies; one with unknown choices only says nothing about the classes.
    only_unknown = bool(unknown) and not chosen
    classes = tuple(n for n in config.classes if n in chosen) if has_result and not only_unknown else None
    return Answer(classes, tuple(unknown))


def _chosen_values(value: Any, kind: str) -> list[Any] | None:
    """The choices in the value of a result; None for other shapes, which Label Studio accepts in imports."""
    value = value or {}
    if not isinstance(value, dict):
        return None
    choices = value.get(kind) or []
    return choices if isinstance(choices, list) else None


def _class_of(path: tuple[str, ...], config: LabelConfig) -> str | None:
    name = PATH_SEPARATOR.join(map(str, path))
    if name in config.paths:
        return name
    # Results of nested choices without `allowNested` hold only the leaf.
    leaves = [n for n, path_of_class in config.paths.items() if len(path) == 1 and path_of_class[-1] == path[0]]
    return leaves[0] if len(leaves) == 1 else None
