"""The choices that a <Choices> or <Taxonomy> offers, read from a label config as Label Studio's editor reads them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape

from ml_backend.labelstudio.class_lookup import Path

MOST_LEVELS = 30
"""Choices nested deeper are refused: their paths would take time and memory that grow with the square of the depth."""
VARIABLE = re.compile(r"\$[\w\[\].{}]+", re.ASCII)
"""What the editor replaces by a value of the task's data."""


class UnreadableChoices(ValueError):
    """Choices that cannot be the classes of all tasks; the message completes "<Choices name='c'> …"."""


@dataclass(frozen=True)
class _Node:
    """A choice: its path as results hold it, its path for people, and whether others are below it."""

    path: Path
    shown_path: Path
    has_children: bool


def choices_of(control: Element) -> dict[Path, Path]:
    """The choices that an annotator can select: path as results hold it → path for people, in the config's order.

    The two differ only where an alias is empty. The time is linear in the number of choices. Raises UnreadableChoices.

    A <Taxonomy> lets its inner nodes be selected unless leafsOnly="true". <Choices> show nested choices only with
    allowNested="true", inner ones too.
    """
    _refuse_choices_of_the_task(control)
    leaves_only = control.tag == "taxonomy" and is_true(control, "leafsonly")
    return {n.path: n.shown_path for n in _nodes(control) if not (leaves_only and n.has_children)}


def is_true(element: Element, attribute: str) -> bool:
    """Whether an attribute is "true", in any letter case."""
    return element.get(attribute, "").strip().lower() == "true"


def _refuse_choices_of_the_task(control: Element) -> None:
    if control.get("apiurl"):
        raise UnreadableChoices(
            "loads its choices from the address in apiUrl, which the backend does not open: write them as "
            '<Choice value="…"/>'
        )
    value = control.get("value", "")
    if VARIABLE.search(value):
        raise UnreadableChoices(
            f"takes choices from the task's data (value={value!r}), so that the classes differ from task to task: "
            'write all of them as <Choice value="…"/>'
        )


def _nodes(control: Element) -> list[_Node]:
    """All choices that can be selected, inner ones too, in the order of the config."""
    is_taxonomy = control.tag == "taxonomy"
    goes_below = is_taxonomy or is_true(control, "allownested")
    nodes: list[_Node] = []
    pending: list[tuple[Element, Path, Path]] = [(control, (), ())]
    while pending:
        element, above, shown_above = pending.pop()
        below = list(element)
        if element is not control:
            if element.tag in ("choices", "taxonomy"):
                continue
            if element.tag == "choice":
                shown = _shown_value(element)
                label = element.get("alias", shown)
                if not label and not shown:
                    continue
                if not is_taxonomy and VARIABLE.search(shown):
                    raise UnreadableChoices(
                        f"has the choice {shown!r}, which Label Studio replaces by the task's data, so that the "
                        "classes differ from task to task: write it without a variable"
                    )
                above, shown_above = (*above, label), (*shown_above, label or shown)
                if len(above) > MOST_LEVELS:
                    raise UnreadableChoices(f"nests its choices deeper than {MOST_LEVELS} levels: use fewer levels")
                below = below if goes_below else []
                nodes.append(_Node(above, shown_above, any(child.tag == "choice" for child in below)))
        if is_taxonomy:
            below = _without_repeated(below)
        pending.extend((child, above, shown_above) for child in reversed(below))
    return nodes


def _shown_value(choice: Element) -> str:
    """The value of a choice; the editor takes a text between the tags before the attribute."""
    text = "" if len(choice) else escape((choice.text or "").strip())
    return text or choice.get("value", "")


def _without_repeated(siblings: list[Element]) -> list[Element]:
    """Choices of the same parent; of those with equal values a <Taxonomy> shows the first only."""
    first: dict[tuple[str, str], Element] = {}
    for element in siblings:
        first.setdefault((element.tag, _shown_value(element)), element)
    return list(first.values())
