"""Reading texts and labels from Parquet, CSV, JSONL, JSON, a Label Studio export, or the Hugging Face hub."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ml_backend.labelstudio.label_config import LabelConfig
from ml_backend.labelstudio.labels import labels
from ml_backend.labelstudio.shown_texts import ShownText
from ml_backend.labelstudio.tasks import parse_annotations
from simulator.data.registry import Card

SUFFIXES = (".parquet", ".csv", ".jsonl", ".json")


class DataError(ValueError):
    """Data that cannot be used; the message says what is wrong and what to do."""


@dataclass(frozen=True)
class Columns:
    """Names of the columns of a file; a file need not have text_pair and split.

    control: for a Label Studio export, the control that holds the label; None if there is only one.
    """

    text: str = "text"
    text_pair: str = "text_pair"
    label: str = "label"
    split: str = "split"
    control: str | None = None


def read_file(path: Path, columns: Columns) -> pd.DataFrame:
    """Read a file into a table with the columns text, label and, if the file has them, text_pair and split.

    Raises DataError for a file that is missing or broken, has an unknown suffix, or lacks a column.
    """
    if path.suffix not in SUFFIXES:
        raise DataError(f"{path}: unknown kind of file {path.suffix!r}; known: {', '.join(SUFFIXES)}")
    try:
        table = _read(path, columns)
    except DataError:
        raise
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; check --data") from None
    except Exception as problem:
        raise DataError(
            f"{path} cannot be read as {path.suffix[1:]}: {problem}. It may be incomplete: write or copy it again."
        ) from problem
    return _named(table, columns, path)


def _read(path: Path, columns: Columns) -> pd.DataFrame:
    if path.suffix == ".parquet":
        return pd.read_parquet(path)
    if path.suffix == ".csv":
        return pd.read_csv(path, dtype=str, keep_default_na=False)
    if path.suffix == ".jsonl":
        lines = path.read_text(encoding="utf-8").splitlines()
        return pd.DataFrame([json.loads(line) for line in lines if line.strip()])
    rows = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise DataError(f"{path} must be a list of objects: rows, or a Label Studio export in the format JSON")
    if rows and "data" in rows[0] and "annotations" in rows[0]:
        return export_table(rows, columns, str(path))
    return pd.DataFrame(rows)


def _named(table: pd.DataFrame, columns: Columns, path: Path) -> pd.DataFrame:
    column_of = {
        "text": columns.text,
        "text_pair": columns.text_pair,
        "label": columns.label,
        "split": columns.split,
    }
    for role in ("text", "label"):
        if column_of[role] not in table.columns:
            raise DataError(
                f"{path} has no column {column_of[role]!r}; it has: {', '.join(map(str, table.columns))}. "
                f"Name the right one with --{role}-column."
            )
    roles = {name: role for role, name in column_of.items() if name in table.columns}
    return table[list(roles)].rename(columns=roles)


def export_table(tasks: Sequence[dict[str, Any]], columns: Columns, source: str) -> pd.DataFrame:
    """Make a table of text and label from the tasks of a Label Studio export (format JSON).

    The label of a task is that of the majority of its annotators, as in the live service; tasks without one are left
    out. source: named in error messages.
    Raises DataError if several controls could hold the label, none does, or a task has no such text field.
    """
    control, kind = _control(tasks, columns.control, source)
    names = sorted({name for task in tasks for name in _chosen(task, control, kind)})
    config = LabelConfig(
        control=control,
        control_tag=kind.capitalize(),
        to_name="",
        texts=(ShownText("text", "", f"${columns.text}"),),
        classes=tuple(names),
        paths={name: tuple(name.split(" / ")) for name in names},
        multi_label=False,
        nested=kind == "taxonomy",
        notes=(),
        fingerprint="",
    )
    by_task = labels([a for task in tasks for a in parse_annotations(task)], config).by_task
    rows = []
    for task in tasks:
        chosen = by_task.get(int(task["id"]))
        if chosen is None:
            continue
        if columns.text not in task["data"]:
            raise DataError(
                f"{source}: task {task['id']} has no field {columns.text!r}; it has: {', '.join(task['data'])}. "
                "Name the right one with --text-column."
            )
        row = {columns.text: task["data"][columns.text], columns.label: chosen[0]}
        for optional in (columns.text_pair, columns.split):
            if optional in task["data"]:
                row[optional] = task["data"][optional]
        rows.append(row)
    if not rows:
        raise DataError(f"{source} has no submitted annotation of {control!r}: label some tasks first")
    return pd.DataFrame(rows)


def _control(tasks: Sequence[dict[str, Any]], name: str | None, source: str) -> tuple[str, str]:
    kinds = {
        str(item["from_name"]): str(item["type"])
        for task in tasks
        for annotation in task.get("annotations") or []
        for item in annotation.get("result") or []
        if item.get("type") in ("choices", "taxonomy")
    }
    if name is not None and name not in kinds:
        raise DataError(
            f"{source} has no annotations of a control {name!r}; it has: {', '.join(sorted(kinds)) or 'none'}"
        )
    if name is None and len(kinds) != 1:
        controls = ", ".join(sorted(kinds))
        raise DataError(
            f"{source} has annotations of several controls: {controls}. Choose one with --control."
            if kinds
            else f"{source} has no annotation of <Choices> or <Taxonomy>: label some tasks first"
        )
    control = name if name is not None else next(iter(kinds))
    return control, kinds[control]


def _chosen(task: dict[str, Any], control: str, kind: str) -> list[str]:
    return [
        " / ".join(choice) if isinstance(choice, list) else str(choice)
        for annotation in parse_annotations(task)
        for item in annotation.result
        if item.get("from_name") == control
        for choice in (item.get("value") or {}).get(kind) or []
    ]


def read_hub(name: str, card: Card) -> pd.DataFrame:
    """Load a dataset of the registry from the hub into a table with the columns text, text_pair, label and split.

    Raises DataError if the `datasets` package is missing or the hub cannot be reached.
    """
    local = f"or give --data a folder that holds {name}.parquet"
    if card.note:
        raise DataError(f"{name}: {card.note}")
    try:
        import datasets
    except ImportError:
        raise DataError(
            f"{name} has to come from the hub, which needs the `datasets` package: run "
            f'`pip install "label-studio-active-learning[hub]"`, {local}'
        ) from None
    parts = []
    for split, hub_split in (("train", card.train), ("test", card.test)):
        try:
            part = datasets.load_dataset(card.hub_id, card.config, split=hub_split)
        except Exception as problem:
            raise DataError(
                f"{name} ({card.hub_id}) cannot be loaded from the hub: {problem}. Check the network, {local}."
            ) from problem
        parts.append(hub_table(part, card).assign(split=split))
    return pd.concat(parts, ignore_index=True)


def hub_table(part: Any, card: Card) -> pd.DataFrame:
    """Make a table of a `datasets.Dataset`; class numbers become the class names of its features. Raises DataError."""
    frame = part.to_pandas()
    missing = [c for c in (*card.text, card.pair, card.label) if c is not None and c not in frame.columns]
    if missing:
        raise DataError(
            f"{card.hub_id} has no column {missing[0]!r}; it has: {', '.join(frame.columns)}. Give a file as --data."
        )
    names = getattr(part.features[card.label], "names", None)
    table = pd.DataFrame(
        {
            "text": frame[list(card.text)].agg("\n".join, axis=1),
            "label": [names[i] for i in frame[card.label]] if names else frame[card.label].astype(str),
        }
    )
    if card.pair is not None:
        table["text_pair"] = frame[card.pair]
    return table
