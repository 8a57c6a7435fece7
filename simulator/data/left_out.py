"""Tasks that give no label, as the live service leaves them out, counted by reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ml_backend.labelstudio.labels import Labels
from simulator.data.counted import counted
from simulator.data.shortened import shortened

Reason = tuple[str, str]
"""What is left out, and why: "task", "without an annotation"."""
UNANNOTATED = ("task", "without an annotation")
SKIPPED = ("task", "that all annotators skipped")
TIE = ("task", "whose annotators disagree evenly")
UNREADABLE = ("annotation", "that cannot be read")
NO_CLASS = ("task", "submitted without a class")
UNUSABLE_TEXT = ("task", "whose text cannot be used")


@dataclass
class LeftOut:
    """What is left out. by_reason: why → the place of each, with details if there are some."""

    by_reason: dict[Reason, list[str]] = field(default_factory=dict)

    def add(self, reason: Reason, place: str, detail: str = "") -> None:
        """Count one more. place: of the task; detail: what is wrong with this one."""
        self.by_reason.setdefault(reason, []).append(f"{place}: {detail}" if detail else place)

    def notes(self) -> tuple[str, ...]:
        """One sentence with the number by reason and the first of each; none if nothing is left out."""
        if not self.by_reason:
            return ()
        counts = [
            f"{counted(len(places), noun)} {why} (the first: {places[0]})"
            for (noun, why), places in self.by_reason.items()
        ]
        return (f"left out: {'; '.join(counts)}",)


def left_out_of_labels(labels: Labels, places: Mapping[int, str], unannotated: Sequence[str]) -> LeftOut:
    """What `labels` could not read. places: of each task, by its number; unannotated: of those without annotations."""
    left_out = LeftOut()
    for place in unannotated:
        left_out.add(UNANNOTATED, place)
    for number in sorted(labels.skipped):
        left_out.add(SKIPPED, places[number])
    for number in sorted(labels.ties):
        left_out.add(TIE, places[number])
    for problem in labels.problems:
        left_out.add(UNREADABLE, places[problem.task_id], problem.reason)
    unread = {problem.task_id for problem in labels.problems}
    unknown = ", ".join(map(repr, labels.unknown))
    for number in sorted(labels.unlabeled - unread):
        detail = f"choices such as {shortened(unknown)} are no classes of the label config" if unknown else ""
        left_out.add(NO_CLASS, places[number], detail)
    return left_out
