"""Files of Label Studio: exports (JSON, JSON_MIN, CSV), older exports and the import format."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from reviews import REVIEWS, pairs

from ml_backend.labelstudio.label_config import parse
from ml_backend.labelstudio.texts import BadTask
from simulator.data.columns import Columns
from simulator.data.data_error import DataError
from simulator.data.datasets import load
from simulator.data.sources import read_file
from simulator.data.text_reading import text_of_value

TOPIC = (
    '<View><Text name="t" value="$text"/><Choices name="topic" toName="t">'
    '<Choice value="good"/><Choice value="bad"/></Choices></View>'
)


def text_problem(value: str) -> str:
    with pytest.raises(BadTask) as problem:
        text_of_value(value)
    return str(problem.value)


def answered(*choices: str, control: str = "topic") -> list[dict[str, Any]]:
    return [{"from_name": control, "to_name": "text", "type": "choices", "value": {"choices": list(choices)}}]


def task(number: int, text: Any, *annotations: Any) -> dict[str, Any]:
    return {"id": 100 + number, "data": {"text": text}, "annotations": list(annotations)}


def annotation(choice: str, by: int = 1, **other: Any) -> dict[str, Any]:
    return {"id": by, "completed_by": by, "result": answered(choice), "was_cancelled": False} | other


def write(folder: Path, content: Any, name: str = "mine.json") -> Path:
    path = folder / name
    path.write_text(json.dumps(content))
    return path


EXPORT = [task(i, text, annotation(label)) for i, (text, label) in enumerate(REVIEWS)]


def test_the_import_format_needs_no_ids(tmp_path: Path):
    content = [{"data": {"text": text}, "annotations": [{"result": answered(label)}]} for text, label in REVIEWS]
    assert pairs(write(tmp_path, content)) == REVIEWS
    content[0]["annotations"] = [{"result": answered(choice)} for choice in ("bad", "good", "bad")]
    assert pairs(write(tmp_path, content))[0] == (REVIEWS[0][0], "bad"), "each is another annotator's"


def test_older_exports_have_completions(tmp_path: Path):
    old = [
        {
            "id": i,
            "data": entry["data"],
            "completions": [{"id": 1, "created_at": 1585000000, "result": answered(label)}],
        }
        for i, (entry, (_, label)) in enumerate(zip(EXPORT, REVIEWS, strict=True))
    ]
    old.append(task(99, "skipped", {"id": 7, "result": [], "skipped": True}))
    read = read_file(write(tmp_path, old), Columns())
    assert list(zip(read.table["text"], read.table["label"], strict=True)) == REVIEWS
    assert read.notes == ("left out: 1 task that all annotators skipped (the first: task 199 (item 21))",)


def test_what_the_service_leaves_out_of_an_export_is_left_out_and_counted(tmp_path: Path):
    others = [
        task(20, "not annotated"),
        task(21, "skipped", annotation("good", was_cancelled=True)),
        task(22, "tie", annotation("good", 1), annotation("bad", 2)),
        task(23, "no class", annotation("good", result=[])),
        task(24, "unreadable", annotation("good", result=5)),
        task(25, "unreadable", "not an annotation"),
        task(26, "", annotation("good")),
        task(27, {"author": "x"}, annotation("good")),
        task(
            28, "newest", annotation("good", updated_at="2026-01-02"), annotation("bad", id=2, created_at="2026-01-01")
        ),
    ]
    read = read_file(write(tmp_path, [*EXPORT, *others]), Columns())
    assert list(zip(read.table["text"], read.table["label"], strict=True)) == [*REVIEWS, ("newest", "good")]
    assert (read.table.index.name, read.table.index.tolist()) == ("item", [*range(1, 21), 29])
    [note] = read.notes
    for part in (
        "1 task without an annotation (the first: task 120 (item 21))",
        "1 task that all annotators skipped (the first: task 121 (item 22))",
        "1 task whose annotators disagree evenly (the first: task 122 (item 23))",
        "1 task submitted without a class (the first: task 123 (item 24))",
        "2 annotations that cannot be read (the first: task 124 (item 25): ",
        "2 tasks whose text cannot be used (the first: task 126 (item 27): the text is empty",
    ):
        assert part in note


def test_inner_nodes_of_a_taxonomy_are_classes_as_in_the_service(tmp_path: Path):
    xml = (
        '<View><Text name="t" value="$text"/><Taxonomy name="cat" toName="t" maxUsages="1"><Choice value="Media">'
        '<Choice value="Web"/></Choice><Choice value="Other"/></Taxonomy></View>'
    )
    paths = [["Media"], ["Media"], ["Media", "Web"], ["Media", "Web"], ["Other"], ["Other"]]
    content = [
        task(
            i,
            f"note {i}",
            annotation("", result=[{"from_name": "cat", "type": "taxonomy", "value": {"taxonomy": [p]}}]),
        )
        for i, p in enumerate(paths)
    ]
    path = write(tmp_path, content)
    expected = [(f"note {i}", " / ".join(p)) for i, p in enumerate(paths)]
    assert pairs(path) == pairs(path, label_config=parse(xml)) == expected


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ([*EXPORT, task(20, "b", annotation("bad", result=answered("bad", "urgent")))],
            r"task 120 \(item 21\) has several classes \(bad, urgent\) of 'topic'; several classes for one"),
        ([*EXPORT, {"id": 5, "annotations": []}], "item 21 has no object under 'data'"),
        ([*EXPORT, {"data": ["a"], "annotations": []}], "item 21 has no object under 'data'"),
        ([*EXPORT, task(20, "b") | {"annotations": {"a": 1}}], r"annotations of task 120 \(item 21\) are \{\"a\": 1\}"),
        ([{"data": {"text": "a"}, "predictions": [{"result": answered("good")}]}],
            "holds tasks with predictions but no annotations, and a prediction is not a label: label some"),
        ([*EXPORT, task(20, "b", annotation("['good']"))], r"task 120 \(item 21\) names the class \['good'\], the"),
        ([{"data": {"text": "a"}}], "holds tasks with no annotations: label some tasks first .* they have: text"),
        ([task(1, "a", annotation("x", was_cancelled=True))], "label some tasks first"),
        ([task(1, "", annotation("x"))], r"no label that can be used: left out: 1 task whose text cannot be used"),
        ([*EXPORT, task(1, "a", annotation("x", result=answered("x", control="tone")))],
            "several controls, 'tone', 'topic': choose one with --control"),
    ],
)  # fmt: skip
def test_an_export_that_cannot_be_used_is_refused_with_the_reason(tmp_path: Path, content: list, reason: str):
    with pytest.raises(DataError, match=rf"mine.json.*{reason}"):
        pairs(write(tmp_path, content))


def test_tasks_without_annotations_may_hold_their_labels_in_their_data(tmp_path: Path):
    content = [{"id": 1, "data": {"text": text, "gold": label}} for text, label in REVIEWS]
    assert pairs(write(tmp_path, content), label="gold") == REVIEWS


def exported(folder: Path, rows: list[dict[str, Any]], kind: str) -> Path:
    """What Label Studio writes in the format JSON_MIN, CSV or TSV."""
    added = {"annotator": 1, "created_at": "", "updated_at": "", "lead_time": 1.5}
    rows = [added | {"id": i, "annotation_id": 500 + i} | row for i, row in enumerate(rows)]
    path = folder / f"mine.{kind}"
    if kind == "json":
        path.write_text(json.dumps(rows))
        return path
    names = sorted({name for row in rows for name in row})
    with path.open("w", encoding="utf8") as file:
        writer = csv.DictWriter(
            file, fieldnames=names, quoting=csv.QUOTE_NONNUMERIC, delimiter="\t" if kind == "tsv" else ","
        )
        writer.writeheader()
        writer.writerows({k: v if isinstance(v, str) else json.dumps(v) for k, v in row.items()} for row in rows)
    return path


@pytest.mark.parametrize("kind", ["json", "csv", "tsv"])
def test_rows_of_an_export_are_annotations_and_the_majority_of_a_task_decides(tmp_path: Path, kind: str):
    rows = [{"text": text, "topic": label} for text, label in REVIEWS]
    rows += [{"id": 0, "annotator": by, "text": REVIEWS[0][0], "topic": "bad"} for by in (2, 3)]
    rows += [{"id": 1, "annotator": 2, "text": REVIEWS[1][0], "topic": "bad"}]
    rows += [{"id": 2, "annotator": 1, "text": REVIEWS[2][0], "topic": "bad", "updated_at": "2026"}]
    rows += [{"id": 77, "text": "exported without an annotation", "annotation_id": None}]
    rows += [{"text": "s3://bucket/a.txt", "topic": "bad"}, {"text": "", "topic": "bad"}]
    read = read_file(exported(tmp_path, rows, kind), Columns(label="topic"))
    texts = dict(zip(read.table["text"], read.table["label"], strict=True))
    expected = dict(REVIEWS) | {REVIEWS[0][0]: "bad", REVIEWS[2][0]: "bad"}
    del expected[REVIEWS[1][0]]
    assert texts == expected
    link = text_problem("s3://bucket/a.txt")
    place = "item 25" if kind == "json" else "line 26"
    assert read.notes == (
        f"left out: 1 task without an annotation (the first: task 77 ({place})); 1 task whose annotators disagree "
        f"evenly (the first: task 1 ({place.replace('25', '2').replace('26', '3')})); 2 tasks whose text cannot be "
        f"used (the first: task 25 ({place.replace('25', '26').replace('line 26', 'line 27')}): {link})",
    )


def test_several_choices_in_an_exported_cell_are_refused(tmp_path: Path):
    lines = ["annotator,id,topic,text", "1,1,good,a", '1,2,"{""choices"": [""good"", ""urgent""]}",b']
    path = tmp_path / "export.csv"
    path.write_text("\n".join(lines))
    with pytest.raises(DataError, match=r'label of line 3 is \{"choices": \["good", "urgent"\]\}: several classes'):
        pairs(path, label="topic")


def test_an_export_with_a_column_label_says_that_another_one_may_have_the_answers(tmp_path: Path):
    def notes(*fields: str, **columns: object) -> str:
        rows = [{"text": text, "label": label} | dict.fromkeys(fields, label) for text, label in REVIEWS]
        return " ".join(read_file(exported(tmp_path, rows, "csv"), Columns(**columns)).notes)

    assert "the column 'label' is read as the answers; if it is a field" in notes("topic")
    assert "--control (other columns: topic)" in notes("topic")
    for said in (notes(), notes("topic", control="topic"), notes("topic", control="label"), notes("_data_label")):
        assert "is read as the answers" not in said


def test_a_control_that_the_file_does_not_have_is_not_replaced_by_a_field(tmp_path: Path):
    rows = [{"text": text, "topic": label, "label": "a field"} for text, label in REVIEWS]
    path = exported(tmp_path, rows, "csv")
    assert pairs(path, control="topic") == REVIEWS
    with pytest.raises(DataError, match=r"no column 'topik'; it has: .*topic.*Name the right one with --control"):
        pairs(path, control="topik")


def test_a_field_of_the_name_of_a_control_is_the_text_of_an_export(tmp_path: Path):
    rows = [{"text": label, "_data_text": text} for text, label in REVIEWS]
    assert pairs(exported(tmp_path, rows, "csv"), control="text") == REVIEWS
    shown = TOPIC.replace('name="topic"', 'name="text"')
    assert pairs(exported(tmp_path, rows, "csv"), label_config=parse(shown)) == REVIEWS
    with pytest.raises(DataError, match="the column 'text' would be both text and label"):
        pairs(exported(tmp_path, [{"text": label} for _, label in REVIEWS], "csv"), control="text")


@pytest.mark.parametrize("kind", ["json", "csv"])
def test_with_a_label_config_texts_and_answers_are_those_of_the_service(tmp_path: Path, kind: str):
    shown = parse(TOPIC.replace("<Text", "<HyperText").replace('value="good"', 'value="good" alias="+"'))
    rows = [
        {"text": f"<p>{text}<script>x</script></p>", "topic": "+" if label == "good" else label}
        for text, label in REVIEWS
    ]
    export = [task(i, row["text"], annotation(row["topic"])) for i, row in enumerate(rows)]
    path = write(tmp_path, export) if kind == "json" else exported(tmp_path, rows, kind)
    aliased = [(text, "+" if label == "good" else label) for text, label in REVIEWS]
    assert pairs(path, label_config=shown) == aliased
    [note] = read_file(path, Columns(label="topic")).notes
    assert note.startswith("100% of the texts hold HTML")
    assert "--label-config" in note


def test_a_class_of_the_label_config_may_look_like_a_list_or_a_number(tmp_path: Path):
    names = ["['a']", "1", "1.0"]
    choices = "".join(f'<Choice value="{name}"/>' for name in names)
    config = parse(f'<View><Text name="t" value="$text"/><Choices name="topic" toName="t">{choices}</Choices></View>')
    path = exported(tmp_path, [{"text": f"text {name}", "topic": name} for name in names], "csv")
    assert pairs(path, label_config=config) == [(f"text {name}", name) for name in names]


def test_classes_that_the_label_config_does_not_have_are_named(tmp_path: Path):
    export = [*EXPORT, task(20, "x", annotation("odd"))]
    read = read_file(write(tmp_path, export), Columns(label_config=parse(TOPIC)))
    assert read.notes == (
        "left out: 1 task submitted without a class (the first: task 120 (item 21): choices such as 'odd' are no "
        "classes of the label config)",
    )
    rows = [{"text": "a", "topic": "good"}, {"text": "b", "topic": "odd"}]
    with pytest.raises(DataError, match=r"label of line 3 is odd, which is no class of 'topic' .* classes: good, bad"):
        pairs(exported(tmp_path, rows, "csv"), label_config=parse(TOPIC))


def test_a_label_config_with_several_classes_for_one_text_is_refused(tmp_path: Path):
    several = parse(TOPIC.replace("<Choices", '<Choices choice="multiple"'))
    with pytest.raises(DataError, match="'topic' allows several classes for one text"):
        pairs(write(tmp_path, EXPORT), label_config=several)


def test_notes_of_a_file_are_those_of_its_dataset(tmp_path: Path):
    dataset = load("mine", write(tmp_path, [*EXPORT, task(20, "not annotated")]))
    assert dataset.notes == ("left out: 1 task without an annotation (the first: task 120 (item 21))",)
