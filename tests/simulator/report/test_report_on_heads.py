"""Runs of two heads in one folder are told apart, and each is compared with random of the same head."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest
from synthetic_results import paper_like_gain, synthetic_quality, synthetic_results, write_results

from simulator.report import write_report
from simulator.report.analysis import Analysis
from simulator.report.plots import strategy_styles
from simulator.report.plots_labelling import minutes_figure
from simulator.report.recommendation import choose

GRID = {"datasets": ["sst2", "trec6"], "embeddings": ["minilm", "tfidf"], "strategies": ["random", "badge", "margin"]}
LEAD = 0.04


def plain() -> pd.DataFrame:
    return synthetic_results(**GRID, seeds=4, cycles=4, gain=paper_like_gain)


def two_heads() -> pd.DataFrame:
    named = plain().assign(head="named")
    named["accuracy"] = named["accuracy"] + LEAD
    return pd.concat([plain().assign(head="plain"), named], ignore_index=True)


@pytest.fixture(scope="module")
def analysis() -> Analysis:
    return Analysis(two_heads(), synthetic_quality(GRID["datasets"], GRID["embeddings"]), {})


def test_a_report_on_the_plain_head_is_the_same_with_and_without_the_column(tmp_path: Path):
    quality = synthetic_quality(GRID["datasets"], GRID["embeddings"])
    pages = [
        write_report([write_results(tmp_path / name, results, quality)]).read_bytes()
        for name, results in (("without", plain()), ("with", plain().assign(head="plain")))
    ]
    assert pages[0] == pages[1]
    assert b"named" not in re.sub(rb"<script.*?</script>", b"", pages[0], flags=re.DOTALL)


def test_both_heads_are_on_the_page_and_in_the_tables(tmp_path: Path):
    page = write_report([write_results(tmp_path, two_heads())]).read_text()
    assert "<dt>heads</dt><dd>2</dd>" in page
    assert "<dt>strategies</dt><dd>3</dd>" in page
    assert "“(named)” after a strategy" in page
    wins = pd.read_csv(tmp_path / "tables" / "wins.csv")
    assert set(wins["strategy"]) == {f"{name}{head}" for name in GRID["strategies"] for head in ("", " (named)")}


def test_gains_are_relative_to_random_with_the_same_head(analysis: Analysis):
    gains = analysis.gains.mean()
    assert set(gains.index) == {"badge", "margin", "badge (named)", "margin (named)"}
    assert gains["badge (named)"] == pytest.approx(gains["badge"])


def test_the_heads_are_compared_in_pairs_and_the_better_one_is_recommended(analysis: Analysis):
    advice = {recommendation.about: recommendation for recommendation in choose(analysis).reasons}
    assert advice["Head"].headline == "named"
    means = [float(number) for number in re.findall(r"(?:named|plain) (\d+\.\d)", advice["Head"].numbers)]
    assert means[0] - means[1] == pytest.approx(100 * LEAD, abs=0.11)
    assert advice["Strategy"].headline.split(";")[0].endswith("(named)")
    assert choose(analysis).head == "named"
    assert choose(analysis).command.endswith(" --set class_names=auto")


def test_the_papers_findings_are_decided_on_the_plain_head(analysis: Analysis):
    of_plain = Analysis(plain(), synthetic_quality(GRID["datasets"], GRID["embeddings"]), {})
    assert str(analysis.findings) == str(of_plain.findings)


def test_results_of_the_named_head_alone_keep_the_names_of_the_strategies(tmp_path: Path):
    named = two_heads().query("head == 'named'")
    page = write_report([write_results(tmp_path, named)]).read_text()
    assert "<li>The head knows what the classes are called" in page
    assert "badge (named)" not in page


def test_planned_runs_of_a_head_that_has_none_yet_are_missing():
    record = {"heads": ["plain", "named"], "strategies": GRID["strategies"], "seeds": 4}
    missing = Analysis(plain(), None, record).audit.missing
    assert set(missing["strategy"]) == {f"{name} (named)" for name in GRID["strategies"]}


def test_a_strategy_has_one_colour_with_both_heads_and_another_dash():
    for name in ("random", "badge"):
        styles = strategy_styles([name, f"{name} (named)"])
        assert styles[name].color == styles[f"{name} (named)"].color
        assert styles[name].dash != styles[f"{name} (named)"].dash


def test_of_heads_with_equal_results_the_plain_one_is_recommended():
    alike = pd.concat([plain().assign(head=head) for head in ("named", "plain")], ignore_index=True)
    choice = choose(Analysis(alike, synthetic_quality(GRID["datasets"], GRID["embeddings"]), {}))
    assert choice.head == "plain"
    (reason,) = [reason for reason in choice.reasons if reason.about == "Head"]
    assert reason.headline == "plain; as good: named"


def test_the_legend_of_one_panel_is_not_wider_than_the_figure():
    names = ["uherding (named)", "uherding", "random (named)", "random"]
    index = pd.MultiIndex.from_product([["sst2"], names, range(3)], names=["dataset", "strategy", "cycle"])
    curves = pd.DataFrame({"minutes": 1.0, "accuracy": 0.5}, index=index)
    figure = minutes_figure(curves, names, names)
    figure.canvas.draw()
    legend = figure.legends[0].get_window_extent()
    assert figure.bbox.x0 <= legend.x0
    assert legend.x1 <= figure.bbox.x1
