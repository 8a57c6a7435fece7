"""What a head that knows the class names predicts from few random labels, compared with the same head without them.

    python benchmarks/class_names.py --data DATA [--datasets trec6,sst2] [--picture curves.png]

For each data set there are five heads: `plain`, without the names; `names`; `descriptions`, a sentence for each class;
`shuffled`, the names in another order, which is the worst that names can do; and `abbreviations`, the first three
letters of each name, which mean little. Names that say nothing by the rule of the service (codes, digits) are replaced
by the built-in readable ones. Labels are random; all heads of a seed get the same ones. Accuracy is on the test split.
The last tables show the time that the names cost with 77 classes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Annotated

import numpy as np
import typer
from data_folder import DEFAULT, DataFolder
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from ml_backend.learning.cycle import Cycle
from ml_backend.learning.embedding.class_texts import class_texts, encode_class_texts
from ml_backend.learning.embedding.embedder import load as load_embedder
from ml_backend.learning.head.class_prior import class_prior
from simulator.cli.arguments import sizes
from simulator.data.cache_folder import default_cache
from simulator.data.class_descriptions import read_descriptions
from simulator.data.data_error import DataError
from simulator.data.dataset_names import known_names
from simulator.data.datasets import load
from simulator.data.embedded_dataset import EmbeddedDataset
from simulator.data.perturbations import Perturbations
from simulator.data.perturbed import perturbed
from simulator.data.vector_cache import embed_and_cache
from simulator.experiment.metrics import HeldOutMetrics, evaluate, expected_of_uniform_guess

PLAIN, NAMES, DESCRIPTIONS, SHUFFLED, ABBREVIATIONS = "plain", "names", "descriptions", "shuffled", "abbreviations"
KINDS = (PLAIN, NAMES, DESCRIPTIONS, SHUFFLED, ABBREVIATIONS)
LABELS = (0, 5, 10, 20, 40, 80, 300)
CALIBRATION_LABELS = (0, 10, 50, 300)
ALL_LABELS = tuple(sorted({*LABELS, *CALIBRATION_LABELS}))
MODEL = "minilm"

console = Console(width=160)
Measured = dict[int, list[HeldOutMetrics]]
"""Number of labels → the metrics of each seed."""


@dataclass(frozen=True)
class Subject:
    """A data set, and the class vectors (K, D) of each kind of head but the plain one."""

    name: str
    data: EmbeddedDataset
    vectors: Mapping[str, NDArray[np.float32]]


def subject(name: str, folder: Path, changes: Perturbations, descriptions: str) -> Subject:
    """Load and embed a data set and the texts of its classes."""
    dataset = perturbed(load(name, folder), changes)
    [(_, cached)] = embed_and_cache(dataset, [MODEL], default_cache())
    readable, _ = read_descriptions("builtin-names").of(name, dataset.classes, may_lack=True)
    described, _ = read_descriptions(descriptions).of(name, dataset.classes, may_lack=True)
    texts = class_texts(dataset.classes, readable).texts or dataset.classes
    abbreviations = [name.replace(" ", "")[:3] for name in dataset.classes]
    embed = partial(encode_class_texts, load_embedder(MODEL))
    return Subject(
        name,
        cached.open(),
        {
            NAMES: embed(texts),
            DESCRIPTIONS: embed(class_texts(dataset.classes, readable | described).texts or texts),
            ABBREVIATIONS: embed(abbreviations),
        },
    )


def measure(subject: Subject, kind: str, seeds: int) -> Measured:
    """The metrics of one kind of head at each number of labels."""
    data, n_classes = subject.data, subject.data.n_classes
    rows = np.flatnonzero(data.offered)
    measured: Measured = {n: [] for n in ALL_LABELS}
    for seed in range(seeds):
        vectors = _vectors(subject, kind, seed)
        prior = None if vectors is None else class_prior(vectors, data.X, rows, seed)
        order = np.random.default_rng(seed).permutation(rows)
        for n in ALL_LABELS:
            chosen = order[:n]
            if prior is None and not n:
                measured[n].append(expected_of_uniform_guess(data.y_test, n_classes))
                continue
            head = Cycle("random", "random", 1).fit(np.asarray(data.X[chosen]), data.y[chosen], n_classes, prior)
            measured[n].append(evaluate(head.predict_proba(data.X_test), data.y_test))
    return measured


def _vectors(subject: Subject, kind: str, seed: int) -> NDArray[np.float32] | None:
    if kind == PLAIN:
        return None
    if kind != SHUFFLED:
        return subject.vectors[kind]
    K, rng = subject.data.n_classes, np.random.default_rng(1000 + seed)
    while True:
        order = rng.permutation(K)
        if (order != np.arange(K)).all() or (K > 9 and (order != np.arange(K)).mean() > 0.7):
            return subject.vectors[NAMES][order]


def accuracy_table(results: Mapping[tuple[str, str], Measured]) -> Table:
    """Mean accuracy, how far it falls below its own value at fewer labels, and how far below that of the plain head.

    The latter is from 5 labels on; the last column is the balanced accuracy at 5 labels.
    """
    columns = ["data set", "head", *(f"{n} labels" for n in LABELS), "below itself", "below plain", "balanced, 5"]
    table = Table(*columns, title="Accuracy, mean over seeds")
    for (name, kind), measured in results.items():
        means = [float(np.mean([m.accuracy for m in measured[n]])) for n in LABELS]
        plain = [float(np.mean([m.accuracy for m in results[name, PLAIN][n]])) for n in LABELS]
        below_itself = max(max(means[: i + 1]) - mean for i, mean in enumerate(means))
        below_plain = max(p - m for p, m in zip(plain[1:], means[1:], strict=True))
        balanced = float(np.mean([m.balanced_accuracy for m in measured[5]]))
        extremes = (f"{below_itself:.3f}", f"{below_plain:+.3f}")
        table.add_row(name, kind, *(f"{m:.3f}" for m in means), *extremes, f"{balanced:.3f}")
    return table


def calibration_table(results: Mapping[tuple[str, str], Measured]) -> Table:
    """Mean negative log likelihood in nats and expected calibration error."""
    columns = [f"{what} {n}" for what in ("NLL", "ECE") for n in CALIBRATION_LABELS]
    table = Table("data set", "head", *columns, title="Negative log likelihood and calibration error by labels")
    for (name, kind), measured in results.items():
        nll = [float(np.mean([m.nll for m in measured[n]])) for n in CALIBRATION_LABELS]
        ece = [float(np.mean([m.ece for m in measured[n]])) for n in CALIBRATION_LABELS]
        table.add_row(name, kind, *(f"{v:.2f}" for v in nll), *(f"{v:.3f}" for v in ece))
    return table


def seconds_table(repeats: int) -> Table:
    """Median seconds with 77 classes and 384 dimensions: refining the names, and fits with and without them."""
    table = Table("texts", "refine", "labels", "fit with names", "fit without", title="Seconds, 77 classes, medians")
    rng, K, D = np.random.default_rng(0), 77, 384
    names = rng.normal(size=(K, D)).astype(np.float32)
    for n_texts in (10_000, 1_000_000):
        y = rng.integers(0, K, n_texts)
        X = rng.standard_normal((n_texts, D), dtype=np.float32)
        X += 0.5 * names[y]
        X /= np.linalg.norm(X, axis=1, keepdims=True)
        refine = partial(class_prior, names, X, np.arange(n_texts), 0)
        prior, cycle = refine(), Cycle("random", "random", 1)
        for n in (10, 300, 3000):
            named, plain = (_seconds(partial(cycle.fit, X[:n], y[:n], K, p), repeats) for p in (prior, None))
            table.add_row(f"{n_texts:,}", f"{_seconds(refine, repeats):.3f}", f"{n:,}", f"{named:.4f}", f"{plain:.4f}")
    return table


def _seconds(call: Callable[[], object], repeats: int) -> float:
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - started)
    return median(seconds)


def draw(results: Mapping[tuple[str, str], Measured], path: Path) -> None:
    """Write the learning curves as a picture, one panel per data set."""
    from matplotlib.figure import Figure

    names = list(dict.fromkeys(name for name, _ in results))
    columns = min(5, len(names))
    rows = -(-len(names) // columns)
    figure = Figure(figsize=(2.6 * columns, 2.3 * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    styles = {PLAIN: ("#767676", "--"), NAMES: ("#0072b2", "-"), DESCRIPTIONS: ("#d55e00", "-")}
    for axis, name in zip(axes, names, strict=False):
        for kind, (colour, line) in styles.items():
            measured = results[name, kind]
            means = [float(np.mean([m.accuracy for m in measured[n]])) for n in LABELS]
            axis.plot(range(len(LABELS)), means, line, color=colour, marker="o", markersize=3, label=kind)
        axis.set_title(name, fontsize=9)
        axis.set_xticks(range(len(LABELS)), [str(n) for n in LABELS], fontsize=7)
        axis.tick_params(axis="y", labelsize=7)
        axis.grid(alpha=0.3)
    for axis in axes[len(names) :]:
        axis.set_visible(False)
    figure.supxlabel("random labels", fontsize=9)
    figure.supylabel("test accuracy", fontsize=9)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=3, fontsize=9, frameon=False)
    figure.savefig(path, dpi=110)


def main(
    data: DataFolder = DEFAULT,
    datasets: Annotated[str, typer.Option(help="Names separated by commas; all of --data by default.")] = "",
    seeds: Annotated[int, typer.Option(min=1)] = 10,
    kinds: Annotated[str, typer.Option(help="Heads to measure; plain is always one.")] = ",".join(KINDS),
    descriptions: Annotated[str, typer.Option(help="As --class-descriptions of `simulator run`.")] = "builtin",
    pool_size: Annotated[str, typer.Option(help="As of `simulator run`: 6000, or mnli=2500,fnc1=2500.")] = "",
    test_size: Annotated[str, typer.Option(help="In the same form.")] = "",
    picture: Annotated[Path | None, typer.Option(help="Write the curves to this PNG file.")] = None,
    repeats: Annotated[int, typer.Option(min=0, help="Repeats of the timed calls; 0 leaves them out.")] = 5,
) -> None:
    """Print accuracy, calibration and time of heads with and without the class names."""
    changes = Perturbations(sizes("--pool-size", pool_size), sizes("--test-size", test_size))
    results: dict[tuple[str, str], Measured] = {}
    chosen: Sequence[str] = datasets.split(",") if datasets else known_names(data)
    for name in chosen:
        try:
            loaded = subject(name, data, changes, descriptions)
        except DataError as problem:
            console.print(f"{name} is left out: {problem}", style="red")
            continue
        for kind in dict.fromkeys([PLAIN, *kinds.split(",")]):
            results[name, kind] = measure(loaded, kind, seeds)
            console.print(f"measured {name} {kind}", style="dim")
    console.print(accuracy_table(results))
    console.print(calibration_table(results))
    if picture is not None:
        draw(results, picture)
    if repeats:
        console.print(seconds_table(repeats))


if __name__ == "__main__":
    typer.run(main)
