"""Seconds per simulated run, and our loop compared with the same loop written with scikit-activeml.

    python benchmarks/simulated_runs.py peer [--cycles 5] [--badge-cycles 1]
    python benchmarks/simulated_runs.py seconds [--repeats 3] [--embeddings minilm,minilm:layer1]

Both use one thread of one process. `peer` runs banking77 with the same initial labels, the same number of labels per
cycle and the same optimum (LogisticRegression of the same C, tolerance 1e-4): accuracy curves side by side, and the
ratio of wall times. scikit-activeml's Badge builds the gradient embeddings, which takes it about a minute per query
here, so it gets fewer cycles. `seconds` times whole runs of the default budget: 16 fits, 15 queries, 16 evaluations. It
counts CPU time, so that other work on the machine does not count.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any
from unittest.mock import patch

import numpy as np
import typer
from data_folder import DEFAULT, DataFolder
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from ml_backend.learning import strategies
from ml_backend.learning.cycle import Cycle
from ml_backend.learning.head.held_out import HeldOut
from simulator.data.cache_folder import default_cache
from simulator.data.datasets import load
from simulator.data.embedded_dataset import EmbeddedDataset
from simulator.data.vector_cache import embed_and_cache
from simulator.experiment.budget import Budget
from simulator.experiment.metrics import evaluate
from simulator.experiment.simulate import simulate

app = typer.Typer(add_completion=False, help=__doc__, rich_markup_mode="markdown")
console = Console(width=160)
SIZE = 100
HELD_OUT_TEMPERATURE = HeldOut.temperature
PEERS = (
    "random",
    "least_confidence",
    "margin",
    "entropy",
    "coreset",
    "typiclust",
    "dropquery",
    "probcover",
    "max_herding",
    "badge",
)


@dataclass(frozen=True)
class Curve:
    """Accuracy after each cycle, and the wall time of all of them: fits, queries and evaluations."""

    accuracy: list[float]
    seconds: float


@app.command()
def peer(
    data: DataFolder = DEFAULT,
    dataset: Annotated[str, typer.Option(help="Which one.")] = "banking77",
    cycles: Annotated[int, typer.Option(help="Queries of each strategy.")] = 5,
    badge_cycles: Annotated[int, typer.Option(help="Queries of badge.")] = 1,
    only: Annotated[str, typer.Option(help="Strategies, by comma.")] = ",".join(PEERS),
    cache: Annotated[Path | None, typer.Option(help="Where embeddings are kept.")] = None,
) -> None:
    """Compare our loop with the same loop written with scikit-activeml."""
    arrays = embedded(data, dataset, cache)
    table = Table("strategy", "queries", "ours s", "peer s", "ratio", "accuracy, ours", "accuracy, peer")
    totals = {"all": np.zeros(2), "without badge": np.zeros(2)}
    for name in only.split(","):
        queries = badge_cycles if name == "badge" else cycles
        ours, theirs = our_curve(arrays, name, queries), peer_curve(arrays, name, queries)
        totals["all"] += ours.seconds, theirs.seconds
        if name != "badge":
            totals["without badge"] += ours.seconds, theirs.seconds
        table.add_row(
            name,
            str(queries),
            f"{ours.seconds:.2f}",
            f"{theirs.seconds:.2f}",
            f"{theirs.seconds / ours.seconds:.1f}×",
            " ".join(f"{a:.3f}" for a in ours.accuracy),
            " ".join(f"{a:.3f}" for a in theirs.accuracy),
        )
    for group, (ours_sum, peer_sum) in totals.items():
        if ours_sum:
            table.add_row(
                f"together, {group}", "", f"{ours_sum:.2f}", f"{peer_sum:.2f}", f"{peer_sum / ours_sum:.1f}×", "", ""
            )
    console.print(table)


@app.command()
def seconds(
    data: DataFolder = DEFAULT,
    datasets: Annotated[str, typer.Option(help="Which ones, by comma.")] = "banking77,trec6",
    only: Annotated[str, typer.Option(help="Strategies, by comma.")] = ",".join(strategies.names()),
    repeats: Annotated[int, typer.Option(help="Runs of each; the median is shown.")] = 3,
    embeddings: Annotated[str, typer.Option(help="By comma; the vectors of several are put side by side.")] = "minilm",
    cache: Annotated[Path | None, typer.Option(help="Where embeddings are kept.")] = None,
) -> None:
    """CPU seconds per run of the default budget, and which share fits, queries and the rest have."""
    for dataset in datasets.split(","):
        arrays = embedded(data, dataset, cache, embeddings.split(","))
        table = Table(
            "strategy",
            "run s",
            "16 fits s",
            "15 queries s",
            "of these, held-out fits s",
            "rest s",
            "last accuracy",
            title=f"{dataset}, {embeddings}: {arrays.X.shape[1]} dimensions",
        )
        for name in only.split(","):
            run_seconds, fits, queries, held_out, last = np.median(
                [seconds_of_run(arrays, name) for _ in range(repeats)], axis=0
            )
            rest = run_seconds - fits - queries
            table.add_row(name, *(f"{s:.2f}" for s in (run_seconds, fits, queries, held_out, rest)), f"{last:.3f}")
        console.print(table)


def seconds_of_run(data: EmbeddedDataset, strategy: str) -> tuple[float, float, float, float, float]:
    """CPU seconds of a run, of its fits, of its queries and of the held-out fits in these; and the last accuracy."""
    held_out = 0.0

    def timed(self: HeldOut, *arguments: Any) -> float:
        nonlocal held_out
        started = time.process_time()
        temperature = HELD_OUT_TEMPERATURE(self, *arguments)
        held_out += time.process_time() - started
        return temperature

    # Runs take their times from perf_counter.
    with patch("time.perf_counter", time.process_time), patch.object(HeldOut, "temperature", timed):
        started = time.process_time()
        run = simulate(data, Cycle(strategy, "random", 1), Budget())
        run_seconds = time.process_time() - started
    fits, queries = (sum(c[column] for c in run.cycles) for column in ("fit_seconds", "query_seconds"))
    return run_seconds, fits, queries, held_out, run.cycles[-1]["accuracy"]


def embedded(data: Path, dataset: str, cache: Path | None, embeddings: Sequence[str] = ("minilm",)) -> EmbeddedDataset:
    """A dataset with the vectors of the embeddings side by side, in memory, so that no disk access is timed."""
    named = dict(embed_and_cache(load(dataset, data), embeddings, cache or default_cache()))
    opened = [named[name].open() for name in embeddings]
    X, X_test = (np.hstack([getattr(one, part) for one in opened]) for part in ("X", "X_test"))
    return replace(opened[0], X=X, X_test=X_test)


def our_curve(data: EmbeddedDataset, strategy: str, cycles: int) -> Curve:
    """Run our loop."""
    started = time.perf_counter()
    run = simulate(data, Cycle(strategy, "random", 1), Budget(SIZE, SIZE, cycles))
    return Curve([c["accuracy"] for c in run.cycles], time.perf_counter() - started)


def peer_curve(data: EmbeddedDataset, strategy: str, cycles: int) -> Curve:
    """Run the loop as scikit-activeml's tutorials write it."""
    from skactiveml.classifier import SklearnClassifier

    X = np.array(data.X, dtype=np.float64)
    y = np.full(len(X), np.nan)
    first = simulate(data, Cycle("random", "random", 1), Budget(SIZE, SIZE, 0)).picks[0]
    y[first] = data.y[first]
    method, takes_head = peer_strategy(strategy, data.n_classes)
    C = Cycle.C / float((X[first] ** 2).sum(axis=1).mean())
    accuracies = []
    with threadpool_limits(limits=1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        started = time.perf_counter()
        for cycle in range(cycles + 1):
            head = SklearnClassifier(LogisticRegression(C=C, max_iter=1000), classes=np.arange(data.n_classes))
            head.fit(X, y)
            accuracies.append(evaluate(head.predict_proba(data.X_test), data.y_test).accuracy)
            if cycle == cycles:
                break
            candidates = np.flatnonzero(np.isnan(y) & data.offered)
            extra: dict[str, Any] = {"clf": head, "fit_clf": False} if takes_head else {}
            picks: NDArray[np.int64] = method.query(X=X, y=y, candidates=candidates, batch_size=SIZE, **extra)
            y[picks] = data.y[picks]
    return Curve(accuracies, time.perf_counter() - started)


def peer_strategy(name: str, n_classes: int) -> tuple[Any, bool]:
    """scikit-activeml's strategy of that name, and whether its query takes a classifier."""
    from skactiveml import pool

    uncertain = {"least_confidence": "least_confident", "margin": "margin_sampling", "entropy": "entropy"}
    if name in uncertain:
        return pool.UncertaintySampling(method=uncertain[name], random_state=0), True
    made: dict[str, tuple[Any, bool]] = {
        "random": (pool.RandomSampling(random_state=0), False),
        "coreset": (pool.CoreSet(random_state=0), False),
        "typiclust": (pool.TypiClust(random_state=0), False),
        "dropquery": (pool.DropQuery(random_state=0), True),
        "probcover": (pool.ProbCover(n_classes=n_classes, random_state=0), False),
        "max_herding": (pool.MaxHerding(random_state=0), False),
        "badge": (pool.Badge(random_state=0), True),
    }
    return made[name]


if __name__ == "__main__":
    app()
