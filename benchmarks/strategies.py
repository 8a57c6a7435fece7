"""How long a query takes: every strategy of ours, and the same in scikit-activeml and small-text if they have it.

    python benchmarks/strategies.py
    python benchmarks/strategies.py --skip badge,probcover,max_herding      # without the peers' slow ones (minutes)

One run, medians, on synthetic clusters; every time includes scoring the pool with a head that is fitted already. The
column `in products` is the time in units of the product of texts and weights, which is part of every scoring. For
strategies that are exact only up to a size there is a row for the default and a row with all rows exact.
"""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Callable
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.table import Table
from skactiveml import pool as activeml
from skactiveml.classifier import SklearnClassifier
from sklearn.linear_model import LogisticRegression
from synthetic_pool import clusters, first_labels

from ml_backend.learning import Head, Pool, strategies

Query = Callable[[], Any]


def main(
    rows: Annotated[int, typer.Option(help="Texts in the pool.")] = 20_000,
    dimensions: Annotated[int, typer.Option(help="Dimensions of the embedding.")] = 384,
    classes: Annotated[int, typer.Option(help="Classes.")] = 77,
    labeled: Annotated[int, typer.Option(help="Labels so far.")] = 500,
    batch: Annotated[int, typer.Option(help="Texts to choose.")] = 100,
    repeats: Annotated[int, typer.Option(help="Runs of ours; the median counts.")] = 5,
    peer_repeats: Annotated[int, typer.Option(help="Runs of theirs; the median counts.")] = 1,
    skip: Annotated[str, typer.Option(help="Strategies whose peers are left out, with commas between.")] = "",
    peers: Annotated[bool, typer.Option(help="Time scikit-activeml and small-text too.")] = True,
    only: Annotated[str, typer.Option(help="Strategies to time, with commas between; all by default.")] = "",
) -> None:
    """Print the table."""
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    x, y = clusters(rows, dimensions, classes)
    labels = first_labels(y, labeled)
    is_labeled = labels >= 0
    head = Head().fit(x[is_labeled], labels[is_labeled], classes)
    left_out = set(skip.split(","))
    scikit_activeml = _scikit_activeml(x, labels, classes, batch) if peers else {}
    small_text = _small_text(x, labels, batch) if peers else {}
    table = Table(
        title=f"{batch} of {rows:,} texts × {dimensions} dimensions, {classes} classes, {labeled} labels; seconds"
    )
    product = _median(lambda: x @ head.weights.T, repeats)
    for column in (
        "strategy",
        "ours",
        "in products",
        "scikit-activeml",
        "small-text",
        "ratio to scikit-activeml",
        "to small-text",
    ):
        table.add_column(column, justify="left" if column == "strategy" else "right")
    console = Console(width=120)
    for name in only.split(",") if only else strategies.names():
        with_peers = name not in left_out
        with console.status(name):
            activeml_time = (
                _median(scikit_activeml[name], peer_repeats) if with_peers and name in scikit_activeml else None
            )
            small_text_time = _median(small_text[name], peer_repeats) if with_peers and name in small_text else None
            for label, options in _variants(name, rows):
                ours = _median(lambda n=name, o=options: _ours(n, x, labels, classes, head, batch, o), repeats)
                table.add_row(
                    label,
                    f"{ours:.3f}",
                    f"{ours / product:.2f}",
                    *map(_seconds, (activeml_time, small_text_time)),
                    _ratio(activeml_time, ours),
                    _ratio(small_text_time, ours),
                )
    console.print(table)


def _variants(name: str, rows: int) -> list[tuple[str, dict[str, int]]]:
    import inspect

    option = inspect.signature(strategies.get(name).select).parameters.get("exact_up_to")
    if option is None or option.default >= rows:
        return [(name, {})]
    if name == "typiclust":
        return [(name, {})]
    return [(f"{name} (sample of {option.default:,})", {}), (f"{name} (all rows)", {"exact_up_to": rows})]


def _ours(name: str, x: Any, labels: Any, classes: int, head: Head, batch: int, options: dict[str, int]) -> None:
    strategies.select(name, Pool(x, labels, classes, head), batch, np.random.default_rng(0), **options)


def _median(query: Query, repeats: int) -> float:
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        query()
        times.append(time.perf_counter() - started)
    return float(np.median(times))


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _ratio(peer: float | None, ours: float) -> str:
    return "" if peer is None else f"{peer / ours:,.1f} ×"


def _scikit_activeml(x: Any, labels: Any, classes: int, batch: int) -> dict[str, Query]:
    y = np.where(labels < 0, np.nan, labels)
    head = SklearnClassifier(LogisticRegression(max_iter=1000), classes=range(classes)).fit(x, y)
    with_head = {
        "badge": lambda: activeml.Badge(random_state=0),
        "dropquery": lambda: activeml.DropQuery(n_dropout_samples=3, random_state=0),
        "entropy": lambda: activeml.UncertaintySampling(method="entropy", random_state=0),
        "least_confidence": lambda: activeml.UncertaintySampling(method="least_confident", random_state=0),
        "margin": lambda: activeml.UncertaintySampling(method="margin_sampling", random_state=0),
    }
    without = {
        "coreset": lambda: activeml.CoreSet(random_state=0),
        "max_herding": lambda: activeml.MaxHerding(metric_dict={"gamma": 1.0}, random_state=0),
        "probcover": lambda: activeml.ProbCover(n_classes=classes, random_state=0),
        "random": lambda: activeml.RandomSampling(random_state=0),
        "typiclust": lambda: activeml.TypiClust(k=20, random_state=0),
    }
    queries: dict[str, Query] = {}
    for name, make in with_head.items():
        queries[name] = lambda make=make: make().query(x, y, clf=head, fit_clf=False, batch_size=batch)
    for name, make in without.items():
        queries[name] = lambda make=make: make().query(x, y, batch_size=batch)
    return queries


def _small_text(x: Any, labels: Any, batch: int) -> dict[str, Query]:
    from small_text.query_strategies import BreakingTies, GreedyCoreset, LeastConfidence, PredictionEntropy

    labeled, unlabeled = np.flatnonzero(labels >= 0), np.flatnonzero(labels < 0)
    # Its strategies call only predict_proba of the classifier, and only pass the data set on.
    head = LogisticRegression(max_iter=1000).fit(x[labeled], labels[labeled])
    made = {"entropy": PredictionEntropy, "least_confidence": LeastConfidence, "margin": BreakingTies}
    queries: dict[str, Query] = {
        name: lambda make=make: make().query(head, x, unlabeled, labeled, labels[labeled], n=batch)
        for name, make in made.items()
    }
    queries["coreset"] = lambda: GreedyCoreset(normalize=False).sample(
        head, x, unlabeled, labeled, labels[labeled], batch, x, embeddings_proba=None
    )
    return queries


if __name__ == "__main__":
    typer.run(main)
