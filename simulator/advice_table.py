"""Advice as a table and a sentence for people, and as CSV."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.table import Table

from simulator.advice import Advice, Labelled, sentence
from simulator.results import write_whole


def show(console: Console, labelled: Labelled, advice: Sequence[Advice]) -> None:
    """Print the recommendation and all combinations, the best first."""
    table = Table(
        "embedding", "strategy", "initial", "mean accuracy", "gain over random", "last", "labels saved", "best in"
    )
    for a in advice:
        table.add_row(
            a.embedding,
            a.strategy,
            a.initial,
            f"{a.area:.3f}",
            f"{a.gain:+.3f} ({a.low:+.3f} to {a.high:+.3f})",
            f"{a.final:.3f}",
            f"{a.saved:.0f} ({a.saved_low:.0f} to {a.saved_high:.0f})",
            f"{a.best:.0%}",
        )
    console.print(f"Replayed on {len(labelled.texts):,} labels of {len(labelled.classes)} classes.", highlight=False)
    console.print(table)
    console.print(sentence(advice), highlight=False)
    console.print(
        "In brackets: 95 % intervals, a paired bootstrap over seeds; each seed holds out another fifth of the labels. "
        "Gain and labels saved are against random order from a random start on the same embedding.",
        highlight=False,
    )


def write_csv(path: Path, advice: Sequence[Advice]) -> None:
    """A row a combination, the best first. Raises CannotSave."""
    write_whole(path, pd.DataFrame([asdict(a) for a in advice]).to_csv(index=False).encode())
