"""Running an experiment: load the datasets, embed them, run the missing cells of the grid, merge the results."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol, TypeVar

from ml_backend.learning.conformance import check_conformance
from ml_backend.learning.embedding.class_texts import ClassTexts
from ml_backend.learning.embedding.progress import Report
from simulator.data.atomic_files import CannotSave
from simulator.data.cached_dataset import CachedDataset
from simulator.data.class_descriptions import texts_of_classes
from simulator.data.command_options import with_options
from simulator.data.data_error import DataError
from simulator.data.datasets import Dataset, load
from simulator.data.embeddings import passes
from simulator.data.perturbed import perturbed
from simulator.data.progress import Count
from simulator.data.vector_cache import embed_and_cache, embed_classes_and_cache
from simulator.experiment.budget import Budget
from simulator.experiment.call_record import CallRecord
from simulator.experiment.definition import Experiment, check_known
from simulator.experiment.execution import DatasetEmbedding, measure_embeddings, run_cells
from simulator.experiment.grid import HeadKind
from simulator.experiment.manifest import MANIFEST, check_same_experiment, write_manifest
from simulator.experiment.processes import Failure
from simulator.experiment.results import Results
from simulator.experiment.simulate import PoolTooSmall

Item = TypeVar("Item")
NAMED_IS_PLAIN = "The head `named` is then the head `plain`, as in the live service."


class Progress(Protocol):
    """Where progress is reported."""

    def say(self, line: str) -> None: ...
    def follow(self, what: str, items: Iterator[Item], total: int) -> Iterator[Item]: ...
    def count(self, what: str, total: int) -> AbstractContextManager[Report]: ...


@dataclass(frozen=True)
class ExperimentOutcome:
    """finished: number of runs that this call finished; saved_before: number that earlier calls had saved; failed: the
    reason, by the name of the dataset, embedding or run that failed."""

    finished: int
    saved_before: int
    failed: dict[str, Failure]


def run(experiment: Experiment, progress: Progress) -> ExperimentOutcome:
    """Run the cells of the experiment that are not saved in `experiment.out` yet, and merge the tables.

    A failure (a dataset that cannot be read, a run that raises) is part of the outcome and does not stop the rest.
    Raises ValueError for unknown names and for a strategy in a file that does not conform, AnotherExperiment if the
    folder holds another one, CannotSave, NoScheduler.
    """
    check_known(experiment)
    for strategy_file in experiment.strategy_files.values():
        check_conformance(strategy_file)
    call = CallRecord()
    results, failed = Results(experiment.out), dict[str, Failure]()
    datasets = _load_all(experiment, failed, progress)
    known_classes = _class_texts(experiment, datasets, failed, progress)
    datasets = {name: dataset for name, dataset in datasets.items() if name not in failed}
    check_same_experiment(experiment, datasets, known_classes)
    if not datasets and not (experiment.out / MANIFEST).exists():
        # A folder without a run would hold the settings of this command, which the corrected one may have to change.
        return ExperimentOutcome(0, 0, failed)
    write_manifest(experiment, datasets, known_classes, call)
    cached = _embed_all(experiment, datasets, failed, progress, call)
    without_names = _embed_classes(experiment, datasets, known_classes, cached, failed)
    embedded_cells = [
        cell
        for cell in experiment.cells()
        if (pair := (cell.dataset, cell.embedding)) in cached
        and not (cell.head is HeadKind.NAMED and pair in without_names)
    ]
    missing = [cell for cell in embedded_cells if not results.has(cell)]
    saved_before = len(embedded_cells) - len(missing)
    if saved_before:
        progress.say(f"{saved_before:,} runs are saved already, {len(missing):,} are missing")
    finished = 0
    try:
        _measure(experiment, results, cached, failed, progress, call)
        outcomes = run_cells(
            missing,
            cached,
            experiment.budget,
            experiment.jobs,
            experiment.scheduler,
            experiment.options,
            experiment.evaluate,
            experiment.strategy_files,
        )
        for done in progress.follow("runs", outcomes, len(missing)):
            if isinstance(done.outcome, Failure):
                failed[str(done.cell)] = done.outcome
            else:
                results.save(done.cell, done.outcome)
                finished += 1
                call.add(done.seconds)
                call.save(experiment.out / MANIFEST)
    finally:
        # Also after an interruption, so that the merged tables contain every saved run.
        _close(experiment, datasets, known_classes, results, call)
    return ExperimentOutcome(finished, saved_before, failed)


def _load_all(experiment: Experiment, failed: dict[str, Failure], progress: Progress) -> dict[str, Dataset]:
    datasets = {}
    for name in experiment.datasets:
        try:
            whole = load(name, experiment.data, experiment.columns, experiment.cleaning, experiment.perturbations.seed)
            for note in whole.notes:
                progress.say(f"{name}: {note}")
            dataset = perturbed(whole, experiment.perturbations)
            _check_large_enough(dataset, experiment.budget)
            datasets[name] = dataset
        except DataError as problem:
            failed[name] = Failure(str(problem))
    return datasets


def _check_large_enough(dataset: Dataset, budget: Budget) -> None:
    """Raise DataError for a pool smaller than the initial pool, before the slow embedding starts."""
    initial_size, _ = budget.sizes(len(dataset.classes))
    offered = int(dataset.train.first_of_each_text().sum())
    if offered < initial_size:
        raise DataError(f"{dataset.name}: {PoolTooSmall.of(offered, initial_size)}")


def _class_texts(
    experiment: Experiment, datasets: Mapping[str, Dataset], failed: dict[str, Failure], progress: Progress
) -> dict[str, ClassTexts]:
    """What the head `named` knows of the classes, by dataset; empty if no run has this head."""
    if HeadKind.NAMED not in experiment.heads:
        return {}
    known: dict[str, ClassTexts] = {}
    for name, dataset in datasets.items():
        try:
            described, notes = experiment.descriptions.of(
                name, dataset.classes, may_lack=experiment.cleaning.drop_rare > 0
            )
        except DataError as problem:
            failed[name] = Failure(str(problem))
            continue
        known[name] = texts_of_classes(dataset.classes, described, experiment.columns.label_config)
        if not known[name].texts:
            notes.append(f"{with_options(known[name].why_off)} {NAMED_IS_PLAIN}")
        for note in notes:
            progress.say(f"{name}: {note}")
    return known


def _embed_classes(
    experiment: Experiment,
    datasets: Mapping[str, Dataset],
    known_classes: Mapping[str, ClassTexts],
    cached: dict[DatasetEmbedding, CachedDataset],
    failed: dict[str, Failure],
) -> set[DatasetEmbedding]:
    """Add class vectors to the files of each dataset and embedding; returns the pairs for which that failed."""
    without_names = set()
    embeddings = experiment.named_embeddings()
    for pair, cached_dataset in cached.items():
        dataset, embedding = pair
        texts = known_classes[dataset].texts if dataset in known_classes else ()
        if not texts:
            continue
        try:
            cached[pair] = embed_classes_and_cache(
                cached_dataset, datasets[dataset], texts, embeddings[embedding], experiment.cache
            )
        except CannotSave:
            raise
        except (ValueError, OSError, RuntimeError) as problem:
            failed[f"{' '.join(pair)}, head {HeadKind.NAMED}"] = Failure(str(problem))
            without_names.add(pair)
    return without_names


def _embed_all(
    experiment: Experiment,
    datasets: Mapping[str, Dataset],
    failed: dict[str, Failure],
    progress: Progress,
    call: CallRecord,
) -> dict[DatasetEmbedding, CachedDataset]:
    cached: dict[DatasetEmbedding, CachedDataset] = {}
    total = len(datasets) * len(experiment.embeddings)
    for pair, outcome in progress.follow("embeddings", _embedded(experiment, datasets, progress.count), total):
        if isinstance(outcome, Failure):
            failed[" ".join(pair)] = outcome
        else:
            cached[pair] = outcome
        call.save(experiment.out / MANIFEST)
    return cached


def _embedded(
    experiment: Experiment, datasets: Mapping[str, Dataset], count: Count
) -> Iterator[tuple[DatasetEmbedding, CachedDataset | Failure]]:
    named = {embedding: name for name, embedding in experiment.named_embeddings().items()}
    for name, dataset in datasets.items():
        for remaining in passes(list(named)):
            try:
                for embedding, cached in embed_and_cache(dataset, list(remaining), experiment.cache, count):
                    remaining.remove(embedding)
                    yield (name, named[embedding]), cached
            except CannotSave:
                raise
            except (ValueError, OSError, RuntimeError) as problem:
                for embedding in remaining:
                    yield (name, named[embedding]), Failure(str(problem))


def _measure(
    experiment: Experiment,
    results: Results,
    cached: Mapping[DatasetEmbedding, CachedDataset],
    failed: dict[str, Failure],
    progress: Progress,
    call: CallRecord,
) -> None:
    missing = {pair: files for pair, files in cached.items() if not results.has_quality(*pair)}
    measured = measure_embeddings(missing, experiment.budget.C, experiment.jobs, experiment.scheduler)
    for pair, outcome in progress.follow("embedding quality", measured, len(missing)):
        if isinstance(outcome, Failure):
            failed[f"quality of {' '.join(pair)}"] = outcome
        else:
            results.save_quality(*pair, outcome)
        call.save(experiment.out / MANIFEST)


def _close(
    experiment: Experiment,
    datasets: Mapping[str, Dataset],
    known_classes: Mapping[str, ClassTexts],
    results: Results,
    call: CallRecord,
) -> None:
    unwinding = sys.exception() is not None
    try:
        results.merge()
        write_manifest(experiment, datasets, known_classes, call, finished=not unwinding)
    except CannotSave:
        # On a full disk this error would hide the one that stopped the runs; the saved parts are intact.
        if not unwinding:
            raise
