"""Tasks with annotations: Label Studio's export (format JSON), its older exports, and its import format."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ml_backend.annotation import Annotation
from ml_backend.labelstudio.answers import answer
from ml_backend.labelstudio.export_config import UnreadableExport, control_of_export
from ml_backend.labelstudio.label_config import LabelConfig
from ml_backend.labelstudio.labels import labels
from ml_backend.labelstudio.tasks import parse_annotations
from ml_backend.labelstudio.texts import BadTask
from simulator.data.columns import Columns, value_at
from simulator.data.command_options import with_options
from simulator.data.data_error import DataError
from simulator.data.json_objects import JsonObjects
from simulator.data.label_cells import is_text_of_value
from simulator.data.labelled_table import LabelledTable, table_of_rows
from simulator.data.left_out import UNUSABLE_TEXT, LeftOut, left_out_of_labels
from simulator.data.rows import rows_of_objects
from simulator.data.shortened import shortened
from simulator.data.text_reading import TextReader, note_on_markup

ANNOTATIONS = ("annotations", "completions")
"""Key of a task's annotations; the second one is that of exports before Label Studio 1.0."""
PREDICTIONS = "predictions"


@dataclass(frozen=True)
class Task:
    """A task. place: for messages, such as "task 548"; number: in its file, or its id in a project; problem: why it
    cannot be used, None if nothing is wrong."""

    place: str
    number: int
    data: Mapping[str, Any]
    annotations: Sequence[Annotation]
    problem: str | None = None


def are_tasks(entries: JsonObjects) -> bool:
    """Whether the objects of a file are tasks and not rows."""
    keys = {*ANNOTATIONS, PREDICTIONS}
    has_data = [isinstance(entry.get("data"), dict) for entry in entries.objects]
    return (bool(has_data) and all(has_data)) or any(
        keys & entry.keys() for entry, has in zip(entries.objects, has_data, strict=True) if has
    )


def table_of_tasks(entries: JsonObjects, columns: Columns, drop_long: bool = False) -> LabelledTable:
    """Texts and labels of the tasks of a file; the majority of a task's annotators decides, as in the live service.

    Ids only serve messages. Tasks that the live service leaves out are left out, and a note counts them.
    drop_long: as of `table_of_rows`, for tasks whose data holds the labels.
    Raises DataError for something that is no task, and if no label can be read.
    """
    source = entries.source
    for number, entry in zip(entries.numbers, entries.objects, strict=True):
        if not isinstance(entry.get("data"), dict):
            raise DataError(
                f"{source}: {entries.unit} {number} has no object under 'data', as other tasks have: correct it"
            )
    if not any(entry.get(key) for entry in entries.objects for key in ANNOTATIONS):
        return _table_of_data(entries, columns, drop_long)
    tasks = _tasks(entries)
    config = columns.label_config or _control(tasks, columns, source)
    if config.multi_label:
        raise DataError(f"{source}: {_several(tasks, config)}")
    if columns.label_config is None and all(value_at(task.data, columns.text) is None for task in tasks):
        raise DataError(
            f"{source}: {tasks[0].place} has no field {columns.text!r}; it has: {', '.join(tasks[0].data) or 'none'}. "
            "Name the right one with --text-column."
        )
    usable, left_out = labelled_tasks(tasks, config, TextReader(columns).text)
    if not usable:
        raise DataError(f"{source} has no label that can be used: {'; '.join(left_out.notes()) or 'it has no tasks'}")
    if columns.label_config is None:
        _check_names(usable, source)
    texts = [text for _, text, _ in usable]
    read = {"text": texts, "label": [label for _, _, label in usable]}
    for optional in (columns.text_pair, columns.split):
        values = [value_at(task.data, optional) for task, _, _ in usable]
        if any(value is not None for value in values):
            read[optional] = values
    notes = (*left_out.notes(), *note_on_markup(texts, columns))
    return LabelledTable.of(entries.unit, [task.number for task, _, _ in usable], read, notes)


def labelled_tasks(
    tasks: Sequence[Task], config: LabelConfig, text_of: Callable[[Mapping[str, Any]], str]
) -> tuple[list[tuple[Task, str, str]], LeftOut]:
    """The tasks with a label and a usable text, each with its text and its class, and what is left out, as live.

    config: with one class per task; text_of: reads the text of a task's data, and raises BadTask.
    """
    given = labels([a for task in tasks for a in task.annotations], config)
    places = {task.number: task.place for task in tasks}
    left_out = left_out_of_labels(given, places, unannotated=[t.place for t in tasks if not t.annotations])
    usable = []
    for task in tasks:
        classes = given.by_task.get(task.number)
        if not classes:
            continue
        if task.problem is not None:
            left_out.add(UNUSABLE_TEXT, task.place, task.problem)
            continue
        try:
            text = text_of(task.data)
        except BadTask as problem:
            left_out.add(UNUSABLE_TEXT, task.place, with_options(str(problem)))
            continue
        if not text:
            left_out.add(UNUSABLE_TEXT, task.place, "the text is empty")
            continue
        usable.append((task, text, classes[0]))
    return usable, left_out


def _table_of_data(entries: JsonObjects, columns: Columns, drop_long: bool) -> LabelledTable:
    """The tasks of a file without annotations as rows, if their data holds the labels. Raises DataError otherwise."""
    rows = rows_of_objects(entries.source, entries.unit, entries.numbers, [entry["data"] for entry in entries.objects])
    if any(name in rows.columns for name in columns.labels):
        return table_of_rows(rows, columns, drop_long=drop_long)
    has_predictions = any(entry.get(PREDICTIONS) for entry in entries.objects)
    what = "predictions but no annotations, and a prediction is not a label" if has_predictions else "no annotations"
    raise DataError(
        f"{entries.source} holds tasks with {what}: label some tasks first and export them, or name the field of the "
        f"tasks that holds the label with --label-column; they have: {', '.join(rows.columns) or 'none'}"
    )


def _tasks(entries: JsonObjects) -> list[Task]:
    tasks: list[Task] = []
    for number, entry in zip(entries.numbers, entries.objects, strict=True):
        place = f"{entries.unit} {number}"
        if isinstance(entry.get("id"), (int, str)):
            place = f"task {shortened(entry['id'])} ({place})"
        given: Any = next((entry[key] for key in ANNOTATIONS if entry.get(key)), [])
        if not isinstance(given, list):
            raise DataError(
                f"{entries.source}: the annotations of {place} are {shortened(given)}, not a list: correct it"
            )
        # The id of a task only groups its annotations: the import format has none, and joined exports may repeat them.
        annotations = parse_annotations({"id": number, "annotations": [_with_new_keys(entry) for entry in given]})
        tasks.append(Task(place, number, entry["data"], annotations))
    return tasks


def _with_new_keys(annotation: Any) -> Any:
    """An annotation with the keys that are read, from those that older exports and imports have instead."""
    if not isinstance(annotation, dict):
        return annotation
    changed = {"updated_at": annotation.get("updated_at") or annotation.get("created_at")}
    if "was_cancelled" not in annotation and "skipped" in annotation:
        changed["was_cancelled"] = annotation["skipped"]
    return annotation | changed


def _control(tasks: Sequence[Task], columns: Columns, source: str) -> LabelConfig:
    try:
        return control_of_export([a for task in tasks for a in task.annotations], columns.control)
    except UnreadableExport as problem:
        raise DataError(f"{source}: {problem}") from None


def _check_names(usable: Sequence[tuple[Task, str, str]], source: str) -> None:
    """Raise DataError for a class that is the text of a list or an object, unless the label config has it."""
    for task, _, label in usable:
        if is_text_of_value(label):
            raise DataError(
                f"{source}: the annotation of {task.place} names the class {shortened(label)}, the text of a list or "
                "an object of a program: correct it, or give the label config that has this class with --label-config"
            )


def _several(tasks: Sequence[Task], config: LabelConfig) -> str:
    """Why a multi-label control is refused, with the first task that has several classes."""
    for task in tasks:
        for annotation in task.annotations:
            classes = answer(annotation.result, config).classes or ()
            if len(classes) > 1:
                return (
                    f"{task.place} has several classes ({shortened(', '.join(classes))}) of {config.control!r}; "
                    "several classes for one text cannot be simulated. Leave out such tasks, or choose another control "
                    "with --control"
                )
    return f"{config.control!r} allows several classes for one text, which cannot be simulated"
