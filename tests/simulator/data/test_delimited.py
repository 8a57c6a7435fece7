"""CSV and TSV files: separators, quotes, rows with other cells than the header, and the lines that messages name."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from reviews import BAD, GOOD, REVIEWS, pairs, read

from simulator.data.columns import Columns
from simulator.data.data_error import DataError
from simulator.data.datasets import load
from simulator.data.sources import read_file


def write(folder: Path, content: str, name: str = "mine.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode())
    return path


def quoted(text: str, separator: str) -> str:
    return f'"{text}"' if separator in text else text


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".CSV"])
@pytest.mark.parametrize(
    ("separator", "name"), [(",", "comma"), (";", "semicolon"), ("\t", "tab"), ("|", "vertical bar")]
)
def test_the_separator_is_found_in_the_header_and_said(tmp_path: Path, separator: str, name: str, ending: str):
    lines = [f"text{separator}label", *(f"{quoted(text, separator)}{separator}{label}" for text, label in REVIEWS)]
    path = write(tmp_path, "\r\n".join(lines), f"mine{ending}")
    dataset = load("mine", path)
    assert dataset.classes == ("bad", "good")
    assert sorted(dataset.train.texts + dataset.test.texts) == sorted([*GOOD, *BAD])
    is_usual = (ending.lower(), separator) in {(".csv", ","), (".tsv", "\t")}
    assert dataset.notes == (() if is_usual else (f"the cells are separated by the {name}",))


def test_the_first_line_of_a_file_for_excel_names_the_separator(tmp_path: Path):
    path = write(tmp_path, "sep=;\r\ntext;label\r\nit, works;good\r\n\r\nit broke;bad\r\nit leaks;\r\n")
    assert pairs(path) == [("it, works", "good"), ("it broke", "bad"), ("it leaks", None)]
    assert read(path).index.tolist() == [3, 5, 6]
    with pytest.raises(DataError, match=r"line 3 has 1 cell \(it works\), and the header on line 2 has 2"):
        read(write(tmp_path, "sep=;\ntext;label\nit works\n"))


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        (
            [f"Dear shop, {text.replace(',', '')},{label}" for text, label in REVIEWS],
            r"line 2 has 3 cells \(Dear shop \| the pump works great \| good\), and the header on line 1 has 2 "
            r"\(text \| label\)\. A comma inside a text has to be quoted",
        ),
        (
            ["the pump works great, hm,good", *(f'"{text}",{label}' for text, label in REVIEWS[1:])],
            r"line 2 has 3 cells .*A comma inside a text has to be quoted",
        ),
        (['"two\nlines",good', "a,b,good"], r"line 4 has 3 cells \(a \| b \| good\)"),
        (
            ["it works,good", "it broke"],
            r"line 3 has 1 cell \(it broke\), and the header .* Write all cells of the row",
        ),
        (
            ["", "  ", "it works,good", "it broke,bad,"],
            r"line 5 has 3 cells .*Remove the comma at the end of the row\.",
        ),
        (
            ["it works,good", '"it broke,bad', "it leaks,bad"],
            r"row that begins on line 3 has a quote that is never closed",
        ),
        (['"it "works"",good'], r'line 2: something other than the comma follows a closing quote.*written twice: "he'),
        (['"it\nis "good"",good'], r"the row that begins on line 2, on line 3: something other than the comma follows"),
    ],
)
def test_a_row_with_other_cells_than_the_header_is_refused_with_its_line(tmp_path: Path, rows: list[str], reason: str):
    with pytest.raises(DataError, match=rf"mine.csv: (the )?{reason}"):
        read(write(tmp_path, "\n".join(["text,label", *rows])))


def test_quotes_line_breaks_and_long_texts_are_read_as_they_were_written(tmp_path: Path):
    long = "word " * 15_000
    texts = ['he said ""no"" to me', "one\r\ntwo", '5" pipe', "a \u2028 separator", long, "a\x85b"]
    path = tmp_path / "mine.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["label", "text", "more"], *(["x", text, "y" * 200_000] for text in texts)])
    table = read(path)
    assert table["text"].tolist() == [text.strip() for text in texts]
    assert table.index.tolist() == [2, 3, 5, 6, 7, 8]
    assert csv.field_size_limit() == 131_072, "the limit of the process is restored"


def test_a_space_before_a_quote_does_not_become_part_of_the_class(tmp_path: Path):
    assert pairs(write(tmp_path, 'text, label\n"a, b", "good"\nc, bad\n')) == [("a, b", "good"), ("c", "bad")]


def test_white_space_around_names_of_columns_is_no_part_of_them(tmp_path: Path):
    assert pairs(write(tmp_path, " text ;\tlabel ; \nit works;good;\n")) == [("it works", "good")]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "mine.csv is empty"),
        ("\ufeff\n \n", "mine.csv is empty"),
        ("text\nit works\n", r"no column 'label'; it has: text\. Name the right one with --label-column"),
        ("text;category\nit works;good\n", r"no column 'label'; it has: text, category"),
        ("text,label,text\na,good,b\n", r"2 columns with the name 'text': rename all but one"),
        ('"text,label\nit works,good\n', r"row that begins on line 1 has a quote that is never closed"),
    ],
)
def test_a_header_that_cannot_be_used_is_refused(tmp_path: Path, content: str, reason: str):
    with pytest.raises(DataError, match=reason):
        read(write(tmp_path, content))


def test_a_file_with_a_header_only_has_no_rows(tmp_path: Path):
    with pytest.raises(DataError, match="mine has no rows"):
        load("mine", write(tmp_path, "text,label\n"))


def test_the_names_of_a_wide_header_are_compared_once(tmp_path: Path):
    names = [f"c{i}" for i in range(100_000)]
    line = "," * len(names)
    path = write(tmp_path, f"text,label,{','.join(names)}\na,x{line}\nb,y{line}\n")
    assert pairs(path) == [("a", "x"), ("b", "y")]


def test_columns_that_are_not_read_may_have_any_name(tmp_path: Path):
    assert pairs(write(tmp_path, "x,x,,text,label\n1,2,3,it works,good\n")) == [("it works", "good")]


def test_one_column_cannot_be_two_things(tmp_path: Path):
    path = write(tmp_path, "text,label\nit works,good\n")
    with pytest.raises(DataError, match="the column 'text' is named twice"):
        read_file(path, Columns(label="text"))
