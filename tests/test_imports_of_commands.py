"""Help and refusals of both command lines come before the libraries of arrays, models, figures and databases load."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ["datasets", "flask", "huggingface_hub", "joblib", "label_studio_sdk", "matplotlib", "numpy", "pandas"]
HEAVY += ["plotly", "pyarrow", "scipy", "sentence_transformers", "sklearn", "sqlalchemy", "torch", "transformers"]

PROGRAM = """
import json, sys
from importlib import import_module
from typer.testing import CliRunner
module, calls, heavy = json.load(sys.stdin)
app, runner = import_module(module).app, CliRunner()
calls += [[name, "--help"] for name in [c.name or c.callback.__name__ for c in app.registered_commands]]
for call in [["--help"], *calls]:
    done = runner.invoke(app, call)
    print(json.dumps([call, done.exit_code, " ".join(done.output.split()), [m for m in heavy if m in sys.modules]]))
"""

RUN = ["run", "--data", "small.csv", "--out", "out"]
ADVISE = ["advise", "--data", "small.csv"]
REFUSED_BY_SIMULATOR = [
    (["run", "--data", "small.csv"], "Missing option '--out'"),
    ([*RUN, "--strategies", "margn"], "unknown strategy 'margn': did you mean margin? Known: alfamix,"),
    ([*RUN, "--initial", "typiclut"], "unknown initial method 'typiclut': did you mean typiclust? Known: coreset,"),
    ([*RUN, "--embeddings", "minlm"], "unknown embedding 'minlm': did you mean minilm? Known: minilm,"),
    ([*RUN, "--embeddings", "none.npy"], "embedding 'none.npy': no such file"),
    ([*RUN, "--embeddings", "own=/none/model"], "embedding 'own=/none/model': no such folder"),
    ([*RUN, "--heads", "nmed"], "unknown head 'nmed': did you mean named? Known: plain, named"),
    ([*RUN, "--protocol", "lowbudget"], "unknown protocol 'lowbudget': did you mean low-budget? Known: default,"),
    ([*RUN, "--datasets", "smll"], "unknown dataset 'smll'; the file small.csv is called 'small'"),
    (["run", "--data", ".", "--datasets", "smll", "--out", "out"], "unknown dataset 'smll': did you mean small? Known"),
    (["run", "--datasets", "trec7", "--out", "out"], "unknown dataset 'trec7': did you mean trec6? Known: agnews,"),
    (["run", "--out", "out"], "no datasets: name some with --datasets"),
    (["run", "--data", "none.csv", "--out", "out"], "none.csv: no such file or folder"),
    (["run", "--data", "none.txt", "--out", "out"], "none.txt: no such file or folder"),
    (["run", "--data", "empty", "--out", "out"], "the folder empty has no file that can be read"),
    ([*RUN, "--class-descriptions", "none.json"], "none.json: no such file"),
    ([*RUN, "--label-config", "none.xml"], "none.xml: no such file"),
    ([*RUN, "--seeds", "ten"], "Input should be a valid integer"),
    ([*RUN, "--pool-size", "big"], "--pool-size takes a number"),
    ([*RUN, "--pool-size", "0"], "--pool-size and --test-size must be 1 or more, got 0"),
    ([*RUN, "--imbalance", "0.5"], "must be 1 or more, got 0.5"),
    ([*RUN, "--class-noise", "a=2"], "label noise must be a share from 0 to 1, got 2"),
    ([*RUN, "--text-column", "label"], "the column 'label' is named twice"),
    (["run", "--data", "small.csv", "--out", "other", "--cycles", "3"], "other holds results with protocol"),
    (["run", "--data", "small.csv", "--out", "small.csv"], "small.csv is a file: give --out a folder"),
    (["advise"], "give either --project (a number) or --data (a file), from which the labels are read"),
    (["advise", "--data", "none.csv"], "none.csv: no such file or folder"),
    (["advise", "--project", "1", "--label-column", "topic"], "--label-column and --label-config are for --data"),
    ([*ADVISE, "--strategies", "margn"], "unknown strategy 'margn': did you mean margin?"),
    ([*ADVISE, "--initial", "typiclut"], "unknown initial method 'typiclut': did you mean typiclust?"),
    ([*ADVISE, "--embeddings", "tf-idf"], "unknown embedding 'tf-idf': did you mean tfidf?"),
    ([*ADVISE, "--heads", "nmed"], "unknown head 'nmed': did you mean named?"),
    ([*ADVISE, "--seeds", "2"], "Input should be greater than or equal to 5"),
    (["report", "none"], "run `python -m simulator run --out none ...` first"),
    (["report", "empty"], "run `python -m simulator run --out empty ...` first"),
    (["live", "--project", "1", "--out", "out", "--data", "none.csv"], "none.csv: no such file or folder"),
]
REFUSED_BY_SERVICE = [
    (["connect", "one"], "Input should be a valid integer"),
    (["connect", "1", "--set", "strategy=margn"], "unknown strategy 'margn': did you mean margin? Known: alfamix,"),
    (["connect", "1", "--set", "stratgy=margin"], "unknown setting 'stratgy': did you mean strategy? Known: strategy,"),
    (["connect", "1", "--set", "batch_size=0"], "batch_size: Input should be greater than or equal to 1"),
    (["connect", "1", "--set", "strategy"], "--set takes name=value"),
    (["connect", "1", "--backend-url", "here"], "--backend-url must start with http:// or https://"),
    (["predict", "1"], "say --all to predict all open texts"),
    (["predict", "1", "--all", "--csv", "small.csv"], "small.csv exists: choose another file"),
    (["predict", "1", "--all", "--above", "90"], "is a confidence from 0 to 1"),
    (["export", "1", "."], ". exists and is not an exported model"),
    (["backup", "small.csv"], "small.csv already exists: name another file, or overwrite it with --force"),
    (["restore", "none.db"], "the file none.db does not exist"),
]


@pytest.mark.parametrize(
    ("module", "refused"),
    [("simulator.cli.app", REFUSED_BY_SIMULATOR), ("ml_backend.cli", REFUSED_BY_SERVICE)],
    ids=["simulator", "ml_backend"],
)
def test_help_and_refusals_load_no_arrays_models_figures_or_databases(
    tmp_path: Path, module: str, refused: list[tuple[list[str], str]]
):
    (tmp_path / "small.csv").write_text("text,label\na,b\n")
    (tmp_path / "empty").mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "run.json").write_text('{"protocol": {"cycles": 2}}')
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        input=json.dumps([module, [call for call, _ in refused], HEAVY]),
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env={**os.environ, "COLUMNS": "400", "PYTHONPATH": str(Path(__file__).parents[1])},
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    for call, status, said, loaded in answers:
        assert not loaded, f"`{' '.join(call)}` loads {', '.join(loaded)}"
        assert call[1:] != ["--help"] or f"Example: python -m {module.partition('.')[0]} {call[0]}" in said, said
        assert (status == 0) == ("--help" in call), f"`{' '.join(call)}` ends with {status}: {said}"
    told = {tuple(call): said for call, _, said, _ in answers}
    wrong = {" ".join(call): told[tuple(call)] for call, sentence in refused if sentence not in told[tuple(call)]}
    assert not wrong
    assert ("report" if module.startswith("simulator") else "serve", "--help") in told


def test_the_worker_processes_of_a_run_load_neither_tables_nor_models():
    code = "import json, sys, simulator.experiment.execution; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
    )
    assert set(HEAVY) & set(json.loads(done.stdout)) == {"numpy", "scipy"}
