"""What an export without its label config answers: the control and the classes that its annotations use.

Label Studio's format JSON holds annotations; JSON_MIN and CSV hold one cell for a control.
"""

from __future__ import annotations

import ast
import json
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ml_backend.annotation import Annotation
from ml_backend.labelstudio.answers import Answer, MalformedAnswer, answer, item_paths, seen, shortened
from ml_backend.labelstudio.class_lookup import Path, class_names
from ml_backend.labelstudio.label_config import LabelConfig

EXPORTED_TYPES = ("choices", "taxonomy", "rating")
"""Types of results that give classes."""


class UnreadableExport(ValueError):
    """Annotations from which no label can be read; the message says why and what to do."""


def control_of_export(annotations: Sequence[Annotation], control: str | None = None) -> LabelConfig:
    """The control that the annotations of an export answer, with all classes that they use, sorted by name.

    The result works with `answer` and `labels`, has no texts, and is multi-label if an annotation has several classes.
    control: name of the control; None if there is only one.
    Raises UnreadableExport if there is none, none of that name, or several and no name is given.
    """
    submitted = [a for a in annotations if not a.cancelled]
    values = _values_by_control(submitted)
    names = ", ".join(repr(name) for name in sorted(values))
    if not values:
        raise UnreadableExport("no annotation answers <Choices>, <Taxonomy> or <Rating>: label some tasks first")
    if control is not None and control not in values:
        raise UnreadableExport(f"no annotation answers a control {control!r}; the controls are {names}")
    if control is None and len(values) > 1:
        raise UnreadableExport(f"the annotations answer several controls, {names}: choose one with --control")
    name = control if control is not None else next(iter(values))
    kind = Counter(kind for kind, _ in values[name]).most_common(1)[0][0]
    config = _config(name, kind, [path for k, paths in values[name] if k == kind for path in paths])
    as_several = replace(config, multi_label=True)
    is_multi_label = any(
        answer(a.result, config).problem is not None and len(answer(a.result, as_several).classes or ()) > 1
        for a in submitted
    )
    return as_several if is_multi_label else config


def answers_of_cells(cells: Sequence[Any]) -> list[Answer]:
    """What each cell of a label column answers, in Label Studio's formats JSON_MIN and CSV or as a plain name.

    A cell is a name, a number, a list of names, an object such as `{"choices": ["a", "b"]}`, a taxonomy's list of
    paths, a list of such objects, or the JSON of one of these in a string. An empty cell answers no class (`classes` is
    None), a cell that is something else has a problem. Class names are those of `control_of_export`.
    """
    read = [_read_or_problem(cell) for cell in cells]
    lookup = _config("", "choices", [path for item in read if isinstance(item, Cell) for path in item.paths]).lookup
    answers = []
    for item in read:
        if not isinstance(item, Cell):
            answers.append(Answer(None, problem=item))
            continue
        names = [lookup.class_of(path) for path in item.paths]
        classes = tuple(dict.fromkeys(name for name in names if name is not None))
        single = lookup.single(classes) if item.is_tree and len(classes) > 1 else None
        answers.append(Answer((classes if single is None else (single,)) or None))
    return answers


def _values_by_control(annotations: Iterable[Annotation]) -> dict[str, list[tuple[str, list[Path]]]]:
    """Control → the types and paths of its results that answer for a whole task."""
    values: dict[str, list[tuple[str, list[Path]]]] = defaultdict(list)
    for annotation in annotations:
        for item in annotation.result if isinstance(annotation.result, list) else ():
            if not isinstance(item, dict) or not isinstance(item.get("from_name"), str):
                continue
            kind = _kind(item)
            if kind is None:
                continue
            try:
                paths = item_paths(item.get("value"), kind)
            except MalformedAnswer:
                continue
            values[item["from_name"]].append((kind, paths))
    return values


def _kind(item: dict[str, Any]) -> str | None:
    if item.get("type") in EXPORTED_TYPES:
        return str(item["type"])
    value = item.get("value")
    return next((kind for kind in EXPORTED_TYPES if isinstance(value, dict) and kind in value), None)


def _config(control: str, kind: str, paths: Iterable[Path]) -> LabelConfig:
    # As in a project, white space around a choice makes no other class.
    distinct = sorted({tuple(part.strip() for part in path) for path in paths if any(part.strip() for part in path)})
    named = class_names(distinct)
    names = sorted(named, key=int) if kind == "rating" else sorted(named)
    return LabelConfig(
        control=control,
        control_tag=kind.capitalize(),
        to_name="",
        texts=(),
        classes=tuple(names),
        paths={name: named[name] for name in names},
        multi_label=False,
        nested=kind == "taxonomy" or any(len(path) > 1 for path in distinct),
        notes=(),
        fingerprint="",
    )


@dataclass(frozen=True)
class Cell:
    """The choices of a cell; is_tree: whether several of them may mean one node of nested <Choices>."""

    paths: list[Path]
    is_tree: bool = False


def _read_or_problem(cell: Any) -> Cell | str:
    try:
        return _read_cell(_parsed(cell) if isinstance(cell, str) else cell)
    except MalformedAnswer as problem:
        return str(problem)


def _parsed(text: str) -> Any:
    """The list or object that a string holds, as JSON or as Python writes it; any other string as it is."""
    text = text.strip()
    if not text.startswith(("[", "{")):
        return text
    for parse in (json.loads, ast.literal_eval):
        try:
            value = parse(text)
        except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
            continue
        if isinstance(value, list | dict):
            return value
    if text[1:].lstrip().startswith(('"', "'", "[", "{")):
        raise MalformedAnswer(
            f"{seen(text)} starts like a list or an object and is neither: write the name of one class"
        )
    return text


def _read_cell(cell: Any) -> Cell:
    if isinstance(cell, dict):
        return _read_object(cell)
    if not isinstance(cell, list):
        return Cell(_plain(cell))
    paths: list[Path] = []
    is_tree = False
    for element in cell:
        if isinstance(element, dict):
            of_element = _read_object(element)
            paths, is_tree = paths + of_element.paths, is_tree or of_element.is_tree
        elif isinstance(element, list):
            paths += item_paths({"taxonomy": [element]}, "taxonomy")
        else:
            paths += _plain(element)
    return Cell(paths, is_tree)


def _read_object(cell: dict[str, Any]) -> Cell:
    kind = next((kind for kind in EXPORTED_TYPES if kind in cell), None)
    if kind is None:
        keys = ", ".join(shortened(str(key)) for key in list(cell)[:3]) or "no keys"
        raise MalformedAnswer(f"an object with {keys} is no answer; it has to hold one of {', '.join(EXPORTED_TYPES)}")
    return Cell(item_paths(cell, kind), kind == "choices")


def _plain(cell: Any) -> list[Path]:
    """A name, or a number as its digits; [] for an empty cell."""
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return []
    if isinstance(cell, str):
        return [(cell.strip(),)] if cell.strip() else []
    if isinstance(cell, bool) or not isinstance(cell, int | float) or abs(cell) >= 1e15:
        raise MalformedAnswer(f"{seen(cell)} is no class: write the name of one class")
    return [(str(int(cell) if cell == int(cell) else cell),)]
