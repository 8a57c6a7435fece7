"""What an annotation answers: the classes that it names for one control.

The live service, exports and the simulator read answers by this module only, so that the same annotation means the same
everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ml_backend.labelstudio.class_lookup import PATH_SEPARATOR, Path
from ml_backend.labelstudio.json_values import kind_of
from ml_backend.labelstudio.label_config import LabelConfig

REGION_KEYS = {"start", "end", "x", "y", "points", "rle", "ranges"}
"""Keys of a value that answers for a part of the data."""
MOST_CHARACTERS = 60
"""Characters of a value that messages show."""


@dataclass(frozen=True)
class Answer:
    """What one annotation says about a control.

    classes: the chosen classes, None if the annotation says nothing about them; unknown: choices that are not classes
    of the label config; problem: what is wrong with the annotation, as a sentence, None for a valid one.
    """

    classes: tuple[str, ...] | None
    unknown: tuple[str, ...] = ()
    problem: str | None = None


class MalformedAnswer(ValueError):
    """An annotation that cannot be read; the message says what was seen and what would be right."""


def answer(result: Any, config: LabelConfig) -> Answer:
    """Read the answer of an annotation. result: as Label Studio stores it, not validated. Never raises."""
    try:
        paths = _all_paths(result, config)
        return Answer(None) if paths is None else _classes(paths, config)
    except MalformedAnswer as problem:
        return Answer(None, problem=str(problem))


def result_items(result: Any, control: str) -> list[dict[str, Any]]:
    """The items of a result that belong to a control. Raises MalformedAnswer if an item cannot be told from others."""
    if not isinstance(result, list | tuple):
        raise MalformedAnswer(f"the result of the annotation is {seen(result)}; it has to be a list of results")
    items = []
    for item in result:
        if not isinstance(item, dict):
            raise MalformedAnswer(f"the result of the annotation holds {seen(item)}; it has to hold objects")
        name = item.get("from_name")
        if not isinstance(name, str) and "from_name" in item:
            raise MalformedAnswer(
                f"from_name of a result is {seen(name)}; it has to be the name of a control, such as {control!r}"
            )
        if name == control:
            items.append(item)
    return items


def item_paths(value: Any, kind: str) -> list[Path]:
    """The choices in the value of a result, as paths.

    kind: `choices`, `taxonomy` or `rating`. Raises MalformedAnswer.
    """
    example = {"choices": '{"choices": ["…"]}', "taxonomy": '{"taxonomy": [["…"]]}', "rating": '{"rating": 4}'}[kind]
    if not isinstance(value, dict):
        raise MalformedAnswer(f"the value of a result is {seen(value)}; it has to be an object such as {example}")
    if kind not in value:
        raise MalformedAnswer(f"the value of a result has no {kind!r}; it has to be an object such as {example}")
    if not REGION_KEYS.isdisjoint(value):
        raise MalformedAnswer("the result answers for a part of the data, not for the whole task")
    chosen = value[kind]
    if kind == "rating":
        return _stars(chosen)
    if not isinstance(chosen, list):
        raise MalformedAnswer(f"{kind!r} of a result is {seen(chosen)}; it has to be a list such as {example}")
    return [_path(choice, kind) for choice in chosen]


def seen(value: Any) -> str:
    """A value in a few words, for messages."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"the string {shortened(value)!r}"
    if isinstance(value, int | float):
        # A number of thousands of digits is not turned into text.
        return f"the number {value}" if abs(value) < 1e15 else "a very large number"
    return "a list" if isinstance(value, tuple) else kind_of(value)


def shortened(text: str) -> str:
    """The start of a text, for messages."""
    return text if len(text) <= MOST_CHARACTERS else f"{text[:MOST_CHARACTERS]}…"


def _all_paths(result: Any, config: LabelConfig) -> list[Path] | None:
    """The choices of all items of the control; None if there is no item, or only ratings of no star."""
    items = result_items(result, config.control)
    kind = config.control_tag.lower()
    at_most = 2 * len(config.paths) + 100
    paths: list[Path] = []
    for item in items:
        paths += item_paths(item.get("value"), kind)
        if len(paths) > at_most:
            raise MalformedAnswer(f"the result holds {len(paths):,} choices, more than the label config has")
    return None if not items or (kind == "rating" and not paths) else paths


def _stars(chosen: Any) -> list[Path]:
    is_number = isinstance(chosen, int | float) and not isinstance(chosen, bool)
    if not is_number or not 0 <= chosen < 1e6 or chosen != int(chosen):
        raise MalformedAnswer(
            f"'rating' of a result is {seen(chosen)}; it has to be a whole number of stars, such as 4"
        )
    return [(str(int(chosen)),)] if chosen else []


def _path(choice: Any, kind: str) -> Path:
    if isinstance(choice, str) and kind == "choices":
        return (choice,)
    if isinstance(choice, list) and choice and all(isinstance(part, str) for part in choice):
        return tuple(choice)
    right = "a list of strings, from the root of the tree" if kind == "taxonomy" else "a string"
    raise MalformedAnswer(f"a choice of a result is {seen(choice)}; it has to be {right}")


def _classes(paths: Sequence[Path], config: LabelConfig) -> Answer:
    chosen: dict[str, None] = {}
    unknown: dict[str, None] = {}
    for path in paths:
        name = config.lookup.class_of(path)
        if name is None and len(path) == 1 and config.control_tag == "Choices":
            name = config.lookup.class_of_last_part(path[0])
        if name is None:
            unknown[shortened(PATH_SEPARATOR.join(path))] = None
        else:
            chosen[name] = None
    if config.multi_label:
        # An empty list of choices means that no class applies; unknown choices alone say nothing about the classes.
        classes = None if unknown and not chosen else config.lookup.ordered(chosen)
        return Answer(classes, tuple(unknown))
    if len(chosen) + len(unknown) <= 1:
        return Answer(tuple(chosen) or None, tuple(unknown))
    is_tree = config.control_tag == "Choices" and config.nested and not unknown
    single = config.lookup.single(tuple(chosen)) if is_tree else None
    if single is None:
        names = ", ".join(repr(shortened(name)) for name in [*chosen, *unknown][:3])
        raise MalformedAnswer(f"the annotation chooses several classes ({names}); the label config allows one")
    return Answer((single,))
