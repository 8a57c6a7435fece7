"""How right evaluations were, against values computed by hand."""

from __future__ import annotations

from math import isnan, nan, sqrt

import pandas as pd
import pytest

from simulator.analysis.evaluations import (
    are_evaluated,
    audit_range,
    coverage,
    estimates,
    forecast_errors,
    forecasts,
    looks,
    stop_rules,
    stops,
)

LABELS = [100, 200, 300, 400]


def one_run(strategy: str = "margin", seed: int = 0, **columns: list) -> pd.DataFrame:
    """A run of four cycles; columns replace those of a run in which every estimate is exact and .1 wide."""
    run = {
        "accuracy": [0.70, 0.72, 0.74, 0.76],
        "accuracy_estimate": [0.7] * 4,
        "accuracy_low": [0.65] * 4,
        "accuracy_high": [0.75] * 4,
        "accuracy_open": [0.7] * 4,
        "audits": [5.0, 12.0, 19.0, 41.0],
        "accuracy_basis": ["audits"] * 4,
        "forecast_labels": [nan] * 4,
        "stop": [False] * 4,
        "evaluate_seconds": [0.1] * 4,
    }
    keys = {"dataset": "mail", "embedding": "minilm", "strategy": strategy, "initial": "random", "seed": seed}
    return pd.DataFrame(run | columns).assign(**keys, cycle=range(4), n_labeled=LABELS)


def row(table: pd.DataFrame, **values: object) -> pd.Series:
    [found] = [r for _, r in table.iterrows() if all(r[k] == v for k, v in values.items())]
    return found


def test_coverage_is_counted_at_each_look_and_over_all_looks_of_a_run():
    missed_once = one_run(seed=1, accuracy_open=[0.7, 0.7, 0.8, 0.72])
    table = coverage(looks(pd.concat([one_run(), missed_once])))
    whole = row(table, strategy="all", audits="all")
    assert (whole["runs"], whole["looks"]) == (2, 8)
    assert (whole["covered"], whole["all_covered"]) == (7 / 8, 1 / 2)
    assert whole["width"] == pytest.approx(0.1)
    assert whole["bias"] == pytest.approx(-(0.1 + 0.02) / 8)
    assert whole["rmse"] == pytest.approx(sqrt((0.1**2 + 0.02**2) / 8))
    by_audits = table[table["audits"] != "all"].set_index("audits")
    assert by_audits["covered"].to_dict() == {"1–9": 1, "10–19": 3 / 4, "40–79": 1}
    assert by_audits["looks"].tolist() == [2, 4, 2]


def test_coverage_is_shown_by_strategy_and_apart_for_estimates_without_random_labels():
    no_audits = {"audits": [0.0] * 4, "accuracy_basis": ["confidence"] * 4, "accuracy_open": [0.8, 0.7, 0.7, 0.7]}
    table = coverage(looks(pd.concat([one_run(), one_run("random"), one_run(seed=1, **no_audits)])))
    assert row(table, basis="audits", strategy="all", audits="all")["covered"] == 1
    assert row(table, basis="audits", strategy="random", audits="all")["runs"] == 1
    assert row(table, basis="confidence", strategy="all")["covered"] == 3 / 4


def test_cycles_in_which_nothing_was_shown_are_no_looks():
    shown = looks(one_run(accuracy_open=[nan, nan, 0.7, 0.7], accuracy_basis=[None, None, "audits", "audits"]))
    assert shown["n_labeled"].tolist() == [300, 400]


@pytest.mark.parametrize(
    ("audits", "words"),
    [(0, "0"), (1, "1–9"), (9, "1–9"), (10, "10–19"), (19, "10–19"), (20, "20–39"), (640, "640–1279")],
)
def test_ranges_of_audits_double(audits: float, words: str):
    assert audit_range(audits) == words


def test_a_forecast_is_compared_with_the_labels_that_the_run_needs_for_one_point():
    # Two points in 100 labels: one point takes 50. At the end nothing is reached.
    table = forecasts(one_run(forecast_labels=[50.0, 151.0, 17.0, 80.0]))
    assert table["needed"].tolist()[:3] == pytest.approx([50, 50, 50])
    assert isnan(table["needed"].iloc[3])
    assert table["right"].tolist() == [True, False, True, False]
    [errors] = forecast_errors(table).to_dict("records")
    assert (errors["forecasts"], errors["reached"]) == (4, 3)
    assert errors["right"] == pytest.approx(2 / 3)
    assert errors["ratio"] == pytest.approx(1)


def test_a_dip_of_the_true_curve_is_smoothed_before_a_forecast_is_judged():
    # The noisy values rise by a point at once; .71 and .69 are smoothed to .70, so the rise begins at 200 labels.
    table = forecasts(one_run(accuracy=[0.71, 0.69, 0.72, 0.74], forecast_labels=[150.0] * 4))
    assert table["needed"].tolist()[:3] == pytest.approx([150, 50, 50])


def test_rules_to_stop_are_compared_with_the_end_of_the_run():
    stopping = one_run(stop=[False, True, False, True])
    going_on = one_run(seed=1, accuracy=[0.5, 0.6, 0.755, 0.76])
    table = stops(pd.concat([stopping, going_on]))
    of_stopping, of_going_on = (table[table["seed"] == seed].set_index("rule") for seed in (0, 1))
    assert of_stopping["labels"].to_dict() == {
        "last 100 labels": 200,
        "fixed budget": 200,
        "best possible within one point": 400,
        "never": 400,
    }
    assert of_stopping.loc["last 100 labels", "lost"] == pytest.approx(0.04)
    assert (of_going_on.loc["last 100 labels", "labels"], of_going_on.loc["last 100 labels", "lost"]) == (400, 0)
    assert of_going_on.loc["fixed budget", "lost"] == pytest.approx(0.16)
    assert of_going_on.loc["best possible within one point", "labels"] == 300
    rules = stop_rules(table).set_index("rule")
    assert rules.loc["last 100 labels", ["runs", "stopped", "labels"]].tolist() == [2, 0.5, 300]
    assert rules.loc["fixed budget", ["lost_mean", "lost_most"]].tolist() == pytest.approx([0.10, 0.16])
    assert rules.loc["never", ["stopped", "lost_most"]].tolist() == [0, 0]


def test_without_a_stop_there_is_no_fixed_budget_to_compare():
    assert "fixed budget" not in set(stops(one_run())["rule"])


def test_lines_of_the_figure_are_means_where_all_runs_show_an_estimate():
    table = estimates(pd.concat([one_run(accuracy_open=[nan, 0.6, 0.6, 0.6]), one_run("random")]))
    assert table["n_labeled"].tolist() == [200, 300, 400]
    assert table["truth"].tolist() == pytest.approx([0.65] * 3)
    assert table["high"].tolist() == pytest.approx([0.75] * 3)


def test_results_without_evaluations_are_known_by_their_columns():
    assert are_evaluated(one_run())
    assert not are_evaluated(one_run(evaluate_seconds=[nan] * 4))
    assert not are_evaluated(one_run().drop(columns="evaluate_seconds"))
