"""Encodings of text files: read if there is one meaning, otherwise refused with the line and what to do."""

from __future__ import annotations

import codecs
import json
from pathlib import Path

import pytest
from reviews import pairs

from simulator.data.data_error import DataError

ROWS = [("schön & gut", "gut"), ("naïve café 🙂", "schlecht")]
CONTENT = {
    ".csv": "text,label\n" + "".join(f"{text},{label}\n" for text, label in ROWS),
    ".jsonl": "".join(json.dumps({"text": text, "label": label}, ensure_ascii=False) + "\n" for text, label in ROWS),
    ".json": json.dumps([{"text": text, "label": label} for text, label in ROWS], ensure_ascii=False),
}


@pytest.mark.parametrize("ending", CONTENT)
@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        (b"", "utf-8"),
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF8 * 2, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        (codecs.BOM_UTF32_LE, "utf-32-le"),
    ],
)
def test_files_with_a_byte_order_mark_and_utf_8_are_read(tmp_path: Path, ending: str, mark: bytes, encoding: str):
    path = tmp_path / f"mine{ending}"
    path.write_bytes(mark + CONTENT[ending].encode(encoding))
    assert pairs(path) == ROWS


@pytest.mark.parametrize("ending", [".csv", ".jsonl", ".json"])
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (
            b"text,label\nit works,good\nsch\xf6n & gut,gut\n",
            r"line 3 holds the byte F6, so the encoding is not UTF-8; in Windows-1252 \(close to latin-1\) the word "
            r"there is 'schön'\. Save the file as UTF-8 .*CSV UTF-8.*iconv",
        ),
        ("text,label\r\nschön,gut\r\n".encode() + b"caf\xe9,gut", "line 3 holds the byte E9.*lines before it"),
        ("text,label\nschön".encode()[:-2], r"line 2, the last one, ends in the middle of a character \(C3\)"),
        ("text,label\nschön,gut\n".encode("utf-16-le"), r"looks like UTF-16 without the mark .*Save it as UTF-8"),
        (codecs.BOM_UTF16_LE + "text,label\na,b".encode("utf-16-le")[:-1], "line 2 holds bytes .* not UTF-16-LE"),
        (b"text,label\nit is,good\nso it \x00 is,bad\n" * 9, "line 3 holds a NUL character"),
        (b"\x1f\x8b\x08\x00", "is compressed with gzip: unpack it first"),
        (b"PK\x03\x04\x00", "is an Excel workbook or a zip archive"),
        (b"PAR1\x00", "is a Parquet file: give it the ending .parquet"),
    ],
)
def test_any_other_content_is_refused_by_name(tmp_path: Path, content: bytes, reason: str, ending: str):
    path = tmp_path / f"mine{ending}"
    path.write_bytes(content)
    with pytest.raises(DataError, match=rf"mine{ending}:? {reason}"):
        pairs(path)


def test_a_file_that_cannot_be_opened_is_named(tmp_path: Path):
    with pytest.raises(DataError, match=r"gone.csv: no such file; check its name"):
        pairs(tmp_path / "gone.csv")
    (tmp_path / "folder.xlsx").mkdir()
    with pytest.raises(DataError, match=r"folder.xlsx is a folder: give one of the files in it"):
        pairs(tmp_path / "folder.xlsx")


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("mine.csv.gz", "unpack it first, with `gunzip`"),
        ("mine.xls", "save it as .xlsx or as CSV UTF-8"),
        ("mine.txt", "rename it to .csv or .tsv"),
    ],
)
def test_a_kind_of_file_that_is_not_read_has_a_remedy(tmp_path: Path, name: str, remedy: str):
    (tmp_path / name).write_bytes(b"text,label\n")
    with pytest.raises(DataError, match=rf"unknown kind of file .*known: .parquet, .csv.*{remedy}"):
        pairs(tmp_path / name)
