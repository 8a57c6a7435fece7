"""Results on disk: one JSON file (part) per finished run, and the table into which they are merged.

Parts are written atomically, so that a kill at any moment loses only the runs that were running.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from simulator.data.atomic_files import CannotSave, write_json, write_table
from simulator.experiment.embedding_quality import Quality
from simulator.experiment.evaluations import BASIS, NUMBERS, STOP
from simulator.experiment.grid import Cell, HeadKind
from simulator.experiment.simulate import SimulatedRun

RESULTS = "results.parquet"
QUALITY = "embedding_quality.parquet"
KEYS = ["dataset", "embedding", "strategy", "initial", "head", "seed", "cycle"]
WITHOUT_HEAD = {"head": HeadKind.PLAIN.value}
"""What a part says of its head that was written when there was only one."""
SECONDS = ["fit_seconds", "query_seconds", "evaluate_seconds"]
METRICS = ["accuracy", "balanced_accuracy", "macro_f1", "nll", "ece"]
DETAILS = ["confidence", "rarest_recall", "classes_seen", "classes_seen_5", "words"]
"""More of what is measured in a cycle; NaN for runs that were saved without it."""
COLUMNS = [*KEYS, "n_labeled", *METRICS, *DETAILS, *NUMBERS, BASIS, STOP, *SECONDS]
TYPES = dict.fromkeys([*DETAILS, *NUMBERS, "evaluate_seconds"], "float64") | {BASIS: "string", STOP: "boolean"}
"""Types of the columns that are empty for some runs."""
QUALITY_COLUMNS = ["dataset", "embedding", "probe_accuracy", "tightness", "class_margin"]


class Results:
    """A folder of results, created by the first write."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.parts = folder / "parts"

    def has(self, cell: Cell) -> bool:
        """Whether the run is finished and saved."""
        return (self.parts / cell.part()).exists()

    def save(self, cell: Cell, run: SimulatedRun) -> None:
        """Save a finished run. Raises CannotSave; the other parts stay as they are."""
        write_json(self.parts / cell.part(), {"cell": asdict(cell), "cycles": run.cycles, "picks": run.picks})

    def read(self, cell: Cell) -> SimulatedRun:
        """Read a saved run. Raises FileNotFoundError for a run that is not saved."""
        part = json.loads((self.parts / cell.part()).read_text())
        return SimulatedRun(part["cycles"], part["picks"])

    def has_quality(self, dataset: str, embedding: str) -> bool:
        """Whether the quality of the embedding on the dataset is saved."""
        return (self.folder / "quality" / _quality_part(dataset, embedding)).exists()

    def save_quality(self, dataset: str, embedding: str, measured: Quality) -> None:
        """Save the quality of an embedding on a dataset. Raises CannotSave."""
        record = {"dataset": dataset, "embedding": embedding, **asdict(measured)}
        write_json(self.folder / "quality" / _quality_part(dataset, embedding), record)

    def merge(self) -> pd.DataFrame:
        """Merge all parts into results.parquet and embedding_quality.parquet, sorted; returns the table of results.

        Raises CannotSave for a part that is not valid JSON and for tables that cannot be written.
        """
        table = pd.DataFrame([row for part in _json_files(self.parts) for row in _rows(part)], columns=COLUMNS)
        table = table.astype(TYPES).sort_values(KEYS, ignore_index=True)
        write_table(self.folder / RESULTS, table)
        measured = pd.DataFrame(list(_json_files(self.folder / "quality")), columns=QUALITY_COLUMNS)
        write_table(self.folder / QUALITY, measured.sort_values(["dataset", "embedding"], ignore_index=True))
        return table


def same_results(first: pd.DataFrame, second: pd.DataFrame) -> bool:
    """Whether two tables of results are equal to the last bit, except for the columns of seconds."""
    first, second = (table.drop(columns=SECONDS, errors="ignore") for table in (first, second))
    return bool(first.equals(second))


def _quality_part(dataset: str, embedding: str) -> Path:
    part = Cell(dataset, embedding, "", "", 0).part()
    return Path(part.parts[0]) / f"{part.parts[1]}.json"


def _rows(part: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for cycle in part["cycles"]:
        yield WITHOUT_HEAD | part["cell"] | cycle


def _json_files(folder: Path) -> Iterator[dict[str, Any]]:
    for path in sorted(folder.rglob("*.json")):
        if path.name.startswith("."):
            continue
        try:
            yield json.loads(path.read_text())
        except ValueError:
            raise CannotSave(f"{path} is not valid JSON; delete it and run the same command again") from None
