"""Advice as a table and a sentence for people, and as CSV."""

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
from simulator.data.atomic_files import write_whole


def show(to: Console, labelled: Labelled, advice: Sequence[StrategyAdvice]) -> None:
    """Print the recommendation and all combinations, the best first."""
    heads = ("embedding", "strategy", "initial", "mean", "gain over random", "p", "last", "labels saved", "best in")
    # On a narrow terminal a long cell is folded: half a number would be another number.
    table = Table(*(Column(head, overflow="fold") for head in heads), box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for a in advice:
        cells = (
            a.embedding,
            a.strategy,
            a.initial,
            f"{a.area:.3f}",
            f"{a.gain:+.3f} ({a.low:+.3f} to {a.high:+.3f})",
            "" if isnan(a.p) else f"{a.p:.3f}",
            f"{a.final:.3f}",
            f"{a.saved:.0f} ({a.saved_low:.0f} to {a.saved_high:.0f})",
            f"{a.best:.0%}",
        )
        table.add_row(*map(Text, cells))
    print_line(to, f"Replayed on the labels of {len(labelled.texts):,} texts, {len(labelled.classes)} classes.")
    to.print(table)
    print_line(to, sentence(advice))
    print_line(
        to,
        "Mean and last: accuracy. In brackets: 95 % intervals; they allow for seeds that all split the same labels "
        "(Nadeau and Bengio 2003), but not for several combinations being tried; p does (Holm). Gain and labels saved "
        "are against random order from a random start on the same embedding.",
    )


def write_csv(path: Path, advice: Sequence[StrategyAdvice]) -> None:
    """One row per combination, the best first. Raises CannotSave."""
    write_whole(path, pd.DataFrame([asdict(a) for a in advice]).to_csv(index=False).encode())
