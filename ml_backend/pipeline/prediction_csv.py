"""Predictions as the rows of a CSV file that is safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence

from ml_backend.pipeline.open_predictions import TextPrediction

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""A cell that begins like this would be computed by spreadsheets, which can send what other cells hold elsewhere."""
BYTE_ORDER_MARK = "\ufeff"
"""Without it, spreadsheets read UTF-8 as another encoding."""


def csv_header(multi_label: bool, with_texts: bool) -> bytes:
    """The first line. A text has one class, or if multi-label any number of classes, in a JSON list."""
    columns = ["task", "classes", "confidence"] if multi_label else ["task", "class", "confidence", "margin"]
    return (BYTE_ORDER_MARK + _lines([columns + ["text"] * with_texts])).encode()


def csv_rows(predictions: Sequence[TextPrediction], multi_label: bool, texts: Mapping[int, str] | None = None) -> bytes:
    """A line for each prediction. texts: task id → text, None to leave them out."""
    rows = []
    for prediction in predictions:
        names = [name for name, _ in prediction.chosen]
        chosen = json.dumps(names, ensure_ascii=False) if multi_label else safe_cell(names[0])
        row = [str(prediction.task_id), chosen, f"{prediction.confidence:.4f}"]
        if not multi_label:
            row.append("" if prediction.margin is None else f"{prediction.margin:.4f}")
        if texts is not None:
            row.append(safe_cell(texts.get(prediction.task_id, "")))
        rows.append(row)
    return _lines(rows).encode("utf-8", "replace")


def safe_cell(text: str) -> str:
    """The text as spreadsheets show it and do not compute it: with an apostrophe before what looks like a formula."""
    return f"'{text}" if text.startswith(FORMULA) else text


def _lines(rows: Sequence[Sequence[str]]) -> str:
    written = io.StringIO()
    csv.writer(written).writerows(rows)
    return written.getvalue()
