"""A worker process that is killed costs its own run at most."""

from __future__ import annotations

from pathlib import Path

from deadly_data import stored

from simulator.data.vector_cache import CachedDataset
from simulator.experiment.budget import Budget
from simulator.experiment.execution import CellOutcome, Failure, measure_embeddings, run_cells
from simulator.experiment.grid import Cell
from simulator.experiment.simulate import SimulatedRun

SHORT = Budget(6, 3, 2)


def outcomes(places: dict[tuple[str, str], CachedDataset], seeds: int = 3) -> dict[str, list[SimulatedRun | Failure]]:
    cells = [Cell(name, "minilm", "random", "margin", seed) for seed in range(seeds) for name, _ in places]
    found: dict[str, list[SimulatedRun | Failure]] = {}
    played: list[CellOutcome] = list(run_cells(cells, places, SHORT, jobs=2, scheduler=None))
    assert sorted(p.cell for p in played) == sorted(cells)
    for one in played:
        found.setdefault(one.cell.dataset, []).append(one.outcome)
    return found


def test_runs_that_kill_their_process_are_told_and_all_others_are_played(tmp_path: Path):
    found = outcomes(stored(tmp_path, {"mail": 0, "huge": 99, "chat": 0}), seeds=2)
    assert all(isinstance(run, SimulatedRun) for name in ("mail", "chat") for run in found[name])
    for failure in found["huge"]:
        assert isinstance(failure, Failure)
        assert failure.message.startswith("its worker process died, and again when nothing else was played")


def test_a_process_that_is_killed_once_costs_only_time(tmp_path: Path):
    found = outcomes(stored(tmp_path, {"mail": 0, "unlucky": 1}))
    assert all(isinstance(run, SimulatedRun) for runs in found.values() for run in runs)
    assert len(list((tmp_path / "unlucky").iterdir())) == 1


def test_a_measurement_that_kills_its_process_leaves_the_others(tmp_path: Path):
    found = dict(measure_embeddings(stored(tmp_path, {"mail": 0, "huge": 99}), C=1.0, jobs=2, scheduler=None))
    assert isinstance(found["huge", "minilm"], Failure)
    assert found["mail", "minilm"].probe_accuracy > 0.5
