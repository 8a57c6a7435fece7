"""`python -m simulator run`: load, embed, play what is not there yet, merge."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol as Interface
from typing import TypeVar

from ml_backend.learning import initial, strategies
from simulator.data.datasets import Cleaning, Dataset, known_names, load
from simulator.data.embeddings import check_names
from simulator.data.perturbations import Changes
from simulator.data.sources import Columns, DataError
from simulator.data.vector_cache import Stored, default_cache, store
from simulator.experiment.budget import Protocol
from simulator.experiment.execution import Failure, Place, measure_all, play_all
from simulator.experiment.grid import Cell, cells
from simulator.experiment.manifest import check_same_experiment, write_record
from simulator.experiment.results import CannotSave, Results
from simulator.experiment.simulate import PoolTooSmall

Item = TypeVar("Item")


@dataclass(frozen=True)
class Experiment:
    """What `run` is asked for. data: a folder of files, a file, or None for the hub; seeds 0..seeds-1."""

    datasets: Sequence[str]
    embeddings: Sequence[str]
    strategies: Sequence[str]
    initials: Sequence[str]
    seeds: int
    out: Path
    data: Path | None = None
    protocol: Protocol = field(default_factory=Protocol)
    columns: Columns = field(default_factory=Columns)
    cleaning: Cleaning = field(default_factory=Cleaning)
    changes: Changes = field(default_factory=Changes)
    jobs: int = 1
    scheduler: str | None = None
    cache: Path = field(default_factory=default_cache)

    def cells(self) -> list[Cell]:
        """Its runs, seed by seed."""
        return cells(self.datasets, self.embeddings, self.strategies, self.initials, range(self.seeds))


class Progress(Interface):
    """Whom to tell what is going on."""

    def say(self, line: str) -> None: ...
    def follow(self, what: str, items: Iterator[Item], total: int) -> Iterator[Item]: ...


@dataclass(frozen=True)
class Outcome:
    """played: runs of this call; there: runs that earlier calls had saved; failed: what was not possible, with why."""

    played: int
    there: int
    failed: dict[str, Failure]


def run(experiment: Experiment, progress: Progress) -> Outcome:
    """Play the grid into `experiment.out`, going on where an earlier call stopped; always leaves the merged tables.

    What fails (a dataset that cannot be read, a run that raises) is in the outcome and stops nothing else.
    Raises ValueError for unknown names and a folder that holds another experiment, CannotSave, NoScheduler.
    """
    check_known(experiment)
    started = time.monotonic()
    results, failed = Results(experiment.out), dict[str, Failure]()
    datasets = _load_all(experiment, failed)
    check_same_experiment(experiment, datasets)
    write_record(experiment, datasets, seconds=None)
    stored = _embed_all(experiment, datasets, failed, progress)
    todo = [c for c in experiment.cells() if (c.dataset, c.embedding) in stored]
    there = sum(results.has(cell) for cell in todo)
    todo = [cell for cell in todo if not results.has(cell)]
    if there:
        progress.say(f"{there:,} runs are there already, {len(todo):,} to go")
    played = 0
    try:
        _measure(experiment, results, stored, failed, progress)
        for done in progress.follow(
            "runs", play_all(todo, stored, experiment.protocol, experiment.jobs, experiment.scheduler), len(todo)
        ):
            if isinstance(done.outcome, Failure):
                failed[str(done.cell)] = done.outcome
            else:
                results.save(done.cell, done.outcome)
                played += 1
    finally:
        # Also when it was stopped: whoever looks at the folder finds what is there so far.
        _close(experiment, datasets, results, time.monotonic() - started)
    return Outcome(played, there, failed)


def check_known(experiment: Experiment) -> None:
    """Raise ValueError for strategies, initial methods, embeddings and datasets with a size of their own that do not
    exist, with those that do."""
    check_known_names(experiment.strategies, experiment.initials)
    check_names(experiment.embeddings)
    if experiment.changes.sized():
        # Also those that this call leaves out: the sizes have to stay the same while a folder grows by more datasets.
        experiment.changes.check_names(list(dict.fromkeys([*experiment.datasets, *known_names(experiment.data)])))


def check_known_names(strategy_names: Sequence[str], initial_names: Sequence[str]) -> None:
    """Raise UnknownStrategy or UnknownInitial, with those that there are."""
    for name in strategy_names:
        strategies.get(name)
    for name in initial_names:
        if name not in initial.names():
            raise initial.UnknownInitial(f"unknown initial method {name!r}; known: {', '.join(initial.names())}")


def _load_all(experiment: Experiment, failed: dict[str, Failure]) -> dict[str, Dataset]:
    datasets = {}
    for name in experiment.datasets:
        try:
            whole = load(name, experiment.data, experiment.columns, experiment.cleaning, experiment.changes.seed)
            dataset = experiment.changes.apply(whole)
            _check_large_enough(dataset, experiment.protocol)
            datasets[name] = dataset
        except DataError as problem:
            failed[name] = Failure(str(problem))
    return datasets


def _check_large_enough(dataset: Dataset, protocol: Protocol) -> None:
    """Before anything is embedded: that takes the most time."""
    initial_size, _ = protocol.sizes(len(dataset.classes))
    offered = int(dataset.train.first_of_each_text().sum())
    if offered < initial_size:
        raise DataError(f"{dataset.name}: {PoolTooSmall.of(offered, initial_size)}")


def _embed_all(
    experiment: Experiment, datasets: Mapping[str, Dataset], failed: dict[str, Failure], progress: Progress
) -> dict[Place, Stored]:
    stored: dict[Place, Stored] = {}
    total = len(datasets) * len(experiment.embeddings)
    for place, outcome in progress.follow("embeddings", _embedded(experiment, datasets), total):
        if isinstance(outcome, Failure):
            failed[" ".join(place)] = outcome
        else:
            stored[place] = outcome
    return stored


def _embedded(experiment: Experiment, datasets: Mapping[str, Dataset]) -> Iterator[tuple[Place, Stored | Failure]]:
    for name, dataset in datasets.items():
        left = list(experiment.embeddings)
        while left:
            try:
                for embedding, stored in store(dataset, left, experiment.cache):
                    left = [e for e in left if e != embedding]
                    yield (name, embedding), stored
            except CannotSave:
                raise
            except (ValueError, OSError, RuntimeError) as problem:
                # The first that is left is the one that failed.
                yield (name, left.pop(0)), Failure(str(problem))


def _measure(
    experiment: Experiment,
    results: Results,
    stored: Mapping[Place, Stored],
    failed: dict[str, Failure],
    progress: Progress,
) -> None:
    todo = {place: where for place, where in stored.items() if not results.has_quality(*place)}
    measured = measure_all(todo, experiment.protocol.C, experiment.jobs, experiment.scheduler)
    for place, outcome in progress.follow("embedding quality", measured, len(todo)):
        if isinstance(outcome, Failure):
            failed[f"quality of {' '.join(place)}"] = outcome
        else:
            results.save_quality(*place, outcome)


def _close(experiment: Experiment, datasets: Mapping[str, Dataset], results: Results, seconds: float) -> None:
    unwinding = sys.exception() is not None
    try:
        results.merge()
        write_record(experiment, datasets, seconds)
    except CannotSave:
        # On a full disk the parts are whole; the error that stopped the runs says more than a second one.
        if not unwinding:
            raise
