"""The report on runs whose heads were evaluated."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
from synthetic_results import synthetic_results, write_results

from simulator.report import write_report

GRID = {"datasets": ["sst2", "trec6"], "embeddings": ["minilm"], "strategies": ["random", "margin"], "seeds": 2}


def with_evaluations(shown: bool = True) -> pd.DataFrame:
    """Every estimate is two points too high, and half of the intervals hold the truth."""
    results = synthetic_results(**GRID, initials=("random",), cycles=4, gain=lambda *_: 0.0)
    truth = results["accuracy"] if shown else np.nan
    odd = results["cycle"] % 2 == 1
    return results.assign(
        accuracy_open=truth,
        accuracy_estimate=truth + 0.02,
        accuracy_low=truth - np.where(odd, 0.03, -0.01),
        accuracy_high=truth + 0.07,
        audits=results["n_labeled"] / 10.0,
        accuracy_basis=pd.array(["audits" if shown else None] * len(results), dtype="string"),
        forecast_labels=50.0 if shown else np.nan,
        changed=0.01,
        stop=pd.array(results["cycle"] >= 2, dtype="boolean"),
        evaluate_seconds=0.1,
    )


def section(page: str) -> str:
    found = re.search(r'(?s)<section id="evaluations">.*?</section>', page)
    return re.sub(r"base64,[^\"]+", "", found.group()) if found else ""


def test_coverage_forecasts_and_stops_are_on_the_page_and_in_tables(tmp_path: Path):
    shown = section(write_report([write_results(tmp_path, with_evaluations())]).read_text())
    assert "the interval holds the truth at 40 % of 40 looks, and at all looks together in 0 % of 8 runs" in shown
    assert "the mean error of the estimate is +2.0 points" in shown
    assert "The rule of the last 100 labels stops 100 % of runs, after 300 labels on average" in shown
    assert "within a factor of three" in shown
    assert "within a factor of two" not in shown
    assert "<img" in shown
    assert (tmp_path / "figures" / "evaluations.png").exists()
    tables = {name: pd.read_csv(tmp_path / "tables" / f"{name}.csv") for name in ("evaluations", "stop_rules")}
    assert tables["evaluations"].loc[0, ["runs", "looks", "covered"]].tolist() == [8, 40, 0.4]
    assert tables["stop_rules"]["rule"].nunique() == 4
    assert (tmp_path / "tables" / "forecasts.csv").exists()


def test_runs_with_too_few_labels_for_an_estimate_say_so(tmp_path: Path):
    shown = section(write_report([write_results(tmp_path, with_evaluations(shown=False))]).read_text())
    assert "No estimate was shown" in shown
    assert "last 100 labels" in shown
    assert "<img" not in shown
    assert "nan" not in shown


def test_results_without_evaluations_have_no_section(tmp_path: Path):
    empty = dict.fromkeys(["accuracy_estimate", "accuracy_open", "evaluate_seconds"], np.nan)
    results = synthetic_results(**GRID, initials=("random",), cycles=2, gain=lambda *_: 0.0)
    for name, columns in (("old", {}), ("off", empty)):
        page = write_report([write_results(tmp_path / name, results.assign(**columns))]).read_text()
        assert not section(page)
        assert not (tmp_path / name / "tables" / "evaluations.csv").exists()


def test_a_rule_that_stops_no_run_has_no_labels_at_the_stop(tmp_path: Path):
    results = with_evaluations()
    never = results.assign(stop=pd.array([False] * len(results), dtype="boolean"))
    shown = section(write_report([write_results(tmp_path, never)]).read_text())
    assert "The rule of the last 100 labels stops no run." in shown
