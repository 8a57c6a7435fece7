"""What an export without its label config answers: the control and the classes that its annotations use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ml_backend.annotation import Annotation
from ml_backend.labelstudio.answers import Answer
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
    raise NotImplementedError


def answers_of_cells(cells: Sequence[Any]) -> list[Answer]:
    """What each cell of a label column answers, in Label Studio's formats JSON_MIN and CSV or as a plain name.

    A cell is a name, a number, a list of names, an object such as `{"choices": ["a", "b"]}`, a taxonomy's list of
    paths, a list of such objects, or the JSON of one of these in a string. An empty cell answers no class (`classes` is
    None), a cell that is something else has a problem. Class names are those of `control_of_export`.
    """
    raise NotImplementedError
