"""How fast the head is fitted, compared with scikit-learn's LogisticRegression on the same rows in one run.

    python benchmarks/head.py [--quick]

Rows are clusters of unit length, like sentence embeddings. scikit-learn's solver (lbfgs, its default) is timed twice:
at its default tolerance, and at the loosest tolerance (1e-4, 1e-5, … 1e-10) whose objective is within 1e-5 of the best
known. The columns `off` show how far from the optimum a fit stops. Times are medians; both use all threads.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from sklearn.linear_model import LogisticRegression

from ml_backend.learning.head import Head

SIZES = (50, 200, 500, 2000, 5000)
DIMENSIONS = (384, 1024, 4096)
CLASSES = (2, 6, 77)
STRENGTHS = (0.1, 1.0, 10.0, 100.0)
TOLERANCES = tuple(10.0**-e for e in range(4, 11))
CLOSE = 1e-5
SECONDS = 1.0
"""A fit is repeated for about this long, at most nine times; three times at least unless it takes longer than LONG."""
LONG = 5.0
Matrix = NDArray[Any]


@dataclass(frozen=True)
class Row:
    """One point of the grid. excess: relative distance of the objective to the best known; seconds: medians."""

    n: int
    D: int
    k: int
    C: float
    ours: float
    our_excess: float
    default: float
    default_excess: float
    accurate: float
    tolerance: float


def clusters(n: int, D: int, k: int) -> tuple[Matrix, NDArray[np.int64]]:
    """Rows (n, D) float32 of length 1 around k centres, and the labels (n,), every class present when n >= k."""
    rng = np.random.default_rng(0)
    y = rng.permutation(np.arange(n) % k)
    X = rng.normal(size=(k, D))[y] + 3 * rng.normal(size=(n, D))
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    return X.astype(np.float32), y


def objective(W: Matrix, b: Matrix, X: Matrix, y: NDArray[np.int64], C: float) -> float:
    """C · Σ log loss + ½‖W‖² in float64; W is (1, D) for two classes, else (k, D)."""
    F = X.astype(np.float64) @ W.T.astype(np.float64) + b
    if len(W) == 1:
        loss = np.logaddexp(0, -(2 * y - 1) * F[:, 0]).sum()
    else:
        top = F.max(axis=1)
        loss = (np.log(np.exp(F - top[:, None]).sum(axis=1)) + top - F[np.arange(len(y)), y]).sum()
    return float(C * loss + (W.astype(np.float64) ** 2).sum() / 2)


def compact(head: Head) -> tuple[Matrix, Matrix]:
    """The head's weights in scikit-learn's form."""
    present = np.flatnonzero(head.seen)
    if len(present) == 2:
        low, high = present
        return head.weights[[high]] - head.weights[[low]], head.bias[[high]] - head.bias[[low]]
    return head.weights[present], head.bias[present]


def median_seconds(fit: Callable[[], object]) -> float:
    """Median wall time of a fit."""
    seconds: list[float] = []
    while len(seconds) < (9 if sum(seconds) < SECONDS else 3 if sum(seconds) < LONG else 1):
        started = time.perf_counter()
        fit()
        seconds.append(time.perf_counter() - started)
    return float(np.median(seconds))


def measure(n: int, D: int, k: int, C: float) -> Row:
    """Times and objectives of both solvers at one point of the grid."""
    X, y = clusters(n, D, k)
    y = np.unique(y, return_inverse=True)[1]

    def theirs(tolerance: float) -> LogisticRegression:
        return LogisticRegression(C=C, tol=tolerance, max_iter=100_000).fit(X, y)

    ours = objective(*compact(Head(C=C).fit(X, y, k)), X, y, C)
    reached = {TOLERANCES[0]: _objective_of(theirs(TOLERANCES[0]), X, y, C)}
    best = ours
    for tolerance in TOLERANCES:
        reached[tolerance] = _objective_of(theirs(tolerance), X, y, C)
        best = min(best, reached[tolerance])
        if reached[tolerance] <= ours * (1 + CLOSE):
            break
    return Row(
        n,
        D,
        k,
        C,
        median_seconds(lambda: Head(C=C).fit(X, y, k)),
        ours / best - 1,
        median_seconds(lambda: theirs(TOLERANCES[0])),
        reached[TOLERANCES[0]] / best - 1,
        median_seconds(lambda: theirs(tolerance)),
        tolerance,
    )


def _objective_of(model: LogisticRegression, X: Matrix, y: NDArray[np.int64], C: float) -> float:
    return objective(model.coef_, model.intercept_, X, y, C)


def show(rows: list[Row]) -> None:
    """Print the table, and the worst ratios under it."""
    table = Table(title="Seconds to fit (median)")
    for name in ("n", "D", "classes", "C", "ours", "off", "sklearn", "off", "ratio", "sklearn, as exact", "ratio"):
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(
            f"{row.n:,}",
            f"{row.D:,}",
            str(row.k),
            f"{row.C:g}",
            f"{row.ours:.4f}",
            f"{row.our_excess:.0e}",
            f"{row.default:.4f}",
            f"{row.default_excess:.0e}",
            f"{row.default / row.ours:.1f}x",
            f"{row.accurate:.4f} ({row.tolerance:.0e})",
            f"{row.accurate / row.ours:.1f}x",
        )
    console = Console(width=140)
    console.print(table)
    for condition, ratio in (("as exact", _exact_ratio), ("at its default tolerance", _default_ratio)):
        ratios = [ratio(row) for row in rows]
        worst = rows[int(np.argmin(ratios))]
        console.print(
            f"scikit-learn {condition}: takes {np.median(ratios):.1f}x our time in the median, at the worst "
            f"{min(ratios):.2f}x (n={worst.n}, D={worst.D}, {worst.k} classes, C={worst.C:g})"
        )


def _exact_ratio(row: Row) -> float:
    return row.accurate / row.ours


def _default_ratio(row: Row) -> float:
    return row.default / row.ours


def main(
    quick: Annotated[bool, typer.Option(help="A corner of the grid.")] = False,
    largest: Annotated[int, typer.Option(help="Leave out more labels than this.")] = max(SIZES),
) -> None:
    """Fit both over the grid and print the table."""
    warnings.simplefilter("ignore")
    sizes = SIZES[1:3] if quick else SIZES
    strengths = STRENGTHS[1:3] if quick else STRENGTHS
    rows = [measure(n, D, k, C) for n in sizes if n <= largest for D in DIMENSIONS for k in CLASSES for C in strengths]
    show(rows)


if __name__ == "__main__":
    typer.run(main)
