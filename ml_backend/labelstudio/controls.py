"""The controls of a label config: which of them can be learned, their classes, and why the others cannot."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

from ml_backend.labelstudio.choices import Choice, UnreadableChoices, choices_of, is_true
from ml_backend.labelstudio.class_lookup import PATH_SEPARATOR, Path, class_names
from ml_backend.labelstudio.config_elements import tag_name

CONTROL_TAGS = ("choices", "taxonomy", "rating")
"""Controls whose answers are classes."""
MOST_STARS = 100
REASONS = {
    "pairwise": (
        "compares two texts: the answer changes sides when the texts do, which a classifier of one embedding for both "
        "can hardly see. Ask about one text with <Choices> or <Rating>"
    ),
    "chat": "holds a conversation, which has no classes: add <Choices>",
    "textarea": "takes free text, which has no classes: add <Choices>",
    "number": "takes a number, which is no class: use <Rating> or <Choices>",
    "datetime": "takes a date, which is no class: use <Choices>",
    "ranker": "ranks items, which gives no class: add <Choices>",
    "list": "ranks items, which gives no class: add <Choices>",
}
"""Why a control with this tag cannot be learned; all others mark parts of the data."""
MARKS_PARTS = "marks parts of the data, not the whole task: add <Choices>"


@dataclass(frozen=True)
class Control:
    """A control of a label config.

    element: in the label config; title: how messages name it, such as "<Choices name='topic'>"; reason: why it cannot
    be learned and what helps, completing the title to a sentence, None if it can be; paths: class → its choices from
    the root, in the order of the config; choices: path → its choice, empty for a <Rating>; nested: whether results hold
    paths instead of names; separator: between the parts of a path in the editor; shown_when: the conditions under which
    the editor shows it, as the label config writes them.
    """

    element: Element
    title: str
    reason: str | None = None
    paths: dict[str, Path] | None = None
    choices: dict[Path, Choice] = field(default_factory=dict)
    multi_label: bool = False
    nested: bool = False
    separator: str = PATH_SEPARATOR
    shown_when: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Its name in the label config, "" without one."""
        return self.element.get("name", "")


def controls_of(root: Element) -> list[Control]:
    """All controls of a label config, in its order, usable or not."""
    names = {e.get("name") for e in root.iter()}
    return [_control(place, names) for place in _places(root)]


@dataclass(frozen=True)
class _Place:
    """Where a control stands: inside a <Repeater>, and in which elements that are shown only sometimes."""

    element: Element
    is_repeated: bool
    conditional: tuple[Element, ...]


def _places(root: Element) -> Iterator[_Place]:
    pending = [_Place(root, False, ())]
    while pending:
        place = pending.pop()
        element = place.element
        conditional = (*place.conditional, element) if _is_conditional(element) else place.conditional
        if element.tag in CONTROL_TAGS or element.get("toname") is not None:
            yield _Place(element, place.is_repeated, conditional)
        is_repeated = place.is_repeated or element.tag == "repeater"
        pending.extend(_Place(child, is_repeated, conditional) for child in reversed(element))


def _is_conditional(element: Element) -> bool:
    when = element.get("visiblewhen")
    if when:
        return when in ("region-selected", "choice-selected", "choice-unselected")
    return bool(element.get("whenchoicevalue"))


def _control(place: _Place, names: set[str | None]) -> Control:
    element = place.element
    title = f"<{tag_name(element)} name={element.get('name')!r}>"
    conditions = tuple(_condition(e) for e in place.conditional)
    reason = _reason(place, names)
    if reason is not None:
        return Control(element, title, reason, shown_when=conditions)
    try:
        choices = {} if element.tag == "rating" else choices_of(element)
        paths = _rating_paths(element) if element.tag == "rating" else _choice_paths(choices)
        multi_label = _multi_label(element)
    except UnreadableChoices as problem:
        return Control(element, title, str(problem), shown_when=conditions)
    nested = element.tag == "taxonomy" or (element.tag == "choices" and is_true(element, "allownested"))
    separator = element.get("pathseparator") or PATH_SEPARATOR
    return Control(element, title, None, paths, choices, multi_label, nested, separator, conditions)


def _reason(place: _Place, names: set[str | None]) -> str | None:
    """Why a control cannot be learned, whatever its choices are."""
    element = place.element
    if element.tag not in CONTROL_TAGS or not element.get("name"):
        return REASONS.get(element.tag, MARKS_PARTS) if element.tag not in CONTROL_TAGS else "has no name: give it one"
    if place.is_repeated:
        return "stands inside <Repeater> and is answered for each item of a list, not for the task: put it outside"
    for attribute, part in (("perRegion", "region"), ("perItem", "item")):
        if is_true(element, attribute.lower()):
            return f'is answered for each {part} ({attribute}="true"), not for the task: remove {attribute}'
    if element.tag == "taxonomy" and is_true(element, "labeling"):
        return 'marks parts of the text (labeling="true"), not the whole task: remove labeling'
    for other in place.conditional:
        tag = other.get("whentagname")
        if tag and tag not in names:
            return f"is never shown: whenTagName={tag!r} names nothing in the label config"
    return None


def _condition(element: Element) -> str:
    spellings = ("visibleWhen", "whenTagName", "whenChoiceValue", "whenLabelValue")
    values = [(name, element.get(name.lower())) for name in spellings]
    return " ".join(f'{name}="{value}"' for name, value in values if value)


def _choice_paths(choices: dict[Path, Choice]) -> dict[str, Path]:
    if len(choices) < 2:
        only = f" ({next(iter(choices.values())).named_path[-1]!r})" if choices else ""
        raise UnreadableChoices(
            f"has {len(choices)} {'class' if choices else 'classes'}{only} written in the label config; at least two "
            'are needed: add <Choice value="…"/>'
        )
    named_paths = class_names(choice.named_path for choice in choices.values())
    if len(named_paths) == len(choices):
        return dict(zip(named_paths, choices, strict=True))
    return class_names(choices)


def _rating_paths(element: Element) -> dict[str, Path]:
    written = element.get("maxrating", "5").strip()
    stars = int(written) if written.isdecimal() and len(written) < 6 else 0
    if not 2 <= stars <= MOST_STARS:
        raise UnreadableChoices(f"has maxRating={written[:50]!r}: write a number from 2 to {MOST_STARS}")
    return {str(n): (str(n),) for n in range(1, stars + 1)}


def _multi_label(element: Element) -> bool:
    if element.tag == "rating":
        return False
    if element.tag == "choices":
        return element.get("choice", "single").strip().lower() == "multiple"
    written = element.get("maxusages", "").strip()
    if written and (not written.isdecimal() or not written.strip("0")):
        raise UnreadableChoices(f"has maxUsages={written[:50]!r}: write a number of at least 1, or remove it")
    return written.lstrip("0") != "1"
