"""Gains over random order on Banking77, compared with published ones that were read off a plot (± 0.01).

    python benchmarks/outside_numbers.py --out DIR [--seeds 10] [--jobs 2]

Frozen all-MiniLM-L6-v2, not normalised (minilm:layer6), initial pool of 200 random labels, batches of 200, 4,200
labels. The published ones have 10 seeds and a linear head. Interrupted, it resumes like `python -m simulator run`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import typer
from data_folder import DEFAULT, DataFolder
from rich.console import Console
from rich.table import Table

from simulator.cli.progress import TerminalProgress
from simulator.data.cache_folder import default_cache
from simulator.experiment.budget import Budget
from simulator.experiment.definition import Experiment
from simulator.experiment.runner import run

CLOSE = 0.02
AT_400 = {
    "typiclust": 0.07,
    "dropquery": 0.065,
    "alfamix": 0.045,
    "badge": 0.04,
    "margin": 0.035,
    "bait": 0.035,
    "coreset": 0.015,
}
AT_4200 = {
    "badge": 0.018,
    "margin": 0.018,
    "bait": 0.018,
    "alfamix": 0.011,
    "coreset": 0.011,
    "dropquery": 0.004,
    "typiclust": 0.0,
}


def main(
    out: Annotated[Path, typer.Option(help="Folder of the results.")],
    data: DataFolder = DEFAULT,
    seeds: Annotated[int, typer.Option(help="Runs of each strategy.")] = 10,
    jobs: Annotated[int, typer.Option(help="Worker processes.")] = 1,
    embedding: Annotated[str, typer.Option(help="Which embedding.")] = "minilm:layer6",
    cache: Annotated[Path | None, typer.Option(help="Where embeddings are kept.")] = None,
) -> None:
    """Run the missing cells and print the table."""
    experiment = Experiment(
        datasets=["banking77"],
        embeddings=[embedding],
        strategies=["random", *AT_400],
        initials=["random"],
        seeds=seeds,
        out=out,
        data=data,
        budget=Budget(200, 200, 20),
        jobs=jobs,
        cache=(cache or default_cache()).absolute(),
    )
    outcome = run(experiment, TerminalProgress(Console(stderr=True)))
    results = pd.read_parquet(out / "results.parquet")
    results = results[(results["embedding"] == embedding) & (results["seed"] < seeds)]
    curves = results.pivot_table(index=["strategy", "seed"], columns="n_labeled", values="accuracy")
    table = Table("strategy", "at 400, theirs", "ours", "", "at 4,200, theirs", "ours", "", "last accuracy")
    for strategy, early in AT_400.items():
        cells = []
        for n, theirs in ((400, early), (4200, AT_4200[strategy])):
            gain = (curves.loc[strategy, n] - curves.loc["random", n]).dropna()
            error = 1.96 * gain.std(ddof=1) / np.sqrt(len(gain)) if len(gain) > 1 else float("nan")
            close = "✓" if abs(gain.mean() - theirs) <= CLOSE else f"off by {gain.mean() - theirs:+.3f}"
            cells += [f"{theirs:+.3f}", f"{gain.mean():+.3f} ± {error:.3f}", close]
        table.add_row(strategy, *cells, f"{curves.loc[strategy, 4200].mean():.3f}")
    table.add_row("random", *[""] * 6, f"{curves.loc['random', 4200].mean():.3f}")
    Console(width=140).print(table)
    raise typer.Exit(1 if outcome.failed else 0)


if __name__ == "__main__":
    typer.run(main)
