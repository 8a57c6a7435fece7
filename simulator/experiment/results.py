"""Results on disk: a part for each finished run, and the table that they are merged into.

A part is written beside its place and renamed into it, so that it is whole or not there: a kill at any moment costs
the runs that were being played, and no others.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from simulator.experiment.embedding_quality import Quality
from simulator.experiment.grid import Cell
from simulator.experiment.simulate import Run

RESULTS = "results.parquet"
QUALITY = "embedding_quality.parquet"
KEYS = ["dataset", "embedding", "strategy", "initial", "seed", "cycle"]
SECONDS = ["fit_seconds", "query_seconds"]
COLUMNS = [*KEYS, "n_labeled", "accuracy", "balanced_accuracy", "macro_f1", "nll", "ece", *SECONDS]
QUALITY_COLUMNS = ["dataset", "embedding", "probe_accuracy", "tightness", "class_margin"]


class CannotSave(OSError):
    """Results cannot be written; the message says what to do."""


class Results:
    """A folder of results; made when missing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.parts = folder / "parts"

    def has(self, cell: Cell) -> bool:
        """Whether the run was played and saved."""
        return (self.parts / cell.part()).exists()

    def save(self, cell: Cell, run: Run) -> None:
        """Keep a finished run. Raises CannotSave, with the other parts untouched."""
        write_json(self.parts / cell.part(), {"cell": asdict(cell), "cycles": run.cycles, "picks": run.picks})

    def read(self, cell: Cell) -> Run:
        """A run as it was saved."""
        part = json.loads((self.parts / cell.part()).read_text())
        return Run(part["cycles"], part["picks"])

    def has_quality(self, dataset: str, embedding: str) -> bool:
        """Whether the embedding was measured on the dataset."""
        return (self.folder / "quality" / _quality_part(dataset, embedding)).exists()

    def save_quality(self, dataset: str, embedding: str, measured: Quality) -> None:
        """Keep what an embedding is worth. Raises CannotSave."""
        record = {"dataset": dataset, "embedding": embedding, **asdict(measured)}
        write_json(self.folder / "quality" / _quality_part(dataset, embedding), record)

    def merge(self) -> pd.DataFrame:
        """Write results.parquet and embedding_quality.parquet from all parts, in a fixed order; answers the results."""
        table = pd.DataFrame([row for part in _json_files(self.parts) for row in _rows(part)], columns=COLUMNS)
        table = table.sort_values(KEYS, ignore_index=True)
        write_table(self.folder / RESULTS, table)
        measured = pd.DataFrame(list(_json_files(self.folder / "quality")), columns=QUALITY_COLUMNS)
        write_table(self.folder / QUALITY, measured.sort_values(["dataset", "embedding"], ignore_index=True))
        return table


def same_results(one: pd.DataFrame, other: pd.DataFrame) -> bool:
    """Whether two tables of results are equal to the last bit in everything but the seconds."""
    return bool(one.drop(columns=SECONDS).equals(other.drop(columns=SECONDS)))


def write_json(path: Path, value: Any) -> None:
    """Write as a whole or not at all. Raises CannotSave."""
    write_whole(path, json.dumps(value).encode())


def write_table(path: Path, table: pd.DataFrame) -> None:
    """Write a Parquet file as a whole or not at all. Raises CannotSave."""
    write_whole(path, table.to_parquet(index=False, compression="zstd"))


def write_whole(path: Path, content: bytes) -> None:
    """Write as a whole or not at all: whoever reads sees the old file or the new one. Raises CannotSave."""
    # Not a temporary file of the standard library: those can be read by their owner only, and results are shared.
    beside = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with beside.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(path)
        except BaseException:
            beside.unlink(missing_ok=True)
            raise
    except OSError as problem:
        raise CannotSave(
            f"{path} cannot be written: {problem.strerror or problem}. What was saved before is whole; make room and "
            "run the same command again, it goes on where it stopped."
        ) from problem


def _quality_part(dataset: str, embedding: str) -> Path:
    part = Cell(dataset, embedding, "", "", 0).part()
    return Path(part.parts[0]) / f"{part.parts[1]}.json"


def _rows(part: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for cycle in part["cycles"]:
        yield part["cell"] | cycle


def _json_files(folder: Path) -> Iterator[dict[str, Any]]:
    for path in sorted(folder.rglob("*.json")):
        if path.name.startswith("."):
            continue
        try:
            yield json.loads(path.read_text())
        except ValueError:
            raise CannotSave(f"{path} is broken; delete it and run the same command again") from None
