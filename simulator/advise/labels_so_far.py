"""Reading the labels that a project has so far, from Label Studio or from a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from ml_backend.labelstudio.client import LabelStudio
from ml_backend.labelstudio.label_config import parse
from ml_backend.labelstudio.labels import labels, majority
from ml_backend.labelstudio.texts import BadTask, task_text
from simulator.advise.replay import Labelled
from simulator.data.sources import Columns, DataError, read_file


def of_project(client: LabelStudio, project_id: int, control: str | None) -> Labelled:
    """Texts and labels of all labelled tasks of a project; the majority of the annotators decides, as in the backend.

    control: name of the control that holds the label, or None if there is only one. Raises LabelStudioError,
    UnsupportedLabelConfig, and DataError for a project with several labels per task or too few classes.
    """
    config = parse(client.project(project_id).label_config, control)
    if config.multi_label:
        raise DataError(f"project {project_id} allows several labels per task; advice supports one label per task only")
    tasks = [task for page in client.task_pages(project_id, annotated_only=True) for task in page.tasks]
    chosen = labels([a for task in tasks for a in task.annotations], config).by_task
    rows = []
    for task in sorted(tasks, key=lambda task: task.id):
        if task.id not in chosen:
            continue
        try:
            rows.append((task_text(task.data, config), chosen[task.id][0]))
        except BadTask:
            # The backend leaves such a task out as well, and reports it in its status.
            continue
    return _labelled(pd.DataFrame(rows, columns=["text", "label"]))


def of_file(path: Path, columns: Columns) -> Labelled:
    """Texts and labels of all rows of a file that have both. Raises DataError."""
    table = read_file(path, columns)
    has_both = table["text"].notna() & table["label"].notna()
    table = table[has_both].astype({"text": str, "label": str})
    if "text_pair" in table.columns:
        table["text"] = table["text"] + "\n" + table["text_pair"].fillna("").astype(str)
    table["label"] = table["label"].str.strip()
    return _labelled(table[(table["text"].str.strip() != "") & (table["label"] != "")])


def _labelled(table: pd.DataFrame) -> Labelled:
    table = _one_row_per_text(table)
    counts = table["label"].value_counts()
    # A class with a single text could be in the pool or in the test set, not in both.
    table = table[table["label"].isin(counts.index[counts > 1])]
    classes = tuple(sorted(table["label"].unique()))
    if len(classes) < 2:
        raise DataError(
            f"there are {len(counts)} classes among the labels, {len(classes)} of them with at least two texts; "
            "advice needs at least two such classes: label more texts"
        )
    y = table["label"].map({name: i for i, name in enumerate(classes)}).to_numpy(dtype=np.int64)
    return Labelled(table["text"].tolist(), y, classes)


def _one_row_per_text(table: pd.DataFrame) -> pd.DataFrame:
    """Keep each text once, with the most frequent label of its copies; texts whose labels tie are left out."""
    votes: dict[str, list[tuple[str, ...]]] = {}
    for text, label in zip(table["text"], table["label"], strict=True):
        votes.setdefault(text, []).append((label,))
    winners = {text: majority(labels_of_text) for text, labels_of_text in votes.items()}
    rows = [(text, winner[0]) for text, winner in winners.items() if winner is not None]
    return pd.DataFrame(rows, columns=["text", "label"])
