"""Reading the labels that a project has so far, from Label Studio or from a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from ml_backend.labelstudio.client import LabelStudio
from ml_backend.labelstudio.label_config import LabelConfig, UnsupportedLabelConfig, parse
from ml_backend.labelstudio.labels import majority
from ml_backend.labelstudio.texts import task_text
from ml_backend.text_fields import FIELD_SEPARATOR
from simulator.advise.replay import Labelled
from simulator.data.class_descriptions import NO_DESCRIPTIONS, ClassDescriptions, texts_of_classes
from simulator.data.columns import DEFAULT_TEXT, Columns
from simulator.data.command_options import with_options
from simulator.data.counted import counted
from simulator.data.data_error import DataError
from simulator.data.label_studio_tasks import Task, labelled_tasks
from simulator.data.sources import read_file


def of_project(
    client: LabelStudio, project_id: int, columns: Columns, descriptions: ClassDescriptions = NO_DESCRIPTIONS
) -> Labelled:
    """Texts and labels of all labelled tasks of a project; the majority of the annotators decides, as in the backend.

    columns: its control is learned, and its text, unless it is the default, is read instead of what the label config
    shows; descriptions: of the classes, before the hints of the label config. Raises LabelStudioError, and DataError
    for a project of which nothing can be learned, with several labels per task or with too few classes.
    """
    fields = None if columns.text == DEFAULT_TEXT else [columns.text]
    try:
        config = parse(client.project(project_id).label_config, columns.control, fields)
    except UnsupportedLabelConfig as problem:
        raise DataError(f"project {project_id}: {with_options(str(problem))}") from None
    if config.multi_label:
        raise DataError(f"project {project_id} allows several labels per task; advice supports one label per task only")
    pages = client.task_pages(project_id, annotated_only=True)
    tasks = [
        Task(f"task {task.id}", task.id, task.data, task.annotations, task.problem)
        for page in pages
        for task in page.tasks
    ]
    tasks.sort(key=lambda task: task.number)
    usable, left_out = labelled_tasks(tasks, config, lambda data: task_text(data, config))
    table = pd.DataFrame([(text, label) for _, text, label in usable], columns=["text", "label"])
    notes = [*map(with_options, config.notes), *left_out.notes()]
    return _labelled(table, notes, f"project {project_id}", descriptions, config)


def of_file(path: Path, columns: Columns, descriptions: ClassDescriptions = NO_DESCRIPTIONS) -> Labelled:
    """Texts and labels of all rows of a file that have both; descriptions: of the classes. Raises DataError."""
    read = read_file(path, columns, drop_long=True)
    table, notes = read.table, list(read.notes)
    for column in ("text", "label"):
        blank = (table[column].isna() | (table[column] == "")).to_numpy(dtype=bool)
        if blank.any():
            first = f"{table.index.name} {table.index[blank][0]}"
            notes.append(f"left out: {counted(int(blank.sum()), 'row')} without a {column} (the first: {first})")
            table = table[~blank]
    if "text_pair" in table.columns:
        pairs = zip(table["text"], table["text_pair"], strict=True)
        table = table.assign(text=[FIELD_SEPARATOR.join(filter(None, pair)) for pair in pairs])
    return _labelled(table, notes, path.stem, descriptions, columns.label_config)


def _labelled(
    table: pd.DataFrame, notes: list[str], name: str, descriptions: ClassDescriptions, config: LabelConfig | None
) -> Labelled:
    table = _one_row_per_text(table, notes)
    counts = table["label"].value_counts()
    # A class with a single text could be in the pool or in the test set, not in both.
    rare = sorted(counts.index[counts < 2])
    table = table[~table["label"].isin(rare)]
    classes = tuple(sorted(table["label"].unique()))
    if len(classes) < 2:
        raise DataError(
            f"there are {len(counts)} classes among the labels, {len(classes)} of them with at least two texts; "
            f"advice needs at least two such classes: label more texts. {'; '.join(notes)}".strip()
        )
    if rare:
        notes.append(f"left out: the texts of {counted(len(rare), 'label')} with a single text: {', '.join(rare)}")
    y = table["label"].map({name: i for i, name in enumerate(classes)}).to_numpy(dtype=np.int64)
    descriptions.check([name])
    # Classes without enough labels are described too.
    described, notes_on_descriptions = descriptions.of(name, classes, may_lack=True)
    texts = texts_of_classes(classes, described, config)
    return Labelled(table["text"].tolist(), y, classes, (*notes, *notes_on_descriptions), texts)


def _one_row_per_text(table: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    """Keep each text once, with the most frequent label of its copies; texts whose labels tie are left out."""
    votes: dict[str, list[tuple[str, ...]]] = {}
    for text, label in zip(table["text"], table["label"], strict=True):
        votes.setdefault(text, []).append((label,))
    winners = {text: majority(labels_of_text) for text, labels_of_text in votes.items()}
    rows = [(text, winner[0]) for text, winner in winners.items() if winner is not None]
    if len(rows) < len(winners):
        tied = counted(len(winners) - len(rows), "text")
        notes.append(f"left out: {tied} whose copies have different labels equally often")
    return pd.DataFrame(rows, columns=["text", "label"])
