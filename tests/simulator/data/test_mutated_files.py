"""Random changes to valid files: a file is read or refused with a sentence, and no class appears that is not in it."""

from __future__ import annotations

import csv
import io
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest
from reviews import REVIEWS

from simulator.data.cleaning import Cleaning
from simulator.data.columns import Columns
from simulator.data.data_error import DataError
from simulator.data.datasets import dataset_of
from simulator.data.sources import read_file

ODD_CELLS: tuple[Any, ...] = (
    *(
        None,
        "",
        " ",
        0,
        1,
        1.0,
        -0.5,
        2**70,
        1e300,
        True,
        "1.0",
        "NaN",
        "null",
        "a\nb",
        'a"b',
        "a,b",
        "a;b",
        "\x00",
        "\ud800",
    ),
    *([], {}, [[]], ["good"], ["good", "bad"], [None], [["a", "b"]], {"choices": ["good"]}, {"choices": "good"}),
    *(
        {"choices": []},
        {"choices": [["a"]]},
        {"taxonomy": [["a", "b"]]},
        {"rating": 3},
        {"label": "good"},
        [{"choices": ["bad"]}],
    ),
    *(
        '["good"]',
        "['good']",
        "['good' 'bad']",
        "('good',)",
        "b'good'",
        "[",
        "{",
        '{"choices"',
        "{'a': 1}",
        "[1]",
        "array([1])",
    ),
)
ENCODINGS = ("utf-8-sig", "utf-16", "utf-16-le", "utf-32", "latin-1", "cp1251")


def csv_bytes(rows: list[dict[str, Any]], rng: random.Random) -> bytes:
    file = io.StringIO(newline="")
    names = list(dict.fromkeys(name for row in rows for name in row))
    style = {"delimiter": rng.choice(",;\t|"), "lineterminator": rng.choice(["\n", "\r\n"])}
    writer = csv.DictWriter(file, names, quoting=rng.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]), **style)
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue().encode("utf-8", "surrogatepass")


def jsonl_bytes(rows: list[dict[str, Any]], rng: random.Random) -> bytes:
    ascii_only = rng.random() < 0.5
    lines = (json.dumps(row, ensure_ascii=ascii_only) for row in rows)
    return "\n".join(lines).encode("utf-8", "surrogatepass")


def json_bytes(rows: list[dict[str, Any]], rng: random.Random) -> bytes:
    return json.dumps(rows, indent=rng.choice([None, 1])).encode()


def export_bytes(rows: list[dict[str, Any]], rng: random.Random) -> bytes:
    def value(label: Any) -> Any:
        return {"choices": [label]} if isinstance(label, str) else label

    tasks = [
        {
            "id": rng.choice([i, i, i, None, "x", {}]),
            "data": {"text": row.get("text")},
            "annotations": rng.choices(
                [
                    [{"result": [{"from_name": "label", "type": "choices", "value": value(row.get("label"))}]}],
                    [],
                    None,
                    3,
                    [4],
                ],
                weights=[20, 1, 1, 0.2, 1],
            )[0],
        }
        for i, row in enumerate(rows)
    ]
    return json.dumps(tasks).encode()


def parquet_bytes(rows: list[dict[str, Any]], rng: random.Random) -> bytes:
    texts = [{k: v if isinstance(v, str) and v != "\ud800" else None for k, v in row.items()} for row in rows]
    table = pd.DataFrame(texts)
    if rng.random() < 0.5 and "label" in table:
        table["label"] = [
            label if isinstance(label, list) and all(isinstance(v, str) for v in label) else [text]
            for label, text in zip([row.get("label") for row in rows], table["label"], strict=True)
        ]
    return table.to_parquet()


def workbook_bytes(rows: list[dict[str, Any]], rng: random.Random) -> bytes:
    book, file = openpyxl.Workbook(), io.BytesIO()
    for row in [["text", "label"], *([r.get("text"), r.get("label")] for r in rows)]:
        book.active.append(
            [v if isinstance(v, (str, int, float)) and not {"\x00", "\ud800"} & {str(v)} else None for v in row]
        )
    book.save(file)
    return file.getvalue()


WRITERS: dict[str, Callable[[list[dict[str, Any]], random.Random], bytes]] = {
    "mine.csv": csv_bytes,
    "mine.tsv": csv_bytes,
    "mine.jsonl": jsonl_bytes,
    "mine.json": json_bytes,
    "export.json": export_bytes,
    "mine.parquet": parquet_bytes,
    "mine.xlsx": workbook_bytes,
}


def changed_rows(rng: random.Random) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = [{"text": text, "label": label} for text, label in REVIEWS]
    for _ in range(rng.choice([0, 0, 1, 2])):
        row = rng.choice(rows)
        row[rng.choice(["label", "label", "text", "split", "text_pair", "data", "odd"])] = rng.choice(ODD_CELLS)
    if rng.random() < 0.1:
        del rng.choice(rows)[rng.choice(["text", "label"])]
    return rows


def changed_bytes(content: bytes, rng: random.Random) -> bytes:
    kind = rng.choice(["none", "none", "cut", "byte", "line", "repeat", "insert", "encoding"])
    place = rng.randrange(len(content) + 1)
    if kind == "cut":
        return content[:place]
    if kind == "byte":
        return content[:place] + bytes([rng.randrange(256)]) + content[place + 1 :]
    if kind == "insert":
        return (
            content[:place]
            + rng.choice([b'"', b"'", b",", b"\n", b"{", b"]", b"\\", b"\xff\xfe", b"\x00"])
            + content[place:]
        )
    if kind in ("line", "repeat"):
        lines = content.split(b"\n")
        i, j = rng.randrange(len(lines)), rng.randrange(len(lines))
        return b"\n".join([*lines[:i], *([lines[j]] if kind == "repeat" else []), *lines[i + (kind == "line") :]])
    if kind == "encoding":
        return content.decode("utf-8", "replace").encode(rng.choice(ENCODINGS), "replace")
    return content


def is_written_in(name: str, content: bytes) -> bool:
    """Whether a class is text of the file, in one of the ways in which its formats write text."""
    texts = [content.decode(encoding, "replace") for encoding in ("utf-8", "utf-16", "utf-32")]
    texts += [text.replace('""', '"') for text in texts]
    forms = {name, json.dumps(name)[1:-1], json.dumps(json.dumps(name))[2:-2], f"{name}.0"}
    return any(form in text for text in texts for form in forms)


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("seed", range(2))
def test_a_changed_file_is_read_or_refused_with_a_sentence(tmp_path: Path, name: str, seed: int):
    rng = random.Random(f"{name} {seed}")
    path = tmp_path / name
    n_read = 0
    for _ in range(10 if name.endswith(".xlsx") else 60):
        rows = changed_rows(rng)
        written = WRITERS[name](rows, rng)
        is_packed = path.suffix in (".xlsx", ".parquet")
        # Hardly a change of its bytes leaves a packed file readable.
        path.write_bytes(written if is_packed and rng.random() < 0.7 else changed_bytes(written, rng))
        try:
            read = read_file(path, Columns())
            n_read += 1
            for label in set(read.table["label"]) - {None, "good", "bad", "a / b"}:
                assert not label.startswith(("['", '["', "{'", '{"', "('", "b'", "array(")), label
                cells = [json.dumps(row.get("label")) for row in rows]
                is_in_a_cell = any(json.dumps(label)[1:-1] in cell or cell in (label, f"{label}.0") for cell in cells)
                assert is_in_a_cell or (not is_packed and is_written_in(label, path.read_bytes())), label
            dataset_of(path.stem, read, Cleaning(), 0)
        except DataError as problem:
            message = str(problem)
            message.encode()
            assert "Traceback" not in message
            assert " object at 0x" not in message
    assert n_read > 3
