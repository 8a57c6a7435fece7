"""How right evaluations are: intervals and forecasts against the truth, and what rules to stop would have done.

All functions take results with one row per cycle, the columns of a run in RUN, and those of `run --evaluate`.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from sklearn.isotonic import isotonic_regression

from ml_backend.learning.evaluation.forecast import FACTOR
from simulator.analysis.complete_runs import RUN
from simulator.analysis.statistics import Floats, labels_to_reach

ALL = "all"
ONE_POINT = 0.01
FIRST_AUDITS = 10
LAST_LABELS, ORACLE, FIXED, NEVER = "last 100 labels", "best possible within one point", "fixed budget", "never"


def are_evaluated(results: pd.DataFrame) -> bool:
    """Whether heads were evaluated in any of the runs; False for results without the columns of evaluations."""
    return "evaluate_seconds" in results and bool(results["evaluate_seconds"].notna().any())


def evaluation_tables(results: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """`coverage`, `forecast_errors` and `stop_rules`, by the names of their files."""
    return {
        "evaluations": coverage(looks(results)),
        "forecasts": forecast_errors(forecasts(results)),
        "stop_rules": stop_rules(stops(results)),
    }


def looks(results: pd.DataFrame) -> pd.DataFrame:
    """The cycles in which an accuracy was shown: RUN, n_labeled, basis, audits, error, width, covered.

    audits: as of `audit_range`; error: estimate minus truth; width: of the interval; covered: whether the truth is in
    the interval. All in 0..1.
    """
    shown = results[results["accuracy_open"].notna()]
    truth = shown["accuracy_open"]
    return shown[[*RUN, "n_labeled"]].assign(
        basis=shown["accuracy_basis"].astype(str),
        audits=shown["audits"].map(audit_range),
        error=shown["accuracy_estimate"] - truth,
        width=shown["accuracy_high"] - shown["accuracy_low"],
        covered=(shown["accuracy_low"] <= truth) & (truth <= shown["accuracy_high"]),
    )


def audit_range(audits: float) -> str:
    """The range of a number of random labels: 0, 1–9, 10–19, 20–39, and so on, doubling."""
    if audits < 1:
        return "0"
    if audits < FIRST_AUDITS:
        return f"1–{FIRST_AUDITS - 1}"
    low = FIRST_AUDITS
    while audits >= 2 * low:
        low *= 2
    return f"{low}–{2 * low - 1}"


def coverage(table: pd.DataFrame) -> pd.DataFrame:
    """Coverage, width, bias and RMSE of `looks`, by basis, strategy ("all" for all of them) and audits (also "all").

    runs, looks: numbers of them; covered: share of looks whose interval holds the truth; all_covered: share of runs in
    which it does at all of these looks; width: mean; bias: mean error; rmse: root of the mean squared error.
    """
    rows = []
    for basis, of_basis in table.groupby("basis"):
        for strategy, of_strategy in _with_all(of_basis, "strategy"):
            for audits, part in _with_all(of_strategy, "audits"):
                runs = part.groupby(RUN)["covered"].all()
                rows.append(
                    {
                        "basis": basis,
                        "strategy": strategy,
                        "audits": audits,
                        "runs": len(runs),
                        "looks": len(part),
                        "covered": part["covered"].mean(),
                        "all_covered": runs.mean(),
                        "width": part["width"].mean(),
                        "bias": part["error"].mean(),
                        "rmse": float(np.sqrt((part["error"] ** 2).mean())),
                    }
                )
    return pd.DataFrame(rows)


def forecasts(results: pd.DataFrame) -> pd.DataFrame:
    """Each forecast of the labels to one more point of accuracy: RUN, n_labeled, forecast, needed, right.

    needed: labels until the true curve of the run is one point higher, NaN where the run ends before. The true curve is
    the accuracy on the test split, with noise taken out by isotonic regression: the first of many noisy values that is
    a point higher would come too early. right: whether needed is within FACTOR of the forecast; False without it.
    """
    ordered = results.sort_values([*RUN, "n_labeled"], ignore_index=True)
    labels, accuracy = (ordered[name].to_numpy(dtype=np.float64) for name in ("n_labeled", "accuracy"))
    needed = np.full(len(ordered), np.nan)
    for rows in ordered.groupby(RUN).indices.values():
        needed[rows] = _needed(labels[rows], accuracy[rows])
    table = ordered[[*RUN, "n_labeled"]].assign(forecast=ordered["forecast_labels"], needed=needed)
    ratio = table["needed"] / table["forecast"]
    table["right"] = ratio.between(1 / FACTOR, FACTOR)
    return table[table["forecast"].notna()].reset_index(drop=True)


def _needed(labels: Floats, accuracy: Floats) -> Floats:
    """Labels to one more point at each of these numbers of labels of a run, (n,) float64."""
    curve = np.asarray(isotonic_regression(accuracy))
    return np.array([labels_to_reach(labels, curve, value + ONE_POINT) for value in curve]) - labels


def forecast_errors(table: pd.DataFrame) -> pd.DataFrame:
    """Errors of `forecasts` by strategy ("all" for all of them), over those whose truth is reached in the run.

    forecasts, reached: numbers of them; right: share within FACTOR; ratio: median of the labels needed / forecast.
    """
    rows = []
    for strategy, part in _with_all(table, "strategy"):
        reached = part[part["needed"].notna()]
        ratio = (reached["needed"] / reached["forecast"]).median()
        rows.append((strategy, len(part), len(reached), reached["right"].mean(), ratio))
    return pd.DataFrame(rows, columns=["strategy", "forecasts", "reached", "right", "ratio"])


def stops(results: pd.DataFrame) -> pd.DataFrame:
    """What each rule to stop would have done in each run: RUN, rule, stopped, labels, lost.

    labels: at the stop, or at the end of a run in which the rule does not stop; lost: accuracy on the test split at the
    end minus that at the stop. FIXED is the same number of labels for all runs: the median of those at which the rule
    of the last labels stops. ORACLE stops when the accuracy is first within one point of that at the end.
    """
    runs = {key: run.sort_values("n_labeled") for key, run in results.groupby(RUN)}
    by_changes = {key: _first(run["stop"].fillna(False).astype(bool)) for key, run in runs.items()}
    stopped_at = [runs[key]["n_labeled"].iloc[row] for key, row in by_changes.items() if row is not None]
    budget = float(np.median(stopped_at)) if stopped_at else None
    rows = []
    for key, run in runs.items():
        accuracy = run["accuracy"].reset_index(drop=True)
        rules = {
            LAST_LABELS: by_changes[key],
            FIXED: None if budget is None else _first(run["n_labeled"] >= budget),
            ORACLE: _first(accuracy >= accuracy.iloc[-1] - ONE_POINT),
            NEVER: None,
        }
        for rule, row in rules.items():
            if rule == FIXED and budget is None:
                continue
            at = len(run) - 1 if row is None else row
            lost = accuracy.iloc[-1] - accuracy.iloc[at]
            rows.append((*key, rule, row is not None, int(run["n_labeled"].iloc[at]), lost))
    return pd.DataFrame(rows, columns=[*RUN, "rule", "stopped", "labels", "lost"])


def _first(holds: pd.Series) -> int | None:
    """The position of the first row where it holds, None if there is none."""
    rows = np.flatnonzero(holds.to_numpy(dtype=bool))
    return int(rows[0]) if len(rows) else None


def stop_rules(table: pd.DataFrame) -> pd.DataFrame:
    """The rules of `stops` by dataset ("all" for all of them).

    runs: number; stopped: share of the runs in which the rule stops; labels: mean; lost_mean, lost_most: 0..1.
    """
    rows = []
    for rule, of_rule in table.groupby("rule", sort=False):
        for dataset, part in _with_all(of_rule, "dataset"):
            lost = part["lost"]
            rows.append(
                (rule, dataset, len(part), part["stopped"].mean(), part["labels"].mean(), lost.mean(), lost.max())
            )
    return pd.DataFrame(rows, columns=["rule", "dataset", "runs", "stopped", "labels", "lost_mean", "lost_most"])


def estimates(results: pd.DataFrame) -> pd.DataFrame:
    """Means over runs of estimate, low, high and truth: one row per dataset and number of labels, where all are shown.

    Numbers of labels at which some runs of the dataset show nothing are left out: means over other runs would jump.
    """
    columns = {
        "accuracy_estimate": "estimate",
        "accuracy_low": "low",
        "accuracy_high": "high",
        "accuracy_open": "truth",
    }
    groups = results.rename(columns=columns).groupby(["dataset", "n_labeled"])[list(columns.values())]
    is_whole = groups.count()["truth"] == groups.size()
    return groups.mean()[is_whole].reset_index()


def _with_all(table: pd.DataFrame, column: str) -> Iterator[tuple[str, pd.DataFrame]]:
    yield ALL, table
    values = table[column].unique()
    if len(values) > 1:
        for value in sorted(values, key=_order):
            yield str(value), table[table[column] == value]


def _order(value: str) -> tuple[int, str]:
    start = value.partition("–")[0]
    return (int(start), "") if start.isdigit() else (0, value)
