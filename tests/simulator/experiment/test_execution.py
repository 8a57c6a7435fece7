"""A run or a measurement whose process died is reported by its name, and the others finish."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import isnan
from typing import Any

import pytest
from small_texts import Arrays

from simulator.experiment import execution
from simulator.experiment.budget import Budget
from simulator.experiment.execution import measure_embeddings, run_cells
from simulator.experiment.grid import Cell
from simulator.experiment.processes import Call, Failure
from simulator.experiment.simulate import SimulatedRun

DIED = Failure("its worker process died")
PLACES = {(name, "minilm"): Arrays() for name in ("mail", "huge", "chat")}


@pytest.fixture
def huge_dies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls are made in this process, except for those about `huge`, which count as killed."""

    def distribute(calls: Mapping[Any, Call], jobs: int, scheduler: str | None) -> Iterator[tuple[Any, Any]]:
        assert (jobs, scheduler) == (2, None)
        for key, call in calls.items():
            yield key, DIED if "huge" in str(key) else call.function(*call.arguments)

    monkeypatch.setattr(execution, "distribute", distribute)


@pytest.mark.usefixtures("huge_dies")
def test_runs_that_kill_their_process_are_reported_and_all_others_are_simulated():
    cells = [Cell(name, "minilm", "random", "margin", seed) for seed in range(2) for name, _ in PLACES]
    outcomes = {done.cell: done for done in run_cells(cells, PLACES, Budget(6, 3, 2), jobs=2, scheduler=None)}
    assert list(outcomes) == cells
    for cell, done in outcomes.items():
        if cell.dataset == "huge":
            assert done.outcome is DIED
            assert isnan(done.seconds)
        else:
            assert isinstance(done.outcome, SimulatedRun)
            assert [cycle["n_labeled"] for cycle in done.outcome.cycles] == [6, 9, 12]
            assert done.seconds > 0


@pytest.mark.usefixtures("huge_dies")
def test_a_measurement_that_kills_its_process_is_reported_and_the_others_finish():
    measured = dict(measure_embeddings(PLACES, C=1.0, jobs=2, scheduler=None))
    assert measured["huge", "minilm"] is DIED
    assert measured["mail", "minilm"].probe_accuracy > 0.5
