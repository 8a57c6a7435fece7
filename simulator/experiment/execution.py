"""Running the cells of a grid and measuring its embeddings, each in a worker process."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from ml_backend.learning.cycle import Cycle
from ml_backend.learning.strategy_file import StrategyFile
from simulator.data.cached_dataset import CachedDataset
from simulator.data.embedded_dataset import EmbeddedDataset
from simulator.experiment.budget import Budget
from simulator.experiment.embedding_quality import Quality, quality
from simulator.experiment.grid import ORACLE, Cell, HeadKind
from simulator.experiment.oracle import OracleCycle
from simulator.experiment.processes import Call, Failure, distribute
from simulator.experiment.simulate import SimulatedRun, simulate
from simulator.experiment.strategy_options import OFF, StrategyOptions

DatasetEmbedding = tuple[str, str]
"""The names of a dataset and an embedding."""
NO_FILES: Mapping[str, StrategyFile] = {}


@dataclass(frozen=True)
class CellOutcome:
    """The result of one cell, or its failure. seconds: wall time of the run; NaN if its process died."""

    cell: Cell
    outcome: SimulatedRun | Failure
    seconds: float


def run_cell(
    cell: Cell,
    cached: CachedDataset,
    budget: Budget,
    options: StrategyOptions = OFF,
    with_evaluations: bool = False,
    strategy_file: StrategyFile | None = None,
) -> CellOutcome:
    """Simulate one cell; an error in it is returned as a Failure, so that the other cells still run.

    strategy_file: the strategy of the cell, if it is in a file of the user.
    """
    started = time.perf_counter()
    outcome: SimulatedRun | Failure
    try:
        data = cached.open()
        if cell.head is HeadKind.PLAIN:
            data = replace(data, class_vectors=None)
        plan = _plan(cell, data, options, strategy_file)
        outcome = simulate(data, plan, budget, with_evaluations)
    except Exception as error:
        outcome = Failure.of(error)
    return CellOutcome(cell, outcome, time.perf_counter() - started)


def _plan(cell: Cell, data: EmbeddedDataset, options: StrategyOptions, strategy_file: StrategyFile | None) -> Cycle:
    if cell.strategy == ORACLE:
        return OracleCycle.of(data, cell.initial, cell.seed)
    return options.cycle(strategy_file or cell.strategy, cell.initial, cell.seed)


def run_cells(
    cells: Sequence[Cell],
    cached: Mapping[DatasetEmbedding, CachedDataset],
    budget: Budget,
    jobs: int,
    scheduler: str | None,
    options: StrategyOptions = OFF,
    with_evaluations: bool = False,
    strategy_files: Mapping[str, StrategyFile] = NO_FILES,
) -> Iterator[CellOutcome]:
    """Simulate cells; yields each outcome as soon as it is known. Raises NoScheduler.

    cached: files of each dataset and embedding; jobs, scheduler: as of `distribute`; with_evaluations:
    as of `simulate`; strategy_files: of the strategies that are in a file of the user, by name.
    """

    def call(cell: Cell) -> Call:
        files, strategy_file = cached[cell.dataset, cell.embedding], strategy_files.get(cell.strategy)
        return Call(run_cell, (cell, files, budget, options, with_evaluations, strategy_file))

    calls = {cell: call(cell) for cell in cells}
    for cell, outcome in distribute(calls, jobs, scheduler):
        yield CellOutcome(cell, outcome, float("nan")) if isinstance(outcome, Failure) else outcome


def measure_embeddings(
    cached: Mapping[DatasetEmbedding, CachedDataset], C: float, jobs: int, scheduler: str | None
) -> Iterator[tuple[DatasetEmbedding, Quality | Failure]]:
    """Measure the quality of each embedding on each dataset; yields each as soon as it is known. Raises NoScheduler."""
    calls = {pair: Call(_measure, (files, C)) for pair, files in cached.items()}
    yield from distribute(calls, jobs, scheduler)


def _measure(cached: CachedDataset, C: float) -> Quality | Failure:
    try:
        return quality(cached.open(), C)
    except Exception as error:
        return Failure.of(error)
