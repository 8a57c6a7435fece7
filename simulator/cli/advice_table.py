"""Printing of the advice, the recommendation first and the table below it, and writing it as CSV."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from math import isnan
from pathlib import Path

import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from simulator.advise.advice import ComparedCombination, Difference
from simulator.advise.combination import Combination
from simulator.advise.recommendation import Recommendation
from simulator.advise.replay import Labelled
from simulator.analysis.evidence import ALPHA
from simulator.cli.console import print_line
from simulator.data.atomic_files import write_atomically
from simulator.experiment.connect_line import is_usable_live


def show(
    to: Console,
    labelled: Labelled,
    compared: Sequence[ComparedCombination],
    recommendation: Recommendation,
    project: int | None,
) -> None:
    """Print what to use, the command to paste, why and what it saves, and below it a table of all combinations."""
    print_line(to, recommendation.headline, style="bold")
    # Not wrapped: a line that the terminal breaks can still be copied as one.
    to.print(Text(f"\n    {recommendation.line(project)}\n"), soft_wrap=True)
    for sentence in (recommendation.reason, recommendation.saves):
        if sentence:
            print_line(to, sentence)
    print_line(to, f"\nSimulated on {len(labelled.texts):,} labelled texts of {len(labelled.classes)} classes.")
    to.print(_table(compared, recommendation))
    print_line(to, _footnote(compared))


def write_csv(path: Path, compared: Sequence[ComparedCombination]) -> None:
    """Write one row per combination, the best first. Raises CannotSave."""
    write_atomically(path, pd.DataFrame([flat(c) for c in compared]).to_csv(index=False).encode())


def flat(compared: ComparedCombination) -> dict[str, object]:
    """The combination and its numbers by name; those of differences as in `over_random_gain`."""
    row = asdict(compared)
    row.update(row.pop("combination")._asdict())
    for reference in ("over_random", "over_current"):
        row.update({f"{reference}_{name}": value for name, value in row.pop(reference).items()})
    names = list(compared.combination._fields)
    return {name: row[name] for name in [*names, *(name for name in row if name not in names)]}


def _table(compared: Sequence[ComparedCombination], recommendation: Recommendation) -> Table:
    varied = [name for name in Combination._fields if name == "strategy" or _varies(compared, name)]
    # The names share a column, so that on a narrow terminal they are wrapped between and not within names.
    titles = ("", ", ".join(varied), "right", "over in use", "verdict (p)", "over random", "saved", "best")
    # On a narrow terminal long cells are wrapped, not cut: a cut number would be read as a different number.
    table = Table(*(Column(title, overflow="fold") for title in titles), box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for c in compared:
        cells = (
            "→" if c is recommendation.chosen else "",
            ", ".join(getattr(c.combination, name) for name in varied),
            f"{c.area * 100:.1f}",
            "" if isnan(c.p) else _gain(c.over_current),
            f"{c.verdict}{'' if is_usable_live(c.combination.embedding) else '*'}{'' if isnan(c.p) else f' {c.p:.3f}'}",
            _gain(c.over_random) if c.over_random.high > c.over_random.low else "",
            f"{c.over_random.saved:.0f}",
            f"{c.best:.0%}",
        )
        table.add_row(*map(Text, cells))
    return table


def _varies(compared: Sequence[ComparedCombination], name: str) -> bool:
    return len({getattr(c.combination, name) for c in compared}) > 1


def _gain(difference: Difference) -> str:
    """In points, with half the width of its interval, which is symmetric."""
    return f"{difference.gain * 100:+.1f} ±{(difference.high - difference.gain) * 100:.1f}"


def _footnote(compared: Sequence[ComparedCombination]) -> str:
    reference = "random order"
    if _varies(compared, "initial"):
        reference += " after a random start"
    if _varies(compared, "embedding"):
        reference += " on the same embedding"
    if _varies(compared, "head"):
        reference += " with the head plain"
    unusable = any(not is_usable_live(c.combination.embedding) for c in compared)
    return (
        "right: accuracy in %, on average over the simulated labelling. over in use, over random: points more than "
        f"what is in use, and than {reference}; ± is half of the 95 % interval, which accounts for all seeds splitting "
        "the same labels (Nadeau and Bengio 2003), but not for the number of combinations. p: of the points over what "
        f"is in use, corrected for that number (Holm); the verdict is better or worse up to {ALPHA}. saved: labels "
        "fewer than random order needs to reach the accuracy at which it ends. best: share of the resamples in which "
        f"it is the best.{' *: a project in Label Studio cannot use this embedding.' if unusable else ''}"
    )
