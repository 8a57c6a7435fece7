"""Label Studio's exports in the formats JSON_MIN, CSV and TSV, which have one row for each annotation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ml_backend.annotation import Annotation
from ml_backend.labelstudio.export_config import control_of_export
from ml_backend.labelstudio.labels import Labels, labels
from simulator.data.columns import DEFAULT_LABEL, MOST_OF_NAMES, RENAMED_FIELD, Columns
from simulator.data.labelled_table import LabelledTable, table_of_rows
from simulator.data.left_out import UNUSABLE_TEXT, left_out_of_labels
from simulator.data.rows import Rows
from simulator.data.shortened import shortened

EXPORTED_COLUMNS = {"id", "annotator", "annotation_id"}
OTHER_EXPORTED_COLUMNS = {"created_at", "updated_at", "lead_time", "agreement"}
"""Columns that Label Studio adds besides, if a project has what they hold."""


def is_export(rows: Rows) -> bool:
    """Whether the rows are annotations of a project's export: they have the columns that only Label Studio adds."""
    return rows.columns.keys() >= EXPORTED_COLUMNS


def table_of_export(rows: Rows, columns: Columns) -> LabelledTable:
    """A table with one row per task: the majority of its annotators decides, as in the live service.

    rows: annotations. Tasks without a label or a usable text are left out, with a note. Raises DataError for a missing
    column and for a label that cannot be read.
    """
    unusable: dict[int, str] = {}
    read = table_of_rows(rows, columns, unusable)
    tasks = _numbers(rows.columns["id"])
    row_of = {task: row for row, task in reversed(list(enumerate(tasks)))}
    annotations = _annotations(rows, tasks, read.table["label"].tolist())
    given = labels(annotations, control_of_export(annotations)) if annotations else Labels()
    annotated = {annotation.task_id for annotation in annotations}
    places = {task: f"task {shortened(rows.columns['id'][row])} ({rows.place(row)})" for task, row in row_of.items()}
    left_out = left_out_of_labels(given, places, [place for task, place in places.items() if task not in annotated])
    texts = read.table["text"].tolist()
    usable = []
    for task in sorted(given.by_task, key=row_of.__getitem__):
        if texts[row_of[task]]:
            usable.append(task)
        else:
            left_out.add(UNUSABLE_TEXT, places[task], unusable.get(row_of[task], "the text is empty"))
    table = read.table.iloc[[row_of[task] for task in usable]]
    return LabelledTable(
        table.assign(label=[given.by_task[task][0] for task in usable]),
        (*read.notes, *_note_on_label(rows, columns), *left_out.notes()),
    )


def _note_on_label(rows: Rows, columns: Columns) -> tuple[str, ...]:
    """A note if the column `label` is read by its name alone, and another column may have the answers."""
    if columns.label_config is not None or columns.labels != (DEFAULT_LABEL,) or columns.control is not None:
        return ()
    others = rows.columns.keys() - EXPORTED_COLUMNS - OTHER_EXPORTED_COLUMNS - set(columns.all)
    if not others or f"{RENAMED_FIELD}{DEFAULT_LABEL}" in rows.columns:
        return ()
    names = shortened(", ".join(sorted(others)), MOST_OF_NAMES)
    return (
        f"the column {DEFAULT_LABEL!r} is read as the answers; if it is a field of the tasks, name the column of the "
        f"control with --control (other columns: {names})",
    )


def _annotations(rows: Rows, tasks: Sequence[int], classes: Sequence[str | None]) -> list[Annotation]:
    annotators = _numbers(rows.columns["annotator"])
    times = rows.columns.get("updated_at") or rows.columns.get("created_at") or [""] * len(rows)
    return [
        Annotation(
            annotation_id=row,
            task_id=tasks[row],
            annotator=annotators[row],
            cancelled=False,
            result=[{"from_name": "label", "type": "choices", "value": {"choices": [name]}}],
            updated_at=str(times[row] or ""),
        )
        for row, name in enumerate(classes)
        if name is not None
    ]


def _numbers(ids: Sequence[Any]) -> list[int]:
    """A number for each id, the same for equal ids; a blank one differs from all others."""
    number_of: dict[str, int] = {}
    numbers = []
    for row, value in enumerate(ids):
        key = "" if value is None else str(value).strip()
        numbers.append(number_of.setdefault(key, row) if key else row)
    return numbers
