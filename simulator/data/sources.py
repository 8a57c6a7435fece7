"""Reading texts and labels from a file: CSV, TSV, JSON, JSON lines, Excel, Parquet, and Label Studio's formats."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from simulator.data.columns import Columns
from simulator.data.command_options import with_options
from simulator.data.data_error import DataError
from simulator.data.delimited import read_delimited
from simulator.data.encodings import access_to
from simulator.data.file_kinds import DELIMITED, JSON, check_kind
from simulator.data.json_objects import read_json
from simulator.data.label_studio_tables import is_export, table_of_export
from simulator.data.label_studio_tasks import are_tasks, table_of_tasks
from simulator.data.labelled_table import LabelledTable, table_of_rows
from simulator.data.parquet_files import read_parquet
from simulator.data.rows import rows_of_objects


def read_file(path: Path, columns: Columns, drop_long: bool = False) -> LabelledTable:
    """Read the texts and labels of a file. drop_long: as of `table_of_rows`.

    Raises DataError, with the row where there is one, for a file that is missing or broken, has an unknown ending,
    lacks a column, or has a row that cannot be read.
    """
    suffix = path.suffix.lower()
    with access_to(path):
        if path.is_dir():
            raise DataError(f"{path} is a folder: give one of the files in it")
    check_kind(path)
    columns.check()
    config = columns.label_config
    if config is not None and config.multi_label:
        raise DataError(
            f"the control {config.control!r} allows several classes for one text, which cannot be simulated; choose "
            "another one with --control"
        )
    read = _read(path, suffix, columns, drop_long)
    return read if config is None else replace(read, notes=(*map(with_options, config.notes), *read.notes))


def _read(path: Path, suffix: str, columns: Columns, drop_long: bool) -> LabelledTable:
    if suffix in JSON:
        entries = read_json(path)
        if are_tasks(entries):
            return table_of_tasks(entries, columns, drop_long)
        rows = rows_of_objects(entries.source, entries.unit, entries.numbers, entries.objects)
    elif suffix in DELIMITED:
        rows = read_delimited(path, columns.all)
    elif suffix == ".xlsx":
        # Imported only for such a file: its library takes a tenth of a second to load.
        from simulator.data.spreadsheets import read_workbook

        rows = read_workbook(path, columns.all)
    else:
        rows = read_parquet(path, columns.all)
    if is_export(rows):
        return table_of_export(rows, columns)
    return table_of_rows(rows, columns, drop_long=drop_long)
