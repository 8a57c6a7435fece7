"""What the commands say about the data that they read, and the label config of a file."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from small_texts import table
from typer.testing import CliRunner

from ml_backend.labelstudio.tasks import parse_tasks
from ml_backend.text_fields import FIELD_SEPARATOR
from simulator.advise.labels_so_far import of_project
from simulator.cli.app import app
from simulator.cli.arguments import read_label_config
from simulator.data.columns import Columns
from simulator.data.data_error import DataError
from simulator.data.sources import read_file

CONFIG = (
    '<View><HyperText name="t" value="$body"/><Choices name="label" toName="t">'
    '<Choice value="bill"/><Choice value="bug"/><Choice value="ship"/></Choices></View>'
)


def in_one_line(printed: str) -> str:
    return " ".join(printed.split())


@pytest.mark.parametrize("command", ["run", "advise"])
def test_help_names_the_formats_and_the_options_that_read_them(command: str):
    shown = in_one_line(CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "250"}).stdout)
    formats = ("CSV or TSV", "JSON lines", "Excel (.xlsx)", "JSON_MIN", "import format")
    for part in (*formats, "--label-config", "meta.title"):
        assert part in shown


@pytest.mark.parametrize("command", ["run --out out", "advise"])
@pytest.mark.parametrize("option", ["--strategies", "--embeddings", "--initial"])
def test_an_option_that_names_nothing_is_refused(
    command: str, option: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    table(40).to_csv("texts.csv", index=False)
    refused = CliRunner().invoke(app, [*command.split(), "--data", "texts.csv", option, " , "])
    assert refused.exit_code == 1
    assert f"{option} ' , ' names nothing: give one name or more" in in_one_line(refused.output)
    assert not Path("out").exists()


def test_run_says_what_was_chosen_in_a_file_and_what_was_left_out(tmp_path: Path):
    content = table(60)
    content.loc[3, "text"] = ""
    content.to_csv(tmp_path / "mine.csv", index=False, sep=";")
    options = ["--embeddings", "random-projection", "--strategies", "random", "--seeds", "1", "--initial-size", "6"]
    folders = ["--data", str(tmp_path / "mine.csv"), "--out", str(tmp_path / "out"), "--cache", str(tmp_path / "cache")]
    done = CliRunner().invoke(app, ["run", *folders, *options, "--batch-size", "6", "--cycles", "1", "--drop-empty"])
    assert done.exit_code == 0, done.output
    said = in_one_line(done.stderr)
    assert "mine: the cells are separated by the semicolon" in said
    assert "mine: left out: 1 row without a text (the first: line 5)" in said


def test_advise_says_what_it_left_out_and_reads_texts_by_the_label_config(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    content = table(122, split=False)
    rows = [{"body": f"<p>{row.text}</p>", "label": row.label} for row in content.itertuples()]
    rows[0]["label"], rows[1]["body"] = "", None
    (tmp_path / "mine.json").write_text(json.dumps(rows))
    (tmp_path / "config.xml").write_text(CONFIG)
    read = []

    def replayed(labelled: object, *_: object) -> pd.DataFrame:
        read.append(labelled)
        raise ValueError("stopped")

    monkeypatch.setattr("simulator.advise.replay.replay", replayed)
    options = ["--data", str(tmp_path / "mine.json"), "--label-config", str(tmp_path / "config.xml")]
    done = CliRunner().invoke(app, ["advise", *options])
    said = in_one_line(done.stderr)
    assert "left out: 1 row without a text (the first: item 2)" in said
    assert "left out: 1 row without a label (the first: item 1)" in said
    assert read[0].texts == content["text"].tolist()[2:]
    assert np.bincount(read[0].y).sum() == 120


TWO_CONTROLS = CONFIG.replace("</View>", f"{CONFIG[CONFIG.index('<Choices') :].replace('label', 'other')}").replace(
    "<Choices", '<Text name="u" value="$title"/><Choices', 1
)


def test_sentences_about_settings_name_the_options_of_the_command(tmp_path: Path):
    path, rows = tmp_path / "config.xml", tmp_path / "mine.json"
    path.write_text(TWO_CONTROLS)
    rows.write_text(json.dumps([{"body": "a", "label": "bill"}]))
    notes = " ".join(read_file(rows, Columns(label_config=read_label_config(path, None, "text"))).notes)
    assert "--control names another one" in notes
    assert "name one field with --text-column" in notes
    with pytest.raises(DataError, match=r"config\.xml: .* it has 'label', 'other': change --control"):
        read_label_config(path, "nope", "text")
    rows.write_text(json.dumps([{"body": "/data/upload/1/a.txt", "label": "bill"}]))
    with pytest.raises(DataError, match=r"name the fields to read with --text-column"):
        read_file(rows, Columns(label_config=read_label_config(path, None, "text")))


def project_of(rows: list[dict[str, str]], label_config: str) -> SimpleNamespace:
    """A client of a Label Studio with one project; the annotation of each task answers what its row has as `label`."""
    entries = [
        {"id": i, "data": row, "annotations": [{"id": i, "result": answered(row["label"])}]}
        for i, row in enumerate(rows, start=1)
    ]
    return SimpleNamespace(
        project=lambda _: SimpleNamespace(label_config=label_config),
        task_pages=lambda *_, **__: [SimpleNamespace(tasks=parse_tasks(entries))],
    )


def answered(choice: str) -> list[dict[str, object]]:
    return [{"from_name": "label", "to_name": "t", "type": "choices", "value": {"choices": [choice]}}]


def test_a_project_is_read_with_the_same_options(tmp_path: Path):
    rows = [{"body": f"<p>{i}</p>", "title": f"title {i}", "label": ("bill", "bug")[i % 2]} for i in range(6)]
    client = project_of(rows, TWO_CONTROLS)
    labelled = of_project(client, 3, Columns())
    assert labelled.texts[0] == FIELD_SEPARATOR.join(("0", "title 0"))
    assert "--control names another one" in " ".join(labelled.notes)
    linked = project_of([*rows, {"body": "s3://b/c", "title": "s3://b/d", "label": "bug"}], TWO_CONTROLS)
    assert "name the fields to read with --text-column" in of_project(linked, 3, Columns()).notes[-1]
    assert of_project(client, 3, Columns(text="title")).texts[0] == "title 0"
    with pytest.raises(DataError, match=r"project 3: .*change --control"):
        of_project(client, 3, Columns(control="nope"))
    (tmp_path / "config.xml").write_text(CONFIG)
    for option in (["--label-column", "x"], ["--label-config", str(tmp_path / "config.xml")]):
        done = CliRunner().invoke(app, ["advise", "--project", "3", *option])
        assert done.exit_code == 1
        assert "--label-column and --label-config are for --data" in in_one_line(done.stderr)


def test_a_text_column_is_read_instead_of_what_the_label_config_shows(tmp_path: Path):
    path = tmp_path / "config.xml"
    path.write_bytes(b"\xef\xbb\xbf" + CONFIG.encode())
    assert read_label_config(path, None, "text").fields == ("body",)
    assert read_label_config(path, None, "title").fields == ("title",)
    assert read_label_config(None, None, "title") is None
    with pytest.raises(DataError, match=r"gone.xml: no such file"):
        read_label_config(tmp_path / "gone.xml", None, "text")
