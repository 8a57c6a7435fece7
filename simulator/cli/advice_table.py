"""Printing of the advice as a table with a sentence, and writing it as CSV."""

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

from simulator.advise.advice import StrategyAdvice, sentence
from simulator.advise.replay import Labelled
from simulator.cli.console import print_line
from simulator.data.atomic_files import write_atomically


def show(to: Console, labelled: Labelled, advice: Sequence[StrategyAdvice]) -> None:
    """Print a table of all combinations, the best first, and the recommendation below it."""
    several_heads = len({a.head for a in advice}) > 1
    head_column = ["head"] if several_heads else []
    numbers = ("mean", "gain over random", "p", "last", "labels saved", "best in")
    titles = ("embedding", "strategy", "initial", *head_column, *numbers)
    # On a narrow terminal long cells are wrapped, not cut: a cut number would be read as a different number.
    table = Table(*(Column(title, overflow="fold") for title in titles), box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for a in advice:
        cells = (
            a.embedding,
            a.strategy,
            a.initial,
            *([a.head] if several_heads else []),
            f"{a.area:.3f}",
            f"{a.gain:+.3f} ({a.low:+.3f} to {a.high:+.3f})",
            "" if isnan(a.p) else f"{a.p:.3f}",
            f"{a.final:.3f}",
            f"{a.saved:.0f} ({a.saved_low:.0f} to {a.saved_high:.0f})",
            f"{a.best:.0%}",
        )
        table.add_row(*map(Text, cells))
    print_line(to, f"Simulated on {len(labelled.texts):,} labelled texts of {len(labelled.classes)} classes.")
    to.print(table)
    print_line(to, sentence(advice))
    print_line(
        to,
        "Mean and last are accuracies. Brackets hold 95 % intervals; they account for all seeds splitting the same "
        "labels (Nadeau and Bengio 2003), but not for the number of combinations tried. p is corrected for that number "
        "(Holm). Gain and labels saved are relative to random order after a random start on the same embedding"
        + (" with the plain head." if several_heads else "."),
    )


def write_csv(path: Path, advice: Sequence[StrategyAdvice]) -> None:
    """Write one row per combination, the best first. Raises CannotSave."""
    write_atomically(path, pd.DataFrame([asdict(a) for a in advice]).to_csv(index=False).encode())
