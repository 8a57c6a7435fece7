"""The CSV file of predictions: exactly its bytes, and nothing in it that a spreadsheet computes."""

from __future__ import annotations

import csv
import io
import json

import pytest

from ml_backend.pipeline.open_predictions import TextPrediction
from ml_backend.pipeline.prediction_csv import csv_header, csv_rows, safe_cell


def test_one_class_per_text_is_written_with_confidence_and_margin():
    predictions = [
        TextPrediction(4, [("Größe, Maß", 0.91234)], 0.91234, 0.85),
        TextPrediction(9, [('he said "no"', 0.5)], 0.5, None),
    ]
    assert (
        csv_header(False, False) + csv_rows(predictions, False)
        == (
            '\ufefftask,class,confidence,margin\r\n4,"Größe, Maß",0.9123,0.8500\r\n9,"he said ""no""",0.5000,\r\n'
        ).encode()
    )


def test_texts_are_the_last_column_and_stay_whole():
    texts = {4: 'two\nlines, "quoted"\r\nthree', 9: "=HYPERLINK(A1)"}
    predictions = [TextPrediction(n, [("a", 0.9)], 0.9, 0.8) for n in (4, 9, 11)]
    content = csv_header(False, True) + csv_rows(predictions, False, texts)
    rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    assert rows[0] == ["task", "class", "confidence", "margin", "text"]
    assert [row[4] for row in rows[1:]] == [texts[4], "'=HYPERLINK(A1)", ""]


def test_several_classes_are_a_json_list():
    predictions = [TextPrediction(4, [("a, b", 0.9), ("=c", 0.6)], 0.7, None), TextPrediction(5, [], 0.8, None)]
    content = csv_header(True, False) + csv_rows(predictions, True)
    rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    assert rows[0] == ["task", "classes", "confidence"]
    assert [json.loads(row[1]) for row in rows[1:]] == [["a, b", "=c"], []]


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t", "\r"])
def test_a_cell_that_looks_like_a_formula_is_none(begin: str):
    assert safe_cell(f"{begin}1+cmd|' /C calc'!A0") == f"'{begin}1+cmd|' /C calc'!A0"
    named = csv_rows([TextPrediction(4, [(f"{begin}class", 0.9)], 0.9, 0.8)], False).decode()
    assert next(csv.reader(io.StringIO(named, newline="")))[1] == f"'{begin}class"


@pytest.mark.parametrize("text", ["a = b", "3 + 4", "", "e-mail", "'quoted'"])
def test_other_cells_stay_as_they_are(text: str):
    assert safe_cell(text) == text


def test_half_a_character_does_not_stop_the_file():
    assert csv_rows([TextPrediction(4, [("a", 0.9)], 0.9, 0.8)], False, {4: "\ud83d"}).endswith(b",?\r\n")
