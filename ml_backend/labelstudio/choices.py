"""The choices that a <Choices> or <Taxonomy> offers, read from a label config as Label Studio's editor reads them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from html import unescape
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape

from ml_backend.labelstudio.class_lookup import PATH_SEPARATOR, Path
from ml_backend.labelstudio.markup import BrokenMarkup, text_of_markup
from ml_backend.readable_names import is_code

MOST_LEVELS = 30
"""Choices nested deeper are refused: their paths would take time and memory that grow with the square of the depth."""
VARIABLE = re.compile(r"\$[\w\[\].{}]+", re.ASCII)
"""What the editor replaces by a value of the task's data."""


class UnreadableChoices(ValueError):
    """Choices that cannot be the classes of all tasks; the message completes "<Choices name='c'> …"."""


@dataclass(frozen=True)
class Choice:
    """A choice that an annotator can select, and what is said of it.

    path: as results hold it; named_path: from which the class has its name, another one only where an alias is empty;
    words: for each part of the path what says most to people, see `_words`; hint: the editor's tooltip, "" without
    one; has_children: whether others are below it.
    """

    path: Path
    named_path: Path
    words: Path
    hint: str
    has_children: bool


def choices_of(control: Element) -> dict[Path, Choice]:
    """The choices that an annotator can select, by their paths as results hold them, in the config's order.

    The time is linear in the number of choices. Raises UnreadableChoices.

    A <Taxonomy> lets its inner nodes be selected unless leafsOnly="true". <Choices> show nested choices only with
    allowNested="true", inner ones too.
    """
    _refuse_choices_of_the_task(control)
    leaves_only = control.tag == "taxonomy" and is_true(control, "leafsonly")
    return {n.path: n for n in _nodes(control) if not (leaves_only and n.has_children)}


def class_words(choices: Mapping[Path, Choice], paths: Mapping[str, Path]) -> dict[str, str]:
    """Class → what the editor shows for it, where that is not its name; left out where several classes show the same.

    paths: class → its path.
    """
    shown = {name: PATH_SEPARATOR.join(choices[path].words) for name, path in paths.items() if path in choices}
    count = Counter([*shown.values(), *paths])
    return {name: words for name, words in shown.items() if words != name and count[words] == 1}


def class_hints(choices: Mapping[Path, Choice], paths: Mapping[str, Path]) -> dict[str, str]:
    """Class → its hint, for the classes that have one; paths: class → its path."""
    return {name: choices[path].hint for name, path in paths.items() if path in choices and choices[path].hint}


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


def _nodes(control: Element) -> list[Choice]:
    """All choices that can be selected, inner ones too, in the order of the config."""
    is_taxonomy = control.tag == "taxonomy"
    goes_below = is_taxonomy or is_true(control, "allownested")
    nodes: list[Choice] = []
    pending: list[tuple[Element, Path, Path, Path]] = [(control, (), (), ())]
    while pending:
        element, above, named_above, words = pending.pop()
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
                above, named_above = (*above, label), (*named_above, label or shown)
                words = (*words, _words(element, shown, label, is_taxonomy))
                if len(above) > MOST_LEVELS:
                    raise UnreadableChoices(f"nests its choices deeper than {MOST_LEVELS} levels: use fewer levels")
                below = below if goes_below else []
                has_children = any(child.tag == "choice" for child in below)
                hint = " ".join(element.get("hint", "").split())
                nodes.append(Choice(above, named_above, words, hint, has_children))
        if is_taxonomy:
            below = _without_repeated(below)
        pending.extend((child, above, named_above, words) for child in reversed(below))
    return nodes


def _words(choice: Element, shown: str, label: str, is_taxonomy: bool) -> str:
    """What says most about a choice: what the editor shows, or else what results hold, whichever is no code.

    <Choices> show `html` instead of the value, a <Taxonomy> does not.
    """
    texts = ("" if is_taxonomy else _text_of_html(choice.get("html", "")), unescape(shown), label)
    chosen = next((text for text in texts if text.strip() and not is_code(text)), shown or label)
    return chosen.strip().replace(PATH_SEPARATOR, "/")


def _text_of_html(html: str) -> str:
    try:
        return " ".join(text_of_markup(html).split())
    except BrokenMarkup:
        return ""


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
