"""Names and messages are printed literally: brackets in them are not taken for markup."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import typer
from rich.console import Console
from small_texts import table
from typer.testing import CliRunner

from ml_backend.learning.defaults import DEFAULT_INITIAL, DEFAULT_STRATEGY
from simulator.advise.advice import ComparedCombination, Difference, Verdict
from simulator.advise.combination import Combination
from simulator.advise.recommendation import recommend
from simulator.advise.replay import Labelled, TooFewLabels, check_enough
from simulator.cli.advice_table import show
from simulator.cli.app import app
from simulator.cli.console import fail
from simulator.cli.progress import TerminalProgress
from simulator.cli.run import print_outcome
from simulator.experiment.execution import Failure
from simulator.experiment.runner import ExperimentOutcome

ODD = 'pip install "label-studio-active-learning[hub]" [/INST] [red] :warning: \\[x]'


def in_one_line(printed: str) -> str:
    return " ".join(printed.split())


def test_the_message_of_a_failure_is_printed_literally(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(typer.Exit):
        fail(ODD)
    assert in_one_line(capsys.readouterr().err) == f"✗ {ODD}"


def test_failed_runs_and_their_traces_are_printed_literally(capsys: pytest.CaptureFixture[str]):
    status = print_outcome(ExperimentOutcome(0, 0, {"mail [/b]": Failure(ODD, f"trace {ODD}")}), Path("[out]"))
    printed = capsys.readouterr()
    assert status == 1
    assert "results in [out]" in in_one_line(printed.out)
    assert f"✗ mail [/b]: {ODD}" in in_one_line(printed.err)
    assert f"trace {ODD}" in in_one_line(printed.err)


def test_a_failure_names_its_dataset_once(capsys: pytest.CaptureFixture[str]):
    failed = {"mails": Failure("mails: 2 rows without a label"), "other": Failure("other has one class only")}
    print_outcome(ExperimentOutcome(0, 0, failed), Path("out"))
    assert capsys.readouterr().err.splitlines()[:2] == ["✗ mails: 2 rows without a label", "✗ other has one class only"]


def compared(*combination: str, verdict: Verdict = Verdict.IN_USE) -> ComparedCombination:
    over = Difference(-0.1234567, -0.2, 0, *[-0.1234567] * 3)
    return ComparedCombination(Combination(*combination), 0.6543, 0.5, over, over, 0.1234567, verdict, 0.5)


def shown(advice: list[ComparedCombination], width: int, classes: tuple[str, str] = ("x", "y")) -> str:
    console = Console(file=io.StringIO(), width=width)
    recommendation = recommend(advice, has_class_names=True)
    show(console, Labelled(["a", "b"], np.array([0, 1]), classes), advice, recommendation, None)
    return str(console.file.getvalue())


def test_progress_and_advice_are_printed_literally():
    console = Console(file=io.StringIO(), width=1000)
    TerminalProgress(console).say(ODD)
    assert ODD in console.file.getvalue()
    folder = "models/[/INST]"
    advice = [
        compared(folder, "margin", "random", "plain"),
        compared("m", "margin", "random", "plain", verdict=Verdict.WORSE),
    ]
    assert shown(advice, 1000, ("[/INST]", "x")).count(folder) >= 3, "in the recommendation, its line and the table"


@pytest.mark.parametrize("heads", [["plain"], ["plain", "named"]])
def test_no_number_of_the_advice_is_cut_short_on_a_narrow_terminal(heads: list[str]):
    long, verdicts = "random-projection", [Verdict.IN_USE, Verdict.NOT_CLEAR]
    advice = [
        compared(long, "typiclust", "typiclust", head, verdict=v) for head, v in zip(heads, verdicts, strict=False)
    ]
    printed = shown([*advice, compared("minilm", "margin", "random", "plain", verdict=Verdict.WORSE)], 80)
    assert "…" not in printed
    rows = printed[printed.index("────") :]
    assert rows.count("50%") == len(heads) + 1, "the last column of each row"
    assert rows.count("-12.3") >= 2 * len(heads) + 1
    line = next(line for line in printed.splitlines() if "ml_backend connect" in line)
    assert line.endswith("--set class_names=off"), "a line to paste is not broken"


def test_a_class_with_brackets_does_not_break_the_command(tmp_path: Path):
    content = table(40)
    content.loc[content.split == "test", "label"] = "[/INST]"
    content.to_csv(tmp_path / "mine.csv", index=False)
    done = CliRunner().invoke(app, ["run", "--data", str(tmp_path / "mine.csv"), "--out", str(tmp_path / "out")])
    assert done.exit_code == 1
    assert "the label '[/INST]' occurs in the test split only" in in_one_line(done.stderr)


@pytest.mark.parametrize(("command", "words"), [("run", "all of --data]"), ("live", "LABEL_STUDIO_API_KEY]")])
def test_help_shows_defaults_that_are_described_in_words(command: str, words: str):
    assert f"[default: {words}" in in_one_line(
        CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "200"}).stdout
    )


def test_few_seeds_are_refused_before_anything_is_replayed(tmp_path: Path):
    pd.DataFrame({"text": ["a"], "label": ["b"]}).to_csv(tmp_path / "mine.csv", index=False)
    done = CliRunner().invoke(app, ["advise", "--data", str(tmp_path / "mine.csv"), "--seeds", "4"])
    assert done.exit_code == 2
    assert "equal to 5" in in_one_line(done.stderr)


def test_run_and_advise_compare_the_default_strategy_and_start():
    def default(command: str, option: str) -> list[str]:
        parameters = typer.main.get_command(app).commands[command].params
        return next(p.default for p in parameters if option in p.opts).split(",")

    assert default("run", "--strategies") == ["random", DEFAULT_STRATEGY]
    assert {"random", DEFAULT_STRATEGY, "margin", "entropy", "badge", "typiclust"} == set(
        default("advise", "--strategies")
    )
    assert DEFAULT_INITIAL in default("advise", "--initial")
    with pytest.raises(TooFewLabels, match=f"Go on with {DEFAULT_STRATEGY} and a {DEFAULT_INITIAL} start"):
        check_enough(np.arange(60) % 3)
