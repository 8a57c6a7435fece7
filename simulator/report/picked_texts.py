"""What each strategy picks first: the rows of runs, with the texts and vectors that the cache still has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from simulator.analysis.plane import plane
from simulator.analysis.statistics import Floats
from simulator.data.dataset_files import kept
from simulator.data.datasets import Dataset
from simulator.data.shortened import shortened
from simulator.data.vector_cache import cached_pool
from simulator.experiment.grid import Cell, HeadKind
from simulator.experiment.results import Results

BATCHES = 3
"""Number of batches after the initial pool that are shown."""
TEXTS = 3
"""Number of texts of the first batch that are shown."""
CHARACTERS = 90
SEED = 0


@dataclass(frozen=True)
class Picked:
    """The first picks on one dataset, of the runs with seed SEED.

    points (N, 2) float64: the pool in two dimensions; batches: by strategy, rows of the initial pool and of the first
    BATCHES batches; texts: by strategy, the first of the first batch, shortened.
    """

    dataset: str
    embedding: str
    initial: str
    points: Floats
    batches: Mapping[str, list[list[int]]]
    texts: Mapping[str, list[str]]


@dataclass(frozen=True)
class PickedFrom:
    """Runs whose picks may be shown. embedding: its name in the results; model: its name in the cache."""

    embedding: str
    model: str
    initial: str
    head: HeadKind


@dataclass(frozen=True)
class NotShown:
    """A dataset whose picks cannot be shown, and why."""

    dataset: str
    why: str


def picked_texts(
    folders: Sequence[Path],
    record: Mapping[str, Any],
    datasets: Sequence[str],
    settings: Sequence[PickedFrom],
    strategies: Sequence[str],
) -> list[Picked | NotShown]:
    """The first picks on each dataset, with the first of the settings that has all that is needed.

    folders: those of the results, with their parts; record: run.json.
    """
    cache = record.get("cache")
    shown: list[Picked | NotShown] = []
    for name in datasets:
        fingerprint = record.get("datasets", {}).get(name, {}).get("fingerprint", "")
        dataset = kept(name, fingerprint, Path(cache)) if cache else None
        if dataset is None:
            shown.append(NotShown(name, "its texts are not in the cache that run.json names"))
            continue
        found = (_picked(dataset, setting, folders, strategies, Path(str(cache))) for setting in settings)
        why = "the folders have no parts of its runs, or the cache no vectors"
        shown.append(next((one for one in found if one is not None), NotShown(name, why)))
    return shown


def _picked(
    dataset: Dataset, setting: PickedFrom, folders: Sequence[Path], strategies: Sequence[str], cache: Path
) -> Picked | None:
    batches: dict[str, list[list[int]]] = {}
    for strategy in strategies:
        rows = _rows(Cell(dataset.name, setting.embedding, setting.initial, strategy, SEED, setting.head), folders)
        if rows is not None and not rows[0]:
            rows = rows[1:]  # without an initial pool, the first batch is what the initial method chose
        if rows is not None and len(rows) > 1:
            batches[strategy] = rows[: BATCHES + 1]
    vectors = cached_pool(dataset, setting.model, cache) if batches else None
    if vectors is None or vectors.shape[1] < 2:
        return None
    texts = dataset.train.joined(" / ")
    first = {name: [shortened(texts[row], CHARACTERS) for row in rows[1][:TEXTS]] for name, rows in batches.items()}
    return Picked(dataset.name, setting.embedding, setting.initial, plane(vectors), batches, first)


def _rows(cell: Cell, folders: Sequence[Path]) -> list[list[int]] | None:
    for folder in folders:
        try:
            return Results(folder).read(cell).picks
        except FileNotFoundError:
            continue
    return None


def picks_table(picked: Sequence[Picked | NotShown]) -> pd.DataFrame:
    """For the page: dataset, strategy, and the first TEXTS texts; or why a dataset is not shown."""
    rows: list[tuple[str, ...]] = []
    for one in picked:
        if isinstance(one, NotShown):
            rows.append((one.dataset, "–", f"Not shown: {one.why}.", *[""] * (TEXTS - 1)))
        else:
            rows += [(one.dataset, name, *texts, *[""] * (TEXTS - len(texts))) for name, texts in one.texts.items()]
    return pd.DataFrame(rows, columns=["dataset", "strategy", "first text", "second", "third"])
