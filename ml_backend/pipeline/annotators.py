"""Who submits and skips the tasks of a project, and when, kept up to date as annotations come and go."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Iterable, Iterator

from ml_backend.annotation import Annotation

Moment = tuple[float, int]
"""When an annotation was created (Unix time by Label Studio's clock), and the id of its annotator."""


class Annotators:
    """The people behind the annotations of a project; annotations of nobody, which are imported, do not count.

    moments: of all annotations whose time is known, in ascending order.
    """

    moments: list[Moment]

    def __init__(self, annotations: Iterable[Annotation] = ()) -> None:
        known = list(annotations)
        self.moments = sorted(_moments(known))
        self._annotations = Counter(a.annotator for a in known if a.annotator is not None)

    def __len__(self) -> int:
        """Number of people."""
        return len(self._annotations)

    def add(self, annotations: Iterable[Annotation]) -> None:
        """Count a few more annotations; each costs a search in all moments."""
        known = list(annotations)
        for moment in _moments(known):
            insort(self.moments, moment)
        self._annotations.update(a.annotator for a in known if a.annotator is not None)

    def remove(self, annotations: Iterable[Annotation]) -> None:
        """Count a few annotations no longer, all of which were counted."""
        known = list(annotations)
        for moment in _moments(known):
            del self.moments[bisect_left(self.moments, moment)]
        self._annotations.subtract(a.annotator for a in known if a.annotator is not None)
        self._annotations = +self._annotations


def _moments(annotations: Iterable[Annotation]) -> Iterator[Moment]:
    for annotation in annotations:
        if annotation.created_at is not None and annotation.annotator is not None:
            yield annotation.created_at, annotation.annotator
