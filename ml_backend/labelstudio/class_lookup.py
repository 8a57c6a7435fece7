"""Names of classes, and the class that a choice of an annotation means."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import TypeVar

from ml_backend.readable_names import PATH_SEPARATOR

__all__ = ["PATH_SEPARATOR", "ClassLookup", "Path", "class_names"]

Key = TypeVar("Key")
Path = tuple[str, ...]
"""The choices from the root of a control's tree to one of its nodes, as annotations hold them."""


def class_names(paths: Iterable[Path]) -> dict[str, Path]:
    """A name for every path, unique, in the order of the paths: "fruit / apple" for ("fruit", "apple").

    Of paths whose names would be equal, parts that contain the separator are written in quotes: ("a / b",) beside
    ("a", "b") is named `"a / b"`. Equal paths have one name.
    """
    distinct = list(dict.fromkeys(paths))
    joined = [PATH_SEPARATOR.join(part.strip() for part in path) for path in distinct]
    count = Counter(joined)
    names: dict[str, Path] = {}
    # Names that nothing else has come first, so that they stay what they are.
    taken = {name for name, n in count.items() if n == 1}
    for path, plain in zip(distinct, joined, strict=True):
        name = plain
        if count[plain] > 1:
            name = PATH_SEPARATOR.join(_quoted(part) for part in path)
            base, number = name, 1
            while name in taken:
                number += 1
                name = f"{base} ({number})"
            taken.add(name)
        names[name] = path
    return names


def _quoted(part: str) -> str:
    needs_quotes = PATH_SEPARATOR in part or part != part.strip()
    return json.dumps(part, ensure_ascii=False) if needs_quotes else part


class ClassLookup:
    """The class that a choice means, by dictionaries: the time of a look-up does not depend on the number of classes.

    paths: class → its path; separator: between the parts of a path in Label Studio's editor.
    """

    def __init__(self, paths: Mapping[str, Path], separator: str = PATH_SEPARATOR) -> None:
        self.paths = paths
        self.separator = separator

    def class_of(self, path: Path) -> str | None:
        """The class of a path, None for a choice that is no class.

        White space around the parts is ignored where that leaves one class. A path means also the only class that the
        editor writes in the same way: it joins the parts of a taxonomy's path and splits what it joined, values that
        contain the separator too.
        """
        name = self._by_path.get(path)
        return self._by_joined_path.get(self._joined(path)) if name is None else name

    def class_of_last_part(self, part: str) -> str | None:
        """The only class whose path ends with `part`: some annotations of nested choices hold no more than that."""
        return self._by_last_part.get(part.strip())

    def ordered(self, classes: Iterable[str]) -> tuple[str, ...]:
        """Classes in the order of the label config."""
        return tuple(sorted(classes, key=self._rank.__getitem__))

    def single(self, classes: Sequence[str]) -> str | None:
        """The one class that is meant where several were chosen but one is allowed; None if they contradict each other.

        A node may come with its ancestors, which means the node, and with all of its descendants, which means the node
        too: nested <Choices> store both forms.
        """
        paths = sorted((self.paths[name] for name in classes), key=len)
        top, deepest = paths[0], paths[-1]
        if all(deepest[: len(path)] == path for path in paths):
            return self._by_path[deepest]
        is_whole_subtree = len(paths) - 1 == len(self._descendants[top])
        return self._by_path[top] if is_whole_subtree and all(path[: len(top)] == top for path in paths) else None

    def descendants(self, name: str) -> list[str]:
        """The classes below a class, in the order of the label config."""
        return self._descendants[self.paths[name]]

    @cached_property
    def _by_path(self) -> dict[Path, str]:
        return {path: name for name, path in self.paths.items()}

    @cached_property
    def _by_joined_path(self) -> dict[str, str]:
        return _unambiguous((self._joined(path), name) for name, path in self.paths.items())

    def _joined(self, path: Path) -> str:
        return self.separator.join(part.strip() for part in path)

    @cached_property
    def _by_last_part(self) -> dict[str, str]:
        return _unambiguous((path[-1].strip(), name) for name, path in self.paths.items())

    @cached_property
    def _rank(self) -> dict[str, int]:
        return {name: i for i, name in enumerate(self.paths)}

    @cached_property
    def _descendants(self) -> dict[Path, list[str]]:
        """Path of a class → the classes below it."""
        below: dict[Path, list[str]] = {path: [] for path in self.paths.values()}
        for name, path in self.paths.items():
            for n in range(1, len(path)):
                if path[:n] in below:
                    below[path[:n]].append(name)
        return below


def _unambiguous(pairs: Iterable[tuple[Key, str]]) -> dict[Key, str]:
    classes: dict[Key, str] = {}
    ambiguous = set()
    for key, name in pairs:
        if classes.setdefault(key, name) != name:
            ambiguous.add(key)
    return {key: name for key, name in classes.items() if key not in ambiguous}
