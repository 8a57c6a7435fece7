"""Reading folders of results: those with the same protocol, changes of the data and options become one grid."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from simulator.analysis.heads import PLAIN
from simulator.analysis.planned_runs import planned_runs
from simulator.experiment.manifest import MANIFEST
from simulator.experiment.results import KEYS, METRICS, QUALITY, RUN
from simulator.experiment.results_folder import RESULTS, check_results

OPTIONS = ("subpool", "balance", "random_share")
"""Options in run.json that all runs of a setting share, absent if they are off; an evaluation changes no run."""
SIZES = ("pool_size", "test_size", "seed")
"""Changes of the data that a folder may have for datasets of its own: for shared ones the fingerprints decide."""
NAMED_CONTENTS = {
    "embedding_contents": "the embedding {}",
    "strategy_files": "the strategy {}",
    "class_texts": "the classes of {}",
}
"""Keys of run.json with contents by name, which folders of one setting have in common where they have the name."""
SAME = 1e-9
"""Metrics of the same run that differ by more than this are of different runs."""


@dataclass(frozen=True)
class Folder:
    """A folder of results. results: results.parquet, with a head; quality: embedding_quality.parquet or None;
    record: run.json, or empty."""

    path: Path
    results: pd.DataFrame
    quality: pd.DataFrame | None
    record: dict[str, Any]

    @property
    def kind(self) -> dict[str, Any]:
        """What folders of one setting have in common, besides the data of shared datasets."""
        changes = {name: value for name, value in self.record.get("changes", {}).items() if name not in SIZES}
        options = {name: self.record.get(name) for name in OPTIONS}
        return {"protocol": self.record.get("protocol", {}), "changes": changes, **options}


@dataclass(frozen=True)
class Setting:
    """The runs of folders with the same protocol, changes of the data and options.

    results, quality: as of `Folder`; record: their run.json in one; planned: runs that were asked for, columns RUN and
    head.
    """

    folders: list[Path]
    results: pd.DataFrame
    quality: pd.DataFrame | None
    record: dict[str, Any]
    planned: pd.DataFrame


def read_settings(folders: Sequence[Path]) -> list[Setting]:
    """Read folders of results; the setting with most runs comes first, equal ones in the order of the folders.

    Raises ValueError, naming the files or both folders, if results are missing or cannot be read, if a run is in two
    folders with different numbers, and if folders of one setting have a dataset, an embedding or the descriptions of
    classes of the same name with different contents.
    """
    groups: list[list[Folder]] = []
    for folder in map(_read, dict.fromkeys(folders)):
        group = next((group for group in groups if _belongs(folder, group)), None)
        if group is None:
            groups.append([folder])
        else:
            group.append(folder)
    settings = [_setting(group) for group in groups]
    return sorted(settings, key=lambda setting: -len(setting.results[RUN].drop_duplicates()))


def _read(path: Path) -> Folder:
    check_results(path)
    table = _parquet(path / RESULTS)
    if "head" not in table:
        table["head"] = PLAIN
    quality = path / QUALITY
    return Folder(path, table, _parquet(quality) if quality.exists() else None, _record(path / MANIFEST))


def _record(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        record = json.loads(path.read_text())
    except ValueError as problem:
        raise ValueError(f"{path} is not valid JSON: {problem}") from problem
    if not isinstance(record, dict):
        raise ValueError(f"{path} is not the record that `run` writes: it holds no object")
    return record


def _parquet(path: Path) -> pd.DataFrame:
    try:
        return pd.read_parquet(path)
    except (OSError, ValueError) as problem:
        raise ValueError(f"{path} cannot be read as Parquet: {problem}") from problem


def _belongs(folder: Folder, group: Sequence[Folder]) -> bool:
    """Whether a folder is of the setting of a group. Raises ValueError for the same names with other contents."""
    if folder.kind != group[0].kind:
        return False
    for other in group:
        for name, described in folder.record.get("datasets", {}).items():
            before = other.record.get("datasets", {}).get(name, described)
            if before.get("fingerprint") != described.get("fingerprint"):
                if folder.record.get("changes") != other.record.get("changes"):
                    return False
                raise _conflict(other, folder, f"other texts or labels of the dataset {name!r}")
        for key, what in NAMED_CONTENTS.items():
            name = _differs(other.record.get(key, {}), folder.record.get(key, {}))
            if name is not None:
                raise _conflict(other, folder, f"{what.format(repr(name))} with other contents")
    return True


def _differs(before: Mapping[str, Any], now: Mapping[str, Any]) -> str | None:
    return next((name for name, content in now.items() if before.get(name, content) != content), None)


def _conflict(one: Folder, other: Folder, what: str) -> ValueError:
    return ValueError(f"{one.path} and {other.path} hold {what}: they cannot be in one report")


def _setting(group: Sequence[Folder]) -> Setting:
    results = _joined(group)
    qualities = [folder.quality for folder in group if folder.quality is not None and len(folder.quality)]
    quality = pd.concat(qualities).drop_duplicates(["dataset", "embedding"]) if qualities else None
    planned = pd.concat([planned_runs(folder.results, folder.record) for folder in group]).drop_duplicates()
    records = [folder.record for folder in group]
    return Setting([folder.path for folder in group], results, quality, _merged(records), planned)


def _joined(group: Sequence[Folder]) -> pd.DataFrame:
    """The rows of all folders, each run once: of equal ones that with most columns filled."""
    if len(group) == 1:
        return group[0].results
    tables = [folder.results.assign(folder=i) for i, folder in enumerate(group)]
    table = pd.concat([part.dropna(axis=1, how="all") for part in tables], ignore_index=True)
    cycles = table.groupby([*RUN, "folder"]).size().groupby(level=RUN).agg(["min", "max"])
    _refuse(cycles["min"] < cycles["max"], table, group, "different numbers of cycles")
    of_two = table[table.duplicated(KEYS, keep=False)]
    numbers = [name for name in ("n_labeled", *METRICS) if name in of_two]
    by_row = of_two.groupby(KEYS)[numbers]
    _refuse(
        (by_row.max() - by_row.min() > SAME).any(axis=1).groupby(level=RUN).any(), table, group, "different numbers"
    )
    fewest_empty = table.isna().sum(axis=1).sort_values(kind="stable").index
    kept = table.loc[fewest_empty].drop_duplicates(KEYS).sort_index()
    return kept.drop(columns="folder").reset_index(drop=True)


def _refuse(differs: pd.Series, table: pd.DataFrame, group: Sequence[Folder], what: str) -> None:
    """Raise ValueError for the first run (index RUN) that differs, with the first two folders that have it."""
    if differs.any():
        run = dict(zip(RUN, differs.index[differs.to_numpy()][0], strict=True))
        one, other = table.loc[(table[RUN] == pd.Series(run)).all(axis=1), "folder"].unique()[:2]
        named = ", ".join(f"{name} {value}" for name, value in run.items())
        raise _conflict(group[int(one)], group[int(other)], f"{what} for the same run ({named})")


def _merged(records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """One run.json for several: lists and datasets of all, calls one after the other, and the last command."""
    if len(records) == 1:
        return dict(records[0])
    merged: dict[str, Any] = {}
    for record in records:
        calls = [*merged.get("calls", []), *record.get("calls", [])]
        if record.get("command") and record["command"] not in [call.get("command") for call in calls]:
            calls.append({"command": record["command"]})
        versions = _versions(merged.get("versions", {}), record.get("versions", {}))
        seeds = max(merged.get("seeds", 0), record.get("seeds", 0))
        for name, value in record.items():
            before = merged.get(name)
            if isinstance(value, dict) and isinstance(before, dict):
                merged[name] = before | value
            elif isinstance(value, list) and isinstance(before, list) and name != "command":
                merged[name] = list(dict.fromkeys([*before, *value])) if name != "calls" else calls
            else:
                merged[name] = value
        merged |= {"calls": calls, "versions": versions, "seeds": seeds}
    return merged


def _versions(before: Mapping[str, str], now: Mapping[str, str]) -> dict[str, str]:
    """Versions by package; where folders differ, all of them."""
    names = dict.fromkeys([*before, *now])
    return {n: ", ".join(dict.fromkeys([*before.get(n, "").split(", "), now.get(n, "")])).strip(", ") for n in names}
