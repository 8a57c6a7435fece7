"""JSON files: lists and lines of objects, what separates lines, and what is refused with its line or item."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path

import pytest
from reviews import REVIEWS, pairs, read

from simulator.data.data_error import DataError

LIST = json.dumps([{"text": text, "label": label} for text, label in REVIEWS], indent=1)
LINES = "\n".join(json.dumps({"text": text, "label": label}) for text, label in REVIEWS)


def write(folder: Path, content: str, name: str = "mine.jsonl") -> Path:
    path = folder / name
    path.write_bytes(content.encode("utf-8", "surrogatepass"))
    return path


@pytest.mark.parametrize("name", ["mine.json", "mine.jsonl", "mine.ndjson", "mine.JSONL"])
@pytest.mark.parametrize(
    "content", [LIST, LINES, LINES.replace("\n", "\r\n"), LINES.replace("\n", "\r"), f"\n{LINES}\n\n"]
)
def test_a_list_and_lines_of_objects_are_read_whatever_the_ending(tmp_path: Path, content: str, name: str):
    assert pairs(write(tmp_path, content, name)) == REVIEWS


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c"])
def test_a_line_ends_only_where_json_lets_it_end(tmp_path: Path, separator: str):
    inside = json.dumps(f"one{separator}two", ensure_ascii=False)
    path = write(tmp_path, f'{{"text": {inside}, "label": "good"}}\n{{"text": "b", "label": "bad"}}\n')
    if separator in "\x0b\x0c\x1c":  # json.dumps escapes these, and the service removes them from texts
        separator = ""
    assert pairs(path) == [(f"one{separator}two", "good"), ("b", "bad")]


@pytest.mark.parametrize("name", ["mine.json", "mine.jsonl"])
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "mine.jsonl? is empty"),
        (
            '{"text": "a", "label": "x"}\n\n{"text": "b", "label"\n',
            r"line 3 is not valid JSON: Expecting ':' delimiter at column 22\. It is: \{\"text\": \"b\", \"label\" Cor",
        ),
        (
            '{"text": "a", "label": "x"},\n{"text": "b", "label": "y"}\n',
            "line 1 is not valid JSON: Extra data at column 28\\.",
        ),
        ('{"text": "a", "label": "x"}\n["b", "y"]\n', r'line 2 is \["b", "y"\], not an object such as'),
        ('["a", "x"]\n["b", "y"]\n', r'line 1 is \["a", "x"\], not an object such as'),
        ('[{"text": "a", "label": "x"}, "b"]', "item 2 is b, not an object such as"),
        ('[{"text": "a",\n "label": "x"},\n {"text" "b"}]', r"is not valid JSON: line 3: Expecting ':' delimiter"),
        (
            '[{"text": "a", "label": "x"}',
            "is not valid JSON: line 1: Expecting ',' delimiter at column 29. .*if the file ends there, it is incompl",
        ),
        (
            '[{"text": "a", "label": "x"},\n]',
            "is not valid JSON: line 2: Expecting value at column 1. Correct it there",
        ),
        ('{"text": {"0": "a"}, "label": {"0": "x"}}', 'a single object: write a list .*orient="records"'),
        ('{"text": "a",\n "label": "x"}', "holds a single object: write a list of objects"),
        ('{"text": "a",\n "label": "x"}\n{"text": "b",\n "label": "y"}', "the first object takes several lines"),
        ('{"text": "a", "label": ' + "[" * 100_000, "line 1 is not valid JSON: lists or objects are nested too deeply"),
        ("[" * 100_000, "is not valid JSON: lists or objects are nested too deeply"),
        ('{"text": "a", "label": ' + "1" * 5000 + "}", "line 1 is not valid JSON: a number has too many digits"),
        ("text,label\na,x\n", "line 1 is not valid JSON: Expecting value at column 1. It is: text,label"),
    ],
)
def test_what_is_not_a_list_or_lines_of_objects_is_refused(tmp_path: Path, content: str, reason: str, name: str):
    with pytest.raises(DataError, match=reason):
        pairs(write(tmp_path, content, name))


def test_rows_are_counted_by_lines_or_by_their_place_in_the_list(tmp_path: Path):
    assert read(write(tmp_path, '\n{"text": "a", "label": "x"}\n\n{"text": "b"}\n')).index.tolist() == [2, 4]
    table = read(write(tmp_path, '[{"text": "a", "label": "x"},\n\n {"text": "b"}]', "mine.json"))
    assert (table.index.name, table.index.tolist()) == ("item", [1, 2])


def test_a_key_that_no_object_has_is_a_missing_column(tmp_path: Path):
    path = write(tmp_path, json.dumps([{"meta": {"title": text}, "label": label} for text, label in REVIEWS]))
    with pytest.raises(DataError, match=r"no column 'meta.titel'; it has: meta, label"):
        pairs(path, text="meta.titel")


def test_many_keys_take_no_more_than_their_objects(tmp_path: Path):
    entries = [{"text": f"a{i}", "label": "x", f"key {i}": i} for i in range(4_000)]
    path = write(tmp_path, "\n".join(map(json.dumps, entries)))
    tracemalloc.start()
    read(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100 * path.stat().st_size
    with pytest.raises(DataError, match=r"no column 'body'; it has: text, label, key 0, key 1") as problem:
        read(path, text="body")
    assert len(str(problem.value)) < 1000


def test_an_empty_list_is_named(tmp_path: Path):
    with pytest.raises(DataError, match=r"mine.jsonl holds an empty list: give a list of objects"):
        read(write(tmp_path, "[]"))


def test_columns_may_be_keys_of_objects(tmp_path: Path):
    rows = [{"meta": {"title": "it works", "tags": ["good", "x"]}, "meta.title": None}, {"meta": {}}, {"meta": 3}]
    path = write(tmp_path, json.dumps(rows[:1]), "mine.json")
    assert pairs(path, text="meta.tags.1", label="meta.tags.0") == [("x", "good")]
    path = write(tmp_path, json.dumps([{"meta": row["meta"]} for row in rows]), "mine.json")
    assert pairs(path, text="meta.title", label="meta.tags.0") == [("it works", "good"), ("", None), ("", None)]
