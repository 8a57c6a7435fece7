"""Sections on classes, minutes, confidence and number of seeds; results without their columns."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from synthetic_results import synthetic_results, write_results
from typer.testing import CliRunner

from simulator.cli.app import app
from simulator.experiment.results import DETAILS
from simulator.report import write_report
from simulator.report.analysis import Analysis
from simulator.report.tables_labelling import classes_in_words
from simulator.report.words_labelling import classes_seen, minutes_seen, reliability_seen

GRID = {"datasets": ["sst2", "trec6"], "embeddings": ["minilm"], "strategies": ["random", "badge", "margin"]}
OURS = ["classes", "minutes", "reliability"]


def results(gain: float = 0.0, noise: float = 0.004) -> pd.DataFrame:
    table = synthetic_results(
        **GRID,
        initials=("random",),
        seeds=3,
        cycles=3,
        gain=lambda strategy, d, q: gain * (strategy == "badge"),
        noise=noise,
    )
    return table.assign(
        confidence=table["accuracy"] + 0.05 * (table["strategy"] == "margin"),
        rarest_recall=np.where(table["strategy"] == "badge", 0.75, 0.5),
        classes_seen=2.0 + (table["cycle"] > (table["strategy"] != "badge")),
        classes_seen_5=2.0,
        words=table["n_labeled"] * np.where(table["strategy"] == "margin", 40.0, 12.0),
    )


def sections(page: Path) -> dict[str, str]:
    found = re.findall(r'<section id="([^"]+)">(.*?)</section>', page.read_text(), flags=re.DOTALL)
    return {name: re.sub(r"<[^>]+>|\s+", " ", text) for name, text in found}


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report([write_results(tmp_path_factory.mktemp("reported"), results(gain=0.05))])


def test_each_section_says_what_its_numbers_show(reported: Path):
    page = sections(reported)
    assert "every class has a label first with badge, and last with margin and random." in page["classes"]
    assert "mean over datasets: badge 0.75, random 0.50" in page["classes"]
    assert "At 240 words a minute and 2 s per label" in page["minutes"]
    assert "margin picks the longest texts, 40.0 words on average" in page["minutes"]
    assert re.search(r"from [+−]0.0 points \((badge|random)\) to \+5.0 points \(margin\)", page["reliability"])
    assert re.search(r"badge is the best strategy of all 3 seeds. .* by number of seeds: \d+ % for 1", page["ranking"])
    assert "heat-map" in page
    tables = {path.stem for path in (reported.parent / "tables").glob("*.csv")}
    assert {"classes_seen", "minutes", "ranking_stability"} <= tables
    assert pd.read_csv(reported.parent / "tables" / "minutes.csv")["words_per_label"].isin([12, 40]).all()


def test_results_without_these_columns_have_no_such_sections(tmp_path: Path):
    older = results().drop(columns=DETAILS)
    page = sections(write_report([write_results(tmp_path / "older", older)]))
    assert not {*OURS} & {*page}
    assert {"heat-map", "ranking"} <= {*page}
    empty = results().assign(**dict.fromkeys(DETAILS, np.nan))
    assert not {*OURS} & {*sections(write_report([write_results(tmp_path / "merged", empty)]))}
    newer = results()
    newer.loc[newer["seed"] == 0, DETAILS] = np.nan
    page = sections(write_report([write_results(tmp_path / "mixed", newer)]))
    assert not {"reliability", "minutes"} & {*page}, "means over runs with and without the columns would mislead"


def test_the_reading_speed_is_an_option(tmp_path: Path):
    folder = write_results(tmp_path / "out", results())
    speed = ["--words-per-minute", "100", "--seconds-per-label", "30"]
    assert CliRunner().invoke(app, ["report", str(folder), *speed]).exit_code == 0
    assert "At 100 words a minute and 30 s per label" in sections(folder / "report.html")["minutes"]
    table = pd.read_csv(folder / "tables" / "minutes.csv")
    assert table["random_minutes"].tolist() == pytest.approx([400 * (12 / 100 + 0.5)] * len(table))


def test_the_same_results_give_the_same_figures(tmp_path: Path):
    one, other = (write_report([write_results(tmp_path / name, results())]).parent / "figures" for name in "ab")
    for name in ("heat-map", "minutes", "rarest-class", "reliability", "curves-sst2-random"):
        assert (one / f"{name}.png").read_bytes() == (other / f"{name}.png").read_bytes()


def test_no_two_places_of_the_page_have_the_same_name(reported: Path):
    names = re.findall(r' id="([^"]+)"', reported.read_text())
    assert len(names) == len({*names})


def test_strategies_that_do_not_differ_are_not_called_first_and_last(tmp_path: Path):
    alike = results().assign(classes_seen=3.0, confidence=0.5, accuracy=0.5, ece=0.1, rarest_recall=0.5)
    page = sections(write_report([write_results(tmp_path, alike)]))
    assert "All strategies need equally many labels until every class has one." in page["classes"]
    assert "mean over datasets: 0.50 with all strategies." in page["classes"]
    assert "With all, from" not in page["reliability"]
    assert "badge, margin and random are each above the others in 0 % of comparisons" in page["wins"]
    assert "the ECE is the same with all strategies (0.100)." in page["calibration"]


def test_strategies_that_see_the_classes_equally_early_share_a_row(reported: Path):
    table = " ".join(sections(reported)["classes"].split())
    for dataset in GRID["datasets"]:
        assert f"{dataset} badge 3 200 100 – 0 {dataset} margin and random 3 300 100 – 0" in table
    one = classes_in_words(Analysis(results().query("strategy == 'badge'"), None, {}))
    assert set(one["strategy"]) == {"badge"}


def test_classes_that_no_strategy_reaches_are_not_said_to_be_reached():
    more_classes = {"datasets": {name: {"classes": 9} for name in GRID["datasets"]}}
    seen = classes_seen(Analysis(results(), None, more_classes))
    assert seen.startswith("With no strategy does the median run get a label of every class.")
    on_one = {"datasets": {"sst2": {"classes": 9}, "trec6": {"classes": 2}}}
    seen = classes_seen(Analysis(results().assign(classes_seen=3.0), None, on_one))
    assert "until every class has one on the datasets where the median run gets there." in seen


def test_random_can_have_the_longest_texts():
    long = results(gain=0.05)
    long.loc[long["strategy"] == "random", "words"] *= 10
    seen = minutes_seen(Analysis(long, None, {}))
    assert "random picks the longest texts, 120.0 words on average, badge the shortest, 12.0." in seen
    one = minutes_seen(Analysis(long[long["strategy"] != "margin"], None, {}))
    assert re.search(r"random ends, badge needs \d+ % of random's labels and \d+ % of its minutes\.", one)


def test_a_strategy_that_was_run_on_an_easy_dataset_only_is_not_called_the_best():
    easy = results(gain=0.05)
    easy.loc[(easy["strategy"] == "margin") & (easy["dataset"] == "trec6"), "rarest_recall"] = 1.0
    easy.loc[easy["strategy"] == "margin", "words"] = 1.0
    analysis = Analysis(easy[(easy["strategy"] != "margin") | (easy["dataset"] == "trec6")], None, {})
    for seen in (classes_seen(analysis), minutes_seen(analysis), reliability_seen(analysis)):
        assert re.search(r"Left out[^.]*: (strategy )?margin\.", seen)
        assert seen.count("margin") == 1
