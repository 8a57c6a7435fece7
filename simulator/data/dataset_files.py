"""The texts and labels of datasets in the cache, from which a report shows what was chosen."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from simulator.data.atomic_files import write_json
from simulator.data.datasets import Dataset, Split


def keep(dataset: Dataset, cache: Path) -> None:
    """Write a dataset into the cache unless it is there. Raises CannotSave."""
    path = _path(dataset.name, dataset.fingerprint(), cache)
    if not path.exists():
        write_json(
            path,
            {"classes": dataset.classes, "train": _content(dataset.train), "test": _content(dataset.test)},
        )


def kept(name: str, fingerprint: str, cache: Path) -> Dataset | None:
    """The dataset with this name and fingerprint, without its notes; None if the cache does not have it or lost it."""
    try:
        content = json.loads(_path(name, fingerprint, cache).read_text())
    except (OSError, ValueError):
        return None
    return Dataset(name, tuple(content["classes"]), _split(content["train"]), _split(content["test"]))


def _path(name: str, fingerprint: str, cache: Path) -> Path:
    return cache / "texts" / f"{quote(name, safe='')}-{fingerprint}.json"


def _content(split: Split) -> dict[str, Any]:
    return {"texts": split.texts, "pairs": split.pairs, "y": split.y.tolist()}


def _split(content: dict[str, Any]) -> Split:
    return Split(content["texts"], content["pairs"], np.array(content["y"], dtype=np.int64))
