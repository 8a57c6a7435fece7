"""What to use, in words and as a command to paste: the same in the terminal, the JSON output and the page Strategy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from simulator.advise.advice import ComparedCombination, Difference, Verdict
from simulator.advise.combination import Combination
from simulator.analysis.comparisons import BASELINE
from simulator.analysis.evidence import listed, p_value
from simulator.analysis.heads import NAMED
from simulator.experiment.connect_line import connect_line, is_usable_live, live_settings

OFTEN_BEST = 0.05
MOST_RIVALS = 3


@dataclass(frozen=True)
class Recommendation:
    """chosen: the recommended combination; is_change: whether it is another one than that in use; headline: what to
    do; reason: why, and how sure that is; saves: what it saves, empty where nothing was measured; all in sentences.
    has_class_names: whether the class names say something; otherwise a project does not use them, whatever its setting.
    """

    chosen: ComparedCombination
    is_change: bool
    headline: str
    reason: str
    saves: str
    has_class_names: bool

    def settings(self) -> dict[str, str]:
        """The settings of a project that make it so, as `connect --set` takes them."""
        embedding, strategy, initial, head = self.chosen.combination
        return live_settings(embedding, strategy, initial, head if self.has_class_names else "")

    def line(self, project: int | None) -> str:
        """The command that gives a project these settings; project: its id in Label Studio, None if unknown."""
        return connect_line(self.settings(), project)


def recommend(compared: Sequence[ComparedCombination], has_class_names: bool) -> Recommendation:
    """The best of the combinations that are clearly better than the one in use, or else the one in use.

    compared: as `advice.compare` returns them; has_class_names: see `Recommendation`. Combinations whose embedding no
    live project can use are not recommended unless all are such.
    """
    current = next(c for c in compared if c.verdict == Verdict.IN_USE)
    usable = [c for c in compared if is_usable_live(c.combination.embedding)] or list(compared)
    better = [c for c in usable if c.verdict == Verdict.BETTER]
    words = _Words(compared, current)
    if not better:
        keep, why, saves = f"Keep what you have: {words.of(current)}.", words.why_keep(), words.saved_against_random()
        return Recommendation(current, False, keep, why, saves, has_class_names)
    # Of equal ones, the one that changes least.
    chosen = min(better, key=lambda c: (-c.area, _changes(c.combination, current.combination)))
    use, why, saves = f"Use {words.of(chosen)}.", words.why_change(chosen), words.saved_against_current(chosen)
    return Recommendation(chosen, True, use, why, saves, has_class_names)


def _changes(combination: Combination, current: Combination) -> int:
    return sum(a != b for a, b in zip(combination, current, strict=True))


class _Words:
    """Sentences on combinations, which name only what differs between those that were tried."""

    def __init__(self, compared: Sequence[ComparedCombination], current: ComparedCombination) -> None:
        self.compared, self.current = compared, current
        embeddings, _, initials, heads = (
            set(values) for values in zip(*(c.combination for c in compared), strict=True)
        )
        self.several_embeddings, self.several_initials, self.several_heads = (
            len(values) > 1 for values in (embeddings, initials, heads)
        )
        tested = len(compared) - 1
        self.corrected = f"corrected for the {tested} other combinations tried" if tested > 1 else "uncorrected"
        self.none_of_others = f"None of the {tested} other combinations tried" if tested > 1 else "Nothing else tried"

    def of(self, compared: ComparedCombination) -> str:
        embedding, strategy, initial, head = compared.combination
        return "".join(
            [
                strategy,
                f" after a {initial} start" if self.several_initials else "",
                f" on {embedding}" if self.several_embeddings else "",
                f" {'with' if head == NAMED else 'without'} the class names" if self.several_heads else "",
            ]
        )

    def why_change(self, chosen: ComparedCombination) -> str:
        gain = chosen.over_current
        return (
            f"With it the model would have been right {_points(gain.gain)} points more often than with what you have, "
            f"{self.of(self.current)}, on average over the simulated labelling ({_interval(gain)}; "
            f"{p_value(chosen.p)}, {self.corrected}). {self._how_often_best(chosen)}{self._not_usable()}"
        )

    def why_keep(self) -> str:
        top = self.compared[0]
        if top is self.current:
            same = [self.of(c) for c in self.compared if c.verdict == Verdict.SAME]
            equally = f" {listed(same)} did exactly as well." if same else ""
            return (
                f"{self.none_of_others} has a higher mean accuracy.{equally} "
                f"{self._how_often_best(self.current)}{self._not_usable()}"
            )
        usable = next(c for c in self.compared if c is self.current or is_usable_live(c.combination.embedding))
        if usable is self.current:
            return f"It is the best that a project in Label Studio can use.{self._not_usable()}"
        gain = usable.over_current
        is_one_better = any(c.verdict == Verdict.BETTER for c in self.compared)
        none = "None of those that a project in Label Studio can use" if is_one_better else self.none_of_others
        return (
            f"{none} is clearly better. {self.of(usable)} was right "
            f"{_points(gain.gain)} points more often on average, which may be luck ({_interval(gain)}; "
            f"{p_value(usable.p)}, {self.corrected}). Compare again with twice the labels: then smaller differences "
            f"become clear. {self._how_often_best(self.current)}{self._not_usable()}"
        )

    def saved_against_current(self, chosen: ComparedCombination) -> str:
        gain = chosen.over_current
        between = _labels(gain)
        if gain.saved_low > 0:
            return (
                f"It needs about {gain.saved:.0f} labels fewer ({between}) to reach the accuracy at which what you "
                "have ends."
            )
        return (
            f"Whether it reaches the accuracy at which what you have ends with fewer labels is not clear ({between} "
            "labels fewer)."
        )

    def saved_against_random(self) -> str:
        gain = self.current.over_random
        if self.current.combination.strategy == BASELINE and not gain.gain:
            return ""
        start = " after a random start" if self.several_initials else ""
        reference = f"random order{start}{' without the class names' if self.several_heads else ''}"
        points = f"{_points(gain.gain)} points of accuracy on average ({_interval(gain)})"
        between = _labels(gain)
        if gain.low > 0 and gain.saved_low > 0:
            return (
                f"Compared with {reference} it gains {points}, and needs about {gain.saved:.0f} labels fewer "
                f"({between}) to reach the accuracy at which that ends."
            )
        if gain.low > 0:
            return (
                f"Compared with {reference} it gains {points}; whether it saves labels is not clear ({between} fewer)."
            )
        return f"Compared with {reference} it gains {points}, so whether it saves anything is not clear."

    def _how_often_best(self, chosen: ComparedCombination) -> str:
        rivals = [c for c in sorted(self.compared, key=lambda c: -c.best) if c is not chosen and c.best > OFTEN_BEST]
        others = ", ".join(f"{self.of(c)} in {c.best:.0%}" for c in rivals[:MOST_RIVALS])
        what = "What you have" if chosen is self.current else "It"
        return f"{what} is the best of all in {chosen.best:.0%} of the resamples{f'; {others}' if others else ''}."

    def _not_usable(self) -> str:
        """What to say where the highest mean is that of an embedding that live projects cannot use."""
        top = self.compared[0].combination
        usable = any(is_usable_live(c.combination.embedding) for c in self.compared)
        if is_usable_live(top.embedding):
            return ""
        if usable:
            best = self.of(self.compared[0])
            return f" {best} has the highest mean accuracy, but a project in Label Studio cannot use it."
        return f" A project in Label Studio cannot use {top.embedding}; the line leaves the embedding out."


def _interval(difference: Difference) -> str:
    return f"95 % interval {_points(difference.low)} to {_points(difference.high)}"


def _labels(difference: Difference) -> str:
    return f"{difference.saved_low:.0f} to {difference.saved_high:.0f}".replace("-", "−")


def _points(value: float) -> str:
    return f"{value * 100:.1f}".replace("-", "−")
