"""Submitting runs to a leaderboard: what is added, where it stands, and what is refused with which words."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from small_texts import table
from synthetic_results import synthetic_results
from typer.testing import CliRunner

from simulator.analysis.result_folders import Setting
from simulator.cli.app import app
from simulator.leaderboard.runs import WHERE, described, measured

PAGE = (Path(__file__).parents[2] / "docs" / "strategies.md").read_text()
EXAMPLE = re.search(r"```python\n(# spread_margin.py.*?)```", PAGE, re.DOTALL)[1]
BOARD = Path("board.csv")


def in_one_line(text: str) -> str:
    return " ".join(text.split())


def run(strategies: str, out: str, *options: str) -> None:
    """Make runs; of an option that is given twice the last one counts."""
    words = (
        "run --data texts.csv --embeddings tfidf --initial-size 10 --batch-size 10 --cycles 3 --seeds 3 --cache cache"
    )
    command = [*words.split(), "--strategies", strategies, "--out", out, *options]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output


def submit(folder: str, *options: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["submit", folder, "--to", str(BOARD), *options])
    return done.exit_code, in_one_line(done.output)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders `published` (three strategies) and `mine` (random order and a file)."""
    folder = tmp_path_factory.mktemp("leaderboard")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        table(160).to_csv("texts.csv", index=False)
        Path("spread_margin.py").write_text(EXAMPLE)
        run("random,margin,entropy", "published")
        run("random,./spread_margin.py", "mine")
    return folder


@pytest.fixture
def board(folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pd.DataFrame:
    """A leaderboard with the published strategies, in a folder with copies of the runs."""
    shutil.copytree(folders, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    status, said = submit("published", "--extend", "--by", "first")
    assert (status, "3 rows added" in said) == (0, True), said
    return pd.read_csv(BOARD)


def test_a_row_holds_what_the_runs_measured(board: pd.DataFrame):
    results = pd.read_parquet("published/results.parquet")
    row = board.set_index("strategy").loc["margin"]
    areas = {
        (strategy, seed): np.trapezoid(part["accuracy"], part["n_labeled"]) / 30
        for (strategy, seed), part in results.groupby(["strategy", "seed"])
    }
    own = np.array([areas["margin", seed] for seed in range(3)])
    gains = own - [areas["random", seed] for seed in range(3)]
    assert row["area"] == pytest.approx(own.mean(), abs=1e-6)
    assert row["area_se"] == pytest.approx(own.std(ddof=1) / np.sqrt(3), abs=1e-6)
    assert (row["gain"], row["gain_se"]) == pytest.approx((gains.mean(), gains.std(ddof=1) / np.sqrt(3)), abs=1e-6)
    assert (row["early"] + row["middle"] + row["late"]) / 3 == pytest.approx(row["area"], abs=1e-6)
    curves = results.pivot_table("accuracy", "n_labeled", "strategy")
    assert row["final"] == pytest.approx(curves["margin"].iloc[-1], abs=1e-6)
    reached = curves.index[curves["margin"] >= curves["random"].iloc[-1]]
    if len(reached):
        assert reached[0] - 10 <= row["labels_to_random"] <= reached[0]
    else:
        assert np.isnan(row["labels_to_random"])
    assert (row["seeds"], row["cycles"], row["submitted_by"]) == (3, 3, "first")
    assert board["strategy"].tolist() == ["entropy", "margin", "random"]


def test_a_strategy_of_ones_own_is_added_with_its_place_and_submitted_again_changes_nothing(board: pd.DataFrame):
    status, said = submit("mine", "--by", "somebody")
    assert status == 0, said
    assert "1 row added to board.csv, which has 4." in said
    rows = pd.read_csv(BOARD).set_index("strategy")
    rank = int((rows["area"] > rows.loc["spread_margin", "area"]).sum()) + 1
    gain = 100 * rows.loc["spread_margin", "gain"]
    assert f"spread_margin: rank {rank} of 4 on 1 of 1 settings, {gain:+.2f} points over random order" in said
    reach = 4.302653 * 100 * rows.loc["spread_margin", "gain_se"]
    assert f"{gain - reach:+.2f} to {gain + reach:+.2f}" in said
    written = BOARD.read_bytes()
    assert submit("mine", "--by", "another")[0] == 0
    assert submit("published", "--extend", "--by", "another")[0] == 0
    assert BOARD.read_bytes() == written
    assert rows.loc["random", "submitted_by"] == "first"


def test_the_place_is_that_on_the_settings_of_the_folder(board: pd.DataFrame):
    run("random,margin", "starts", "--initial", "typiclust")
    status, said = submit("starts", "--extend")
    assert status == 0, said
    rows = pd.read_csv(BOARD).set_index(["strategy", "initial"])
    gain = 100 * rows.loc[("margin", "typiclust"), "gain"]
    assert f"margin: rank {1 if gain >= 0 else 2} of 2 on 1 of 2 settings, {gain:+.2f} points" in said
    assert f"margin {gain:+.2f}" in said.split("Points over random order")[1]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--pool-size", "80"], "the data of 'texts' differ: the folder has 80 texts in the pool"),
        (["--cycles", "2"], "the folder has cycles 2, and the leaderboard 3, on texts, tfidf: use the same --cycles"),
        (["--random-share", "0.5"], "the folder has options random_share=0.5, and the leaderboard none"),
        (["--seeds", "2"], "the leaderboard has 3 seeds of texts, tfidf, random, plain, and the folder 2"),
        (["--initial", "typiclust"], "the leaderboard has no initial 'typiclust'; it has random. With --extend"),
    ],
)
def test_runs_that_cannot_be_compared_are_refused_with_what_differs(board: pd.DataFrame, options: list[str], said: str):
    before = BOARD.read_bytes()
    run("random,margin", "other", *options)
    status, printed = submit("other")
    assert status == 1
    assert said in printed
    assert BOARD.read_bytes() == before


def test_the_oracle_is_no_strategy(board: pd.DataFrame):
    results = pd.read_parquet("published/results.parquet")
    oracle = results[results["strategy"] == "margin"].assign(strategy="oracle")
    pd.concat([results, oracle]).to_parquet("published/results.parquet")
    status, said = submit("published")
    assert (status, "has all rows" in said) == (0, True), said


def test_more_seeds_than_the_leaderboard_has_are_left_out(board: pd.DataFrame):
    run("random,margin", "longer", "--seeds", "4")
    status, said = submit("longer")
    assert (status, "has all rows" in said) == (0, True), said


def test_random_order_with_other_results_is_refused_with_the_versions_that_differ(board: pd.DataFrame):
    other = board.assign(area=board["area"] + 0.05 * (board["strategy"] == "random"))
    other["versions"] = other["versions"].str.replace(r"numpy [\d.]+", "numpy 1.0", regex=True)
    other.to_csv(BOARD, index=False)
    status, said = submit("mine")
    assert status == 1
    assert "random order, which both have with the same seeds, differs: area" in said
    assert "there: numpy 1.0." in said


def test_random_order_that_differs_by_rounding_is_the_same(board: pd.DataFrame):
    one_prediction = 1 / (board["test"].iloc[0] * 3)
    board.assign(final=board["final"] + one_prediction).to_csv(BOARD, index=False)
    assert submit("mine")[0] == 0


def test_another_strategy_of_the_same_name_is_refused(board: pd.DataFrame):
    assert submit("mine")[0] == 0
    Path("spread_margin.py").write_text(EXAMPLE.replace("4 * batch_size", "2 * batch_size"))
    run("random,./spread_margin.py", "changed")
    status, said = submit("changed")
    assert status == 1
    assert "has a strategy 'spread_margin' from another file" in said
    rows = pd.read_csv(BOARD, dtype=str, keep_default_na=False)
    rows.loc[rows["strategy"] == "margin", "area"] = "0.1"
    rows.to_csv(BOARD, index=False)
    status, said = submit("published")
    assert status == 1
    assert "the leaderboard has 'margin' with other results: area" in said


def test_runs_without_a_record_of_how_they_were_made_are_refused(board: pd.DataFrame):
    Path("mine/run.json").write_text('{"command": "python -m simulator run"}')
    status, said = submit("mine")
    assert (status, "mine has no run.json with datasets, protocol, versions" in said) == (1, True), said
    Path("mine/run.json").write_text("[]")
    status, said = submit("mine")
    assert (status, "it holds no object" in said) == (1, True), said


def test_folders_that_are_not_whole_are_refused(board: pd.DataFrame):
    run("margin", "alone")
    status, said = submit("alone")
    assert (status, "alone has no runs of random on texts, tfidf, random, plain" in said) == (1, True), said
    record = json.loads(Path("mine/run.json").read_text())
    record["calls"][-1]["grid"]["seeds"] = [0, 1, 2, 3]
    Path("mine/run.json").write_text(json.dumps(record))
    status, said = submit("mine")
    assert status == 1
    assert "2 runs of mine are missing, the first is random on texts, tfidf, seed 3" in said
    record["calls"][-1]["grid"] |= {"seeds": [0, 1, 2], "heads": ["named", "plain"]}
    Path("mine/run.json").write_text(json.dumps(record))
    status, said = submit("mine")
    assert (status, "6 runs of mine are missing" in said) == (1, True), said
    results = pd.read_parquet("alone/results.parquet").assign(strategy="oracle")
    results.to_parquet("alone/results.parquet")
    status, said = submit("alone")
    assert (status, "alone has no runs of strategies" in said) == (1, True), said


def test_a_leaderboard_is_begun_on_purpose_only_and_other_files_are_refused(board: pd.DataFrame):
    BOARD.unlink()
    status, said = submit("mine")
    assert (status, "board.csv does not exist" in said, BOARD.exists()) == (1, True, False)
    BOARD.write_text("a,b\n1,2\n")
    status, said = submit("mine")
    assert (status, "board.csv is no leaderboard of this version" in said) == (1, True)


def test_seeds_that_random_order_does_not_have_are_left_out():
    results = synthetic_results(["sst2"], ["minilm"], ["random", "margin"], ("random",), cycles=2).assign(head="plain")
    fewer = results[(results["strategy"] != "random") | (results["seed"] < 3)]
    data = {"fingerprint": "a", "classes": 2, "pool": 9, "test": 9}
    record = {"datasets": {"sst2": data}, "protocol": {}, "versions": {}}
    setting = Setting([], fewer, None, record, fewer)
    [about] = described(setting).to_dict("records")
    assert about["seeds"] == 3
    rows = measured(setting, {tuple(about[name] for name in WHERE): about["seeds"]})
    areas = fewer[fewer["seed"] < 3].groupby("strategy")["accuracy"].apply(lambda a: a.to_numpy().reshape(3, 3))
    wanted = {name: np.trapezoid(curves, dx=0.5).mean() for name, curves in areas.items()}
    assert rows.set_index("strategy")["area"].to_dict() == pytest.approx(wanted)
