"""Tasks that give no label, as the live service leaves them out, counted by reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ml_backend.labelstudio.labels import Labels
from simulator.data.shortened import shortened

UNANNOTATED = "tasks without an annotation"
UNUSABLE_TEXT = "tasks whose text cannot be used"


@dataclass
class LeftOut:
    """What is left out. by_reason: why → each task or annotation, with details if there are some."""

    by_reason: dict[str, list[str]] = field(default_factory=dict)

    def add(self, reason: str, place: str, detail: str = "") -> None:
        """Count one more. place: of the task; detail: what is wrong with this one."""
        self.by_reason.setdefault(reason, []).append(f"{place}: {detail}" if detail else place)

    def notes(self) -> tuple[str, ...]:
        """One sentence with the number by reason and the first of each; none if nothing is left out."""
        if not self.by_reason:
            return ()
        counts = [f"{len(places):,} {reason} (the first: {places[0]})" for reason, places in self.by_reason.items()]
        return (f"left out: {'; '.join(counts)}",)


def left_out_of_labels(labels: Labels, places: Mapping[int, str], unannotated: Sequence[str]) -> LeftOut:
    """What `labels` could not read. places: of each task, by its number; unannotated: of those without annotations."""
    left_out = LeftOut()
    for place in unannotated:
        left_out.add(UNANNOTATED, place)
    for number in sorted(labels.skipped):
        left_out.add("skipped tasks", places[number])
    for number in sorted(labels.ties):
        left_out.add("tasks whose annotators disagree evenly", places[number])
    for problem in labels.problems:
        left_out.add("annotations that cannot be read", places[problem.task_id], problem.reason)
    unread = {problem.task_id for problem in labels.problems}
    unknown = ", ".join(map(repr, labels.unknown))
    for number in sorted(labels.unlabeled - unread):
        detail = f"choices such as {shortened(unknown)} are no classes of the label config" if unknown else ""
        left_out.add("tasks submitted without a class", places[number], detail)
    return left_out
