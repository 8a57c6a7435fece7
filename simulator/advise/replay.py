"""Simulation of strategies, starts and embeddings on the labels that a project has so far."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any

import joblib
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml_backend.learning.defaults import DEFAULT_INITIAL, DEFAULT_STRATEGY
from ml_backend.learning.embedding.class_texts import ClassTexts, encode_class_texts
from ml_backend.learning.embedding.names import parse
from simulator.data.datasets import held_out_rows
from simulator.data.embedded_dataset import EmbeddedDataset
from simulator.data.embeddings import embed, embedder_of_classes
from simulator.data.progress import Count, uncounted
from simulator.experiment.budget import Budget
from simulator.experiment.grid import HeadKind
from simulator.experiment.simulate import simulate
from simulator.experiment.strategy_options import OFF, StrategyOptions

LEAST_LABELS = 100
LEAST_PER_CLASS = 5
NO_TEXTS = ClassTexts((), "")


class TooFewLabels(ValueError):
    """There are too few labels for advice; the message says how many are needed."""


@dataclass(frozen=True)
class Labelled:
    """The labelled texts of a project, all different; y (N,) int64: positions of their labels in classes; notes: what
    was chosen or left out when they were read; class_texts: what is known of the classes before any label.

    Raises ValueError for a text that occurs twice.
    """

    texts: list[str]
    y: NDArray[np.int64]
    classes: tuple[str, ...]
    notes: tuple[str, ...] = ()
    class_texts: ClassTexts = NO_TEXTS

    def __post_init__(self) -> None:
        # Two copies could be split between pool and test set, which would then contain a text that was learned.
        if len(set(self.texts)) < len(self.texts):
            raise ValueError("a text occurs twice among the labels; give each text once, with one label")

    def test_to_train(self) -> float:
        """Number of test labels / number of pool labels, the same for every seed."""
        held_out = held_out_rows(self.y, seed=0)
        return float(held_out.sum() / (~held_out).sum())


def check_enough(y: NDArray[np.int64]) -> None:
    """Raise TooFewLabels, with the reason, if the labels y (N,) int64 are too few to measure more than noise."""
    total = len(y)
    if total < LEAST_LABELS:
        raise TooFewLabels(
            f"there are {total} labels; advice needs {LEAST_LABELS} or more, each of a different text: a fifth "
            f"of them is held out as test set. Go on with {DEFAULT_STRATEGY} and a {DEFAULT_INITIAL} start until "
            "then: they are the defaults."
        )
    counts = np.bincount(y)
    if np.median(counts) < LEAST_PER_CLASS:
        raise TooFewLabels(
            f"half of the {len(counts)} classes have fewer than {LEAST_PER_CLASS} labels; for this number of classes "
            f"advice needs about {LEAST_PER_CLASS * len(counts):,} labels, and there are {total}"
        )


def budget_for(pool: int, n_classes: int) -> Budget:
    """A budget that ends at two thirds of a pool of this size: beyond, all strategies have mostly the same texts."""
    batch = max(5, pool // 24)
    initial = max(batch, min(n_classes * 2, pool // 4))
    return Budget(initial_size=initial, batch_size=batch, cycles=max(2, (2 * pool // 3 - initial) // batch))


def usable_heads(labelled: Labelled, embedding: str, heads: Sequence[HeadKind]) -> list[HeadKind]:
    """Those of the heads that differ with this embedding: only the plain one where classes have no vectors."""
    knows_classes = bool(labelled.class_texts.texts) and not parse(embedding).is_matrix
    return list(heads) if knows_classes else [HeadKind.PLAIN]


def replay(
    labelled: Labelled,
    embeddings: Sequence[str],
    strategies: Sequence[str],
    initials: Sequence[str],
    seeds: int,
    jobs: int,
    follow: Callable[[Iterator[Any], int], Iterator[Any]],
    options: StrategyOptions = OFF,
    heads: Sequence[HeadKind] = (HeadKind.PLAIN,),
    count: Count = uncounted,
) -> pd.DataFrame:
    """Simulate every combination on the labels so far; returns rows as in results.parquet, without the dataset.

    seeds: number of splits, each of which holds out another random fifth of each class; jobs: number of processes;
    follow: shows the progress of an iterator with this number of items and yields its items; heads: `usable_heads` of
    these are simulated with each embedding; count: shows how many texts are embedded. Raises TooFewLabels,
    ModelNotAvailable and what strategies raise.
    """
    check_enough(labelled.y)
    pool = int((~held_out_rows(labelled.y, seed=0)).sum())
    simulate_rows = partial(_rows, labelled.y, budget_for(pool, len(labelled.classes)), options)
    vectors = dict(embed(embeddings, labelled.texts, [], count=count))
    heads_of = {name: usable_heads(labelled, name, heads) for name in vectors}
    class_vectors = {
        (name, HeadKind.NAMED): encode_class_texts(
            embedder_of_classes(name, labelled.texts), labelled.class_texts.texts
        )
        for name, heads_of_embedding in heads_of.items()
        if HeadKind.NAMED in heads_of_embedding
    }
    # A generator, since each task holds the arrays for its worker.
    tasks = (
        joblib.delayed(simulate_rows)(
            vectors[name],
            class_vectors.get((name, head)),
            {"embedding": name, "strategy": strategy, "initial": initial, "head": head.value, "seed": seed},
        )
        for name in vectors
        for seed, strategy, initial, head in product(range(seeds), strategies, initials, heads_of[name])
    )
    total = sum(map(len, heads_of.values())) * seeds * len(strategies) * len(initials)
    with joblib.parallel_config(backend="loky", n_jobs=jobs, inner_max_num_threads=1):
        runs = joblib.Parallel(return_as="generator")(tasks)
        return pd.DataFrame([row for rows in follow(runs, total) for row in rows])


def _rows(
    y: NDArray[np.int64],
    budget: Budget,
    options: StrategyOptions,
    X: NDArray[np.float32],
    class_vectors: NDArray[np.float32] | None,
    keys: dict[str, Any],
) -> list[dict[str, Any]]:
    held_out = held_out_rows(y, keys["seed"])
    pool = ~held_out
    offered = np.ones(int(pool.sum()), dtype=bool)
    data = EmbeddedDataset(X[pool], y[pool], offered, X[held_out], y[held_out], int(y.max()) + 1, class_vectors)
    plan = options.cycle(keys["strategy"], keys["initial"], keys["seed"])
    return [keys | cycle for cycle in simulate(data, plan, budget).cycles]
