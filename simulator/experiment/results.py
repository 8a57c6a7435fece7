"""Results on disk: one JSON file (part) per finished run, and the table into which they are merged.

Parts are written atomically, so that a kill at any moment loses only the runs that were running.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from simulator.data.atomic_files import CannotSave, write_json, write_table
from simulator.experiment.embedding_quality import Quality
from simulator.experiment.evaluations import BASIS, NUMBERS, STOP
from simulator.experiment.grid import Cell, HeadKind
from simulator.experiment.results_folder import PARTS, RESULTS
from simulator.experiment.simulate import SimulatedRun

QUALITY = "embedding_quality.parquet"
KEYS = ["dataset", "embedding", "strategy", "initial", "head", "seed", "cycle"]
RUN = KEYS[:-1]
PAIR = KEYS[:2]
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
    """A folder of results, created by the first write.

    A run is saved if it has a part, or rows in results.parquet as they were when this object first looked: a folder
    goes on from its tables alone. Of a run with both, the part counts.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.parts = folder / PARTS

    def has(self, cell: Cell) -> bool:
        """Whether the run is finished and saved. Raises CannotSave for a table that cannot be read."""
        return (self.parts / cell.part()).exists() or _run_of(asdict(cell)) in self._runs_in_table

    def save(self, cell: Cell, run: SimulatedRun) -> None:
        """Save a finished run. Raises CannotSave; the other parts stay as they are."""
        write_json(self.parts / cell.part(), {"cell": asdict(cell), "cycles": run.cycles, "picks": run.picks})

    def read(self, cell: Cell) -> SimulatedRun:
        """Read a saved run. Raises FileNotFoundError for a run that has no part."""
        part = json.loads((self.parts / cell.part()).read_text())
        return SimulatedRun(part["cycles"], part["picks"])

    def has_quality(self, dataset: str, embedding: str) -> bool:
        """Whether the quality of the embedding on the dataset is saved. Raises as `has`."""
        part = self.folder / "quality" / _quality_part(dataset, embedding)
        return part.exists() or bool((self._measured_in_table[PAIR] == [dataset, embedding]).all(axis=1).any())

    def save_quality(self, dataset: str, embedding: str, measured: Quality) -> None:
        """Save the quality of an embedding on a dataset. Raises CannotSave."""
        record = {"dataset": dataset, "embedding": embedding, **asdict(measured)}
        write_json(self.folder / "quality" / _quality_part(dataset, embedding), record)

    def merge(self) -> pd.DataFrame:
        """Merge parts and tables into results.parquet and embedding_quality.parquet; returns the table of results.

        Both are sorted. Raises CannotSave for a part that is not valid JSON, and for tables that cannot be read or
        written.
        """
        parts = pd.DataFrame([row for part in _json_files(self.parts) for row in _rows(part)], columns=COLUMNS)
        table = _added(self._table, parts, RUN).astype(TYPES).sort_values(KEYS, ignore_index=True)
        write_table(self.folder / RESULTS, table)
        quality = pd.DataFrame(list(_json_files(self.folder / "quality")), columns=QUALITY_COLUMNS)
        measured = _added(self._measured_in_table, quality, PAIR).sort_values(PAIR, ignore_index=True)
        write_table(self.folder / QUALITY, measured)
        return table

    @cached_property
    def _table(self) -> pd.DataFrame:
        table = _read(self.folder / RESULTS, COLUMNS)
        return table.assign(head=table["head"].fillna(HeadKind.PLAIN.value))

    @cached_property
    def _runs_in_table(self) -> set[tuple[Any, ...]]:
        return set(self._table[RUN].itertuples(index=False, name=None))

    @cached_property
    def _measured_in_table(self) -> pd.DataFrame:
        return _read(self.folder / QUALITY, QUALITY_COLUMNS)


def same_results(first: pd.DataFrame, second: pd.DataFrame) -> bool:
    """Whether two tables of results are equal to the last bit, except for the columns of seconds."""
    first, second = (table.drop(columns=SECONDS, errors="ignore") for table in (first, second))
    return bool(first.equals(second))


def _read(path: Path, columns: list[str]) -> pd.DataFrame:
    """A table with these columns, empty if there is no file; columns that the file lacks are empty."""
    if not path.exists():
        return pd.DataFrame(columns=columns)
    try:
        return pd.read_parquet(path).reindex(columns=columns)
    except (OSError, ValueError) as problem:
        raise CannotSave(
            f"{path} cannot be read as Parquet: {problem}. If all its runs have files in {path.parent / 'parts'}, "
            "delete it: it is merged again from them. Otherwise use a copy, or another folder"
        ) from problem


def _added(table: pd.DataFrame, parts: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """The rows of parts, and those of the table whose keys are not in parts."""
    if not len(table) or not len(parts):
        return parts if len(parts) else table
    in_parts = pd.MultiIndex.from_frame(table[keys]).isin(pd.MultiIndex.from_frame(parts[keys]))
    # Dropped, since empty columns would decide the types of the ones that are joined to them.
    return pd.concat([part.dropna(axis=1, how="all") for part in (table[~in_parts], parts)]).reindex(columns=[*table])


def _run_of(cell: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(cell[name] for name in RUN)


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
