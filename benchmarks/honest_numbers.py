"""Whether what the service says of a head holds: simulated projects, in which the truth is known from gold labels.

    python benchmarks/honest_numbers.py --data DATA --out RUNS [--datasets trec6,sst2] [--seeds 8] [--jobs 2]

Every run is the live service's cycle with batches of 20. After each batch the head is evaluated, and the result is
compared with the truth on the open texts. Tables: the accuracy and its interval, by the number of labels of random
tasks; precision and recall; the forecast; the rule to stop; flipped labels that are found again; the time it takes.
The constants of the method were chosen on trec6, agnews, sst2 and banking77, and what a head that learns nothing is
believed on qnli and mnli, so the other data sets are shown apart.
Runs are kept in RUNS/*.jsonl, and the same command continues after an interruption.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Annotated

import numpy as np
import pandas as pd
import typer
from data_folder import DEFAULT, DataFolder
from honest_runs import Row, Setting, accuracy_rows, look_again_rows, stop_rows
from honest_tables import accuracy_tables, class_table, forecast_table, look_again_table, stop_table
from joblib import Parallel, delayed
from rich.console import Console
from rich.progress import track
from rich.table import Table

from ml_backend.learning.cycle import Cycle
from ml_backend.learning.evaluation.evaluation import OPEN_ROWS, evaluate
from ml_backend.learning.head.held_out import HeldOut
from simulator.cli.arguments import names, sizes
from simulator.data.cache_folder import default_cache
from simulator.data.cached_dataset import CachedDataset
from simulator.data.class_descriptions import read_descriptions, texts_of_classes
from simulator.data.data_error import DataError
from simulator.data.dataset_names import known_names
from simulator.data.datasets import load
from simulator.data.perturbations import Perturbations
from simulator.data.perturbed import perturbed
from simulator.data.vector_cache import embed_and_cache, embed_classes_and_cache

MODEL = "minilm"
HEADS = ("plain", "named")

console = Console(width=150)


def embedded(name: str, folder: Path, changes: Perturbations) -> CachedDataset:
    """The data set and the descriptions of its classes, embedded."""
    dataset = perturbed(load(name, folder), changes)
    [(_, cached)] = embed_and_cache(dataset, [MODEL], default_cache())
    readable, _ = read_descriptions("builtin-names").of(name, dataset.classes, may_lack=True)
    described, _ = read_descriptions("builtin").of(name, dataset.classes, may_lack=True)
    texts = texts_of_classes(dataset.classes, readable | described, None).texts
    return embed_classes_and_cache(cached, dataset, texts, MODEL, default_cache())


def run_all(
    settings: Sequence[Setting],
    simulate: Callable[..., list[Row]],
    data: dict[str, CachedDataset],
    path: Path,
    jobs: int,
) -> pd.DataFrame:
    """Simulate the runs that the file lacks, add them to it, and return those of these settings."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    kept = {json.loads(line)["key"] for line in path.read_text().splitlines()}
    missing = [setting for setting in settings if str(setting) not in kept]
    calls = (delayed(_keyed)(simulate, data[setting.dataset], setting) for setting in missing)
    outcomes = Parallel(n_jobs=jobs, return_as="generator_unordered")(calls)
    with path.open("a") as file:
        for key, rows in track(outcomes, f"{path.stem}", len(missing), console=console):
            file.write(json.dumps({"key": key, "rows": rows}) + "\n")
            file.flush()
    wanted = set(map(str, settings))
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return pd.DataFrame([row for line in lines if line["key"] in wanted for row in line["rows"]])


def _keyed(simulate: Callable[..., list[Row]], cached: CachedDataset, setting: Setting) -> tuple[str, list[Row]]:
    return str(setting), simulate(cached.open(), setting)


def seconds_table(repeats: int) -> Table:
    """Median seconds of one evaluation with 77 classes, 384 dimensions and 100,000 open texts."""
    table = Table("labels", "random tasks", "fit of the head", "evaluation", title="Seconds, 77 classes, medians")
    rng, K, D = np.random.default_rng(0), 77, 384
    centres = rng.normal(size=(K, D)).astype(np.float32)
    y = rng.integers(0, K, 103_000)
    X = 0.5 * centres[y] + rng.standard_normal((len(y), D), dtype=np.float32)
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    for n in (300, 3000):
        drawn_at = np.where(np.arange(n) % 10 == 0, np.arange(n) - 0.5, np.nan)
        fits, evaluations = [], []
        for seed in range(repeats):
            head = Cycle("random", "random", 1).fit(X[:n], y[:n], K)
            fits.append(head.fit_seconds)
            started = time.perf_counter()
            sample = X[np.sort(np.random.default_rng(seed).choice(np.arange(3000, len(X)), OPEN_ROWS, replace=False))]
            held_out = HeldOut(X[:n], y[:n], K, head.C, None, np.random.default_rng(seed))
            evaluate(head, held_out, np.arange(float(n)), drawn_at, sample, 100_000)
            evaluations.append(time.perf_counter() - started)
        table.add_row(f"{n:,}", f"{n // 10:,}", f"{median(fits):.2f}", f"{median(evaluations):.2f}")
    return table


def main(
    data: DataFolder = DEFAULT,
    out: Annotated[Path, typer.Option(help="Folder in which the runs are kept.")] = Path("honest-numbers"),
    datasets: Annotated[str, typer.Option(help="Names separated by commas; all of --data by default.")] = "",
    strategies: Annotated[str, typer.Option(help="Names separated by commas.")] = "margin,uherding,badge",
    shares: Annotated[str, typer.Option(help="Random shares, separated by commas.")] = "0.1",
    seeds: Annotated[int, typer.Option(min=1, help="Runs of each kind for the accuracy.")] = 8,
    stop_seeds: Annotated[int, typer.Option(min=0, help="Runs of each kind for all else.")] = 2,
    labels: Annotated[int, typer.Option(min=100, help="Labels of a run.")] = 400,
    stop_labels: Annotated[int, typer.Option(min=200, help="Labels of a run for the rule to stop.")] = 1500,
    pool_size: Annotated[str, typer.Option(help="As of `simulator run`: 3500, or mnli=2500,fnc1=2500.")] = "",
    test_size: Annotated[str, typer.Option(help="In the same form.")] = "",
    jobs: Annotated[int, typer.Option(min=1, help="Number of worker processes.")] = 1,
    repeats: Annotated[int, typer.Option(min=0, help="Repeats of the timed evaluations; 0 leaves them out.")] = 5,
) -> None:
    """Print how well each number of the evaluation holds."""
    changes = Perturbations(sizes("--pool-size", pool_size), sizes("--test-size", test_size))
    cached: dict[str, CachedDataset] = {}
    for name in names(datasets) if datasets else known_names(data):
        try:
            cached[name] = embedded(name, data, changes)
        except DataError as problem:
            console.print(f"{name} is left out: {problem}", style="red")

    def settings(
        seeds: int, labels: int, share: float, flipped: float = 0.0, kinds: Sequence[str] = HEADS
    ) -> list[Setting]:
        return [
            Setting(name, strategy, kind, share, seed, labels, flipped)
            for seed in range(seeds)
            for name in cached
            for strategy in names(strategies)
            for kind in kinds
        ]

    looks = [s for share in names(shares) for s in settings(seeds, labels, float(share))]
    found = run_all(looks, accuracy_rows, cached, out / "accuracy.jsonl", jobs)
    flips = [s for flipped in (0.05, 0.1) for s in settings(stop_seeds, 300, 0.1, flipped)]
    doubtful = run_all(flips, look_again_rows, cached, out / "look-again.jsonl", jobs)
    stops = run_all(settings(stop_seeds, stop_labels, 0.1), stop_rows, cached, out / "stop.jsonl", jobs)
    for table in accuracy_tables(found):
        console.print(table)
    console.print(class_table(found))
    console.print(forecast_table(found, stops))
    console.print(stop_table(stops))
    console.print(look_again_table(doubtful))
    if repeats:
        console.print(seconds_table(repeats))


if __name__ == "__main__":
    typer.run(main)
