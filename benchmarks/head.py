"""How fast and how exactly the head is fitted, beside scikit-learn's LogisticRegression on the same rows.

    python benchmarks/head.py [--data DATA] [--datasets trec6,banking77] [--embedding minilm] [--quick]

First fits to 100, 200, … 1,600 labels of data sets, with the penalty of live projects and simulated runs; without
--data these are left out. Then a grid of clusters of unit length. Seconds are medians of processor time on one thread,
both solvers in turn. scikit-learn stops at its default tolerance. Both are compared with scikit-learn in float64 at a
tolerance of 1e-9: `objective` is the relative distance to its objective, `probability` the largest difference of a
probability of a row that was not fitted. A negative distance means that a fit is closer to the optimum than that one.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from data_folder import DataFolder
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from ml_backend.learning.defaults import DEFAULT_C
from ml_backend.learning.head import Head
from simulator.data.cache_folder import default_cache
from simulator.data.datasets import load
from simulator.data.vector_cache import embed_and_cache

LABELS = tuple(range(100, 1601, 100))
SIZES, DIMENSIONS, CLASSES, STRENGTHS = (50, 500, 2000), (384, 4096), (2, 6, 77), (1.0, 30.0, 100.0)
NEW_ROWS = 1000
REPEATS = 3
Matrix = NDArray[Any]
console = Console(width=150)


@dataclass(frozen=True)
class Fit:
    """One fit. X (n, D) float32, y (n,) in 0..k-1, all present; new: (m, D) rows that are not fitted; C: as in Head."""

    X: Matrix
    y: NDArray[np.int64]
    new: Matrix
    C: float


@dataclass(frozen=True)
class Result:
    """Seconds and distances to the optimum of both solvers."""

    fit: Fit
    seconds: float
    sklearn_seconds: float
    excess: float
    difference: float
    sklearn_excess: float
    sklearn_difference: float


def clusters(n: int, D: int, k: int, C: float) -> Fit:
    """Rows of length 1 around k centres."""
    rng = np.random.default_rng(0)
    y = rng.permutation(np.arange(n + NEW_ROWS) % k)
    X = rng.normal(size=(k, D))[y] + 3 * rng.normal(size=(n + NEW_ROWS, D))
    X = (X / np.linalg.norm(X, axis=1, keepdims=True)).astype(np.float32)
    return Fit(X[:n], np.unique(y[:n], return_inverse=True)[1], X[n:], C)


def of_dataset(name: str, folder: Path, embedding: str) -> Iterator[Fit]:
    """Fits to more and more labels that are drawn at random."""
    [(_, cached)] = embed_and_cache(load(name, folder), [embedding], default_cache())
    data = cached.open()
    order = np.random.default_rng(0).permutation(np.flatnonzero(data.offered))
    for n in LABELS:
        X = np.ascontiguousarray(data.X[order[:n]])
        C = DEFAULT_C / float(np.mean(np.sum(X.astype(np.float64) ** 2, axis=1)))
        yield Fit(X, np.unique(data.y[order[:n]], return_inverse=True)[1], np.asarray(data.X_test[:NEW_ROWS]), C)


def objective(W: Matrix, b: Matrix, fit: Fit) -> float:
    """C · Σ log loss + ½‖W‖² in float64; W is (1, D) for two classes, else (k, D)."""
    F, y = fit.X.astype(np.float64) @ W.T.astype(np.float64) + b, fit.y
    if len(W) == 1:
        loss = np.logaddexp(0, -(2 * y - 1) * F[:, 0]).sum()
    else:
        top = F.max(axis=1)
        loss = (np.log(np.exp(F - top[:, None]).sum(axis=1)) + top - F[np.arange(len(y)), y]).sum()
    return float(fit.C * loss + (W.astype(np.float64) ** 2).sum() / 2)


def compact(head: Head) -> tuple[Matrix, Matrix]:
    """The head's weights in scikit-learn's form."""
    if head.n_classes == 2:
        return head.weights[1:] - head.weights[:1], head.bias[1:] - head.bias[:1]
    return head.weights, head.bias


def processor_seconds(*fits: Callable[[], object]) -> list[float]:
    """Median processor time of each of the fits, which take turns."""
    seconds: list[list[float]] = [[] for _ in fits]
    for _ in range(REPEATS):
        for fit, times in zip(fits, seconds, strict=True):
            started = time.process_time()
            fit()
            times.append(time.process_time() - started)
    return [float(np.median(times)) for times in seconds]


def measure(fit: Fit) -> Result:
    """Times and distances of both solvers for one fit."""
    head, k = Head(fit.C), int(fit.y.max()) + 1
    theirs = LogisticRegression(C=fit.C)
    seconds, sklearn_seconds = processor_seconds(lambda: head.fit(fit.X, fit.y, k), lambda: theirs.fit(fit.X, fit.y))
    exact = LogisticRegression(C=fit.C, tol=1e-9, max_iter=100_000).fit(fit.X.astype(np.float64), fit.y)
    optimum, p = objective(exact.coef_, exact.intercept_, fit), exact.predict_proba(fit.new)
    return Result(
        fit,
        seconds,
        sklearn_seconds,
        objective(*compact(head), fit) / optimum - 1,
        float(np.abs(head.predict_proba(fit.new) - p).max()),
        objective(theirs.coef_, theirs.intercept_, fit) / optimum - 1,
        float(np.abs(theirs.predict_proba(fit.new) - p).max()),
    )


def show(title: str, results: list[Result]) -> None:
    """Print a table with one fit in a line, and their sum."""
    table = Table(title=title)
    columns = ("labels", "dimensions", "classes", "C", "sklearn", "objective", "probability")
    for name in (*columns, "ours", "objective", "probability", "ratio"):
        table.add_column(name, justify="right")
    for result in results:
        table.add_row(
            *(f"{size:,}" for size in (*result.fit.X.shape, int(result.fit.y.max()) + 1)),
            f"{result.fit.C:.3g}",
            *_cells(result.sklearn_seconds, result.sklearn_excess, result.sklearn_difference),
            *_cells(result.seconds, result.excess, result.difference),
            f"{result.seconds / result.sklearn_seconds:.2f}",
        )
    theirs, ours = sum(r.sklearn_seconds for r in results), sum(r.seconds for r in results)
    table.add_section()
    table.add_row(
        *("all", "", "", ""),
        *_cells(theirs, max(r.sklearn_excess for r in results), max(r.sklearn_difference for r in results)),
        *_cells(ours, max(r.excess for r in results), max(r.difference for r in results)),
        f"{ours / theirs:.2f}",
    )
    console.print(table)


def _cells(seconds: float, excess: float, difference: float) -> tuple[str, str, str]:
    return f"{seconds:.4f}", f"{excess:.0e}", f"{difference:.0e}"


def main(
    data: DataFolder | None = None,
    datasets: Annotated[str, typer.Option(help="Names, separated by commas.")] = "banking77,trec6",
    embedding: Annotated[str, typer.Option(help="Of the data sets.")] = "minilm",
    quick: Annotated[bool, typer.Option(help="A corner of the grid.")] = False,
) -> None:
    """Fit both and print the tables."""
    warnings.simplefilter("ignore")
    for name in datasets.split(",") if data is not None else []:
        fits = list(of_dataset(name, data, embedding))
        with threadpool_limits(1):
            show(f"{name}, {embedding}", [measure(fit) for fit in fits])
    sizes, strengths = (SIZES[1:2], STRENGTHS[1:2]) if quick else (SIZES, STRENGTHS)
    with threadpool_limits(1):
        grid = [measure(clusters(n, D, k, C)) for n in sizes for D in DIMENSIONS for k in CLASSES for C in strengths]
    show("Clusters", grid)


if __name__ == "__main__":
    typer.run(main)
