"""Which control of a label config is learned, and its classes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from ml_backend.labelstudio.config_elements import SUPPORTED, UnsupportedLabelConfig, tag_name

CONTROL_TAGS = ("choices", "taxonomy")
PATH_SEPARATOR = " / "


@dataclass(frozen=True)
class Control:
    """A classification control.

    element: in the label config; paths: class → its labels from the root, in the order of the config; nested: whether
    results hold paths instead of names.
    """

    element: Element
    paths: dict[str, tuple[str, ...]]
    multi_label: bool
    nested: bool


def learned_control(root: Element, name: str | None) -> tuple[Control, tuple[str, ...]]:
    """The control that is learned: the one named `name`, or the first usable one; and notes on the choice.

    Raises UnsupportedLabelConfig.
    """
    element = _control(root, name)
    paths = dict(_leaves(element, ()))
    if len(paths) < 2:
        raise UnsupportedLabelConfig(
            f"<{tag_name(element)} name={element.get('name')!r}> has {len(paths)} classes written in the "
            f"config; at least two are needed, and classes taken from the task's data cannot be learned. {SUPPORTED}."
        )
    nested = element.tag == "taxonomy" or element.get("allownested") == "true"
    return Control(element, paths, _multi_label(element), nested), ()


def _control(root: Element, name: str | None) -> Element:
    controls = [e for e in root.iter() if e.tag in CONTROL_TAGS and _classifies_whole_task(e)]
    if name is None and controls:
        return controls[0]
    for element in controls:
        if element.get("name") == name:
            return element
    names = ", ".join(repr(e.get("name")) for e in controls)
    if name is not None:
        raise UnsupportedLabelConfig(
            f"the label config has no classification control named {name!r}; it has {names or 'none'}. {SUPPORTED}."
        )
    other_controls = sorted({f"<{tag_name(e)}>" for e in root.iter() if e.get("toname")})
    tags = ", ".join(other_controls) or "none at all"
    raise UnsupportedLabelConfig(f"the label config has no classification control; it has {tags}. {SUPPORTED}.")


def _classifies_whole_task(control: Element) -> bool:
    per_part = (control.get("perregion"), control.get("peritem"))
    return bool(control.get("name")) and "true" not in [str(value).lower() for value in per_part]


def _leaves(element: Element, above: tuple[str, ...]) -> Iterator[tuple[str, tuple[str, ...]]]:
    for child in element:
        if child.tag != "choice":
            yield from _leaves(child, above)
            continue
        label = child.get("alias") or child.get("value") or ""
        below = list(_leaves(child, (*above, label)))
        if below:
            yield from below
        elif label:
            yield PATH_SEPARATOR.join((*above, label)), (*above, label)


def _multi_label(element: Element) -> bool:
    if element.tag == "taxonomy":
        return element.get("maxusages") != "1"
    return element.get("choice", "single").lower() == "multiple"
