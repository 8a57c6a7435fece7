"""The report's page, figures and tables: complete, usable offline, and with missing runs named."""

from __future__ import annotations

import base64
import gzip
import json
import os
import re
import subprocess
import sys

import pandas as pd
import pytest
from synthetic_results import paper_like_gain, synthetic_quality, synthetic_results, write_results

from simulator.report import write_report
from simulator.report.analysis import Analysis
from simulator.report.recommendation import choose
from simulator.report.words import gain_seen, power_of_tests

DATASETS = ["banking77", "sst2", "trec6"]
EMBEDDINGS = ["minilm", "layer3", "tfidf"]
STRATEGIES = ["random", "margin", "badge", "entropy"]


def small(**grid):
    defaults = {"datasets": DATASETS, "embeddings": EMBEDDINGS, "strategies": STRATEGIES, "seeds": 3, "cycles": 4}
    return synthetic_results(**(defaults | {"gain": paper_like_gain} | grid))


@pytest.fixture(scope="module")
def reported(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reported")
    write_results(folder, small(), synthetic_quality(DATASETS, EMBEDDINGS))
    return write_report([folder])


def payload(page: str, name: str):
    packed = re.search(rf'id="{name}">([^<]+)<', page).group(1)
    return json.loads(gzip.decompress(base64.b64decode(packed)))


def test_page_loads_nothing_from_elsewhere(reported):
    page = reported.read_text()
    assert not re.findall(r"""(?:src|href)\s*=\s*["']?(?!data:|#)[^"'\s>]+""", page)
    assert not re.findall(r"url\(|@import|<link|<iframe", page)
    assert reported.stat().st_size < 6e6


def test_page_holds_every_section_and_the_choice_of_protocol(reported):
    page = reported.read_text()
    sections = "findings advice curves aulc wins ranks gain start quality cost calibration missing method"
    for section in sections.split():
        assert f'<section id="{section}">' in page
    assert "The protocol is our choice" in page
    assert "all 216 runs that the commands asked for are complete" in page
    assert "smallest two-sided p-value of the signed-rank test is 1/4" in page


def test_curves_on_the_page_are_the_means_of_the_results(reported):
    curves = payload(reported.read_text(), "curves-data")
    results = small()
    one = results[
        (results["dataset"] == "trec6")
        & (results["embedding"] == "tfidf")
        & (results["initial"] == "typiclust")
        & (results["strategy"] == "badge")
    ]
    middle, low, high = curves["curves"]["trec6/tfidf/typiclust/badge"]["accuracy"]
    assert middle == pytest.approx(one.groupby("cycle")["accuracy"].mean() * curves["scale"], abs=0.51)
    assert all(a <= b <= c for a, b, c in zip(low, middle, high, strict=True))
    assert curves["labels"]["trec6"] == [100, 200, 300, 400, 500]


def test_area_tables_mark_the_best_of_each_dataset(reported):
    areas = payload(reported.read_text(), "areas-data")
    for cells in areas["tables"].values():
        for strategies in cells.values():
            marks = {name: cell[1] for name, cell in strategies.items()}
            assert list(marks.values()).count("best") == 1
    pooled = areas["tables"]["accuracy/whole/all/all"]["trec6"]
    assert pooled["margin"][1:3] == ["best", 18]
    assert pooled["random"][1] == "worse"
    assert areas["tables"]["accuracy/whole/all/all"]["sst2"]["badge"][1] == "best"


def test_figures_and_tables_are_written_beside_the_page(reported):
    figures = {path.stem for path in (reported.parent / "figures").glob("*.png")}
    assert {"wins", "ranks", "gain", "start", "quality", "quality-by-budget", "cost", "calibration"} <= figures
    assert "curves-trec6-typiclust" in figures
    findings = pd.read_csv(reported.parent / "tables" / "findings.csv")
    assert len(findings) == 10
    wins = pd.read_csv(reported.parent / "tables" / "wins.csv")
    assert wins[["above", "tied", "below"]].sum(axis=1).tolist() == pytest.approx([1] * 12, abs=2e-4)


def test_missing_runs_are_listed_and_left_out(tmp_path):
    results = small(datasets=["sst2", "trec6"], embeddings=["minilm", "tfidf"], initials=("random",))
    absent = (results["strategy"] == "badge") & (results["seed"] == 2) & (results["dataset"] == "sst2")
    never = (results["embedding"] == "tfidf") & (results["dataset"] == "trec6")
    page = write_report([write_results(tmp_path, results[~absent & ~never])]).read_text()
    assert "Not all planned runs are complete" in page
    assert "2 of 36 planned runs are absent" in page
    assert re.search(r"<td>sst2</td><td>tfidf</td><td>random</td><td>badge</td><td>2</td><td>0 of 5</td>", page)
    missing = pd.read_csv(tmp_path / "tables" / "missing_runs.csv")
    assert set(missing["strategy"]) == {"badge"}
    pooled = payload(page, "areas-data")["tables"]["accuracy/whole/all/random"]["sst2"]
    # badge has 4 of 6 blocks, too few to be compared; the others keep theirs.
    assert pooled["badge"][1] == "partial"
    assert pooled["margin"][2] == 6


@pytest.mark.parametrize(
    "grid",
    [
        {"strategies": ["badge"], "initials": ("typiclust",), "seeds": 1},
        {"strategies": ["random", "badge"], "cycles": 0},
        {"strategies": ["random", "badge"], "seeds": 1},
    ],
    ids=["one of everything", "one cycle", "one dataset, one seed"],
)
def test_the_smallest_results_make_a_page(tmp_path, grid):
    results = small(**grid, datasets=["trec6"], embeddings=["minilm"])
    quality = synthetic_quality(["trec6"], ["minilm"])
    page = write_report([write_results(tmp_path, results, quality)]).read_text()
    assert '<section id="missing">' in page
    shown = re.sub(r"(?s)<script.*?</script>|base64,[^\"]+", "", page)
    assert not re.findall(r"\bnan\b", shown, re.IGNORECASE)


def test_runs_without_a_query_make_a_page(tmp_path):
    """As those do that measure what the class names alone are worth."""
    results = small(strategies=["random"], cycles=0).assign(n_labeled=0, query_seconds=0.0, head="named")
    assert '<section id="cost">' in write_report([write_results(tmp_path, results)]).read_text()


def test_one_strategy_beside_random_and_one_seed_are_not_many():
    analysis = Analysis(small(strategies=["random", "badge"], seeds=1), None, {})
    assert re.search(r"starts, badge gains \+\d\.\d points over random\.", gain_seen(analysis))
    assert "With 1 seed the smallest two-sided p-value of the signed-rank test is 1, so" in power_of_tests(analysis)


def test_advice_names_all_strategies_that_are_as_good_as_the_best():
    results = small(gain=lambda strategy, d, quality: {"badge": 0.03, "entropy": 0.03, "margin": 0.01}.get(strategy, 0))
    advice = {one.about: one for one in choose(Analysis(results, None, {})).reasons}
    assert {"badge", "entropy"} <= set(re.findall(r"\w+", advice["Strategy"].headline))
    assert "margin" not in advice["Strategy"].headline
    assert advice["Embedding"].headline == "minilm"
    assert advice["Start"].headline == "typiclust"


def test_results_that_cannot_be_used_are_named(tmp_path):
    with pytest.raises(ValueError, match=r"results\.parquet does not exist: run"):
        write_report([tmp_path])
    (tmp_path / "results.parquet").write_bytes(b"PAR1 broken")
    with pytest.raises(ValueError, match=r"results\.parquet cannot be read as Parquet"):
        write_report([tmp_path])


def test_the_diagram_of_ranks_is_drawn_the_same_in_every_process(tmp_path):
    """Its bars join names of a set, whose order depends on PYTHONHASHSEED."""
    program = """
import sys
from simulator.analysis.statistics import friedman
from simulator.report.plots import save
from simulator.report.plots_strategies import ranks_figure
import numpy as np
from pathlib import Path
values = np.random.default_rng(0).random((4, 8))
names = ["badge", "margin", "entropy", "random", "coreset", "bait", "tcm", "alfamix"]
save(ranks_figure([("over 4 datasets", names, friedman(values))]), Path(sys.argv[1]))
"""
    pictures = []
    for seed in ("1", "2"):
        path = tmp_path / f"{seed}.png"
        environment = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)}
        subprocess.run([sys.executable, "-c", program, str(path)], env=environment, check=True)
        pictures.append(path.read_bytes())
    assert pictures[0] == pictures[1]
