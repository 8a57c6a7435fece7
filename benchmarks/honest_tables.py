"""Tables of honest_numbers.py."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from honest_runs import LOOK_EVERY
from rich.table import Table

from ml_backend.learning.evaluation.forecast import FACTOR
from ml_backend.learning.evaluation.intervals import ONE_LOOK, repeated_looks

CHOSEN_ON = ("trec6", "agnews", "sst2", "banking77", "qnli", "mnli")
RUN = ["dataset", "strategy", "kind", "share", "seed"]
CURVE = ["dataset", "kind"]
AUDITS = (10, 20, 40, 80)
SMALLEST_AUDITS = tuple(round(0.75 * audits) for audits in AUDITS)


def groups(table: pd.DataFrame, *columns: str) -> Iterable[tuple[str, pd.DataFrame]]:
    """All rows; those of data sets that chose the constants, and the others; then by each value of the columns."""
    yield "all", table
    chosen = table["dataset"].isin(CHOSEN_ON)
    if chosen.any() and not chosen.all():
        yield "sets that chose constants", table[chosen]
        yield "other sets", table[~chosen]
    for column in columns:
        for value, rows in table.groupby(column):
            yield str(value), rows


def accuracy_tables(found: pd.DataFrame) -> list[Table]:
    """How far the estimate is off and how often its interval holds: by audits, and at all looks of a run together."""
    shown = found[found["value"].notna()].copy()
    shown["error"] = shown["value"] - shown["truth"]
    shown["covered"] = (shown["low"] <= shown["truth"]) & (shown["truth"] <= shown["high"])
    by_audits = Table(
        "runs", "random tasks", "looks", "bias", "RMSE", "coverage %", "width", "width at one look", title="Accuracy"
    )
    for name, rows in groups(shown, "kind", "strategy", "share"):
        for audits, smallest in zip(AUDITS, SMALLEST_AUDITS, strict=True):
            # The first look of each run with about so many audits, so that looks of a run are not counted many times.
            near = rows[rows["audits"].between(smallest, 1.25 * audits)]
            near = near.iloc[(near["audits"] - audits).abs().argsort(kind="stable")].groupby(RUN).head(1)
            if len(near):
                by_audits.add_row(name, f"about {audits}", f"{len(near):,}", *_quality(near))
    overall = Table(
        "runs", "number", "looks a run", "bias", "RMSE", "all looks covered %", "± 2 errors", title="All looks"
    )
    for name, rows in groups(shown, "kind", "strategy", "share", "dataset"):
        held = rows.groupby(RUN)["covered"].all()
        error = 200 * np.sqrt(max(held.mean() * (1 - held.mean()), 1e-9) / len(held))
        overall.add_row(
            name,
            f"{len(held):,}",
            f"{len(rows) / len(held):.0f}",
            f"{100 * rows['error'].mean():+.1f}",
            f"{100 * np.sqrt((rows['error'] ** 2).mean()):.1f}",
            f"{100 * held.mean():.1f}",
            f"{error:.1f}",
        )
    return [by_audits, overall]


def _quality(rows: pd.DataFrame) -> list[str]:
    width = rows["high"] - rows["low"]
    # About as wide as the interval is for somebody who looks once.
    one_look = width * [ONE_LOOK / repeated_looks(audits) for audits in rows["audits"]]
    return [
        f"{100 * rows['error'].mean():+.1f}",
        f"{100 * np.sqrt((rows['error'] ** 2).mean()):.1f}",
        f"{100 * rows['covered'].mean():.1f}",
        f"{100 * width.mean():.1f}",
        f"{100 * one_look.mean():.1f}",
    ]


def class_table(found: pd.DataFrame) -> Table:
    """Precision and recall of the classes beside the truth, at 100, 200 and 400 labels."""
    table = Table("runs", "figure", "shown %", "bias", "RMSE", "coverage %", "width", title="Precision and recall")
    every = found.loc[found["classes"].map(len) > 0, ["dataset", "kind", "strategy", "classes"]].explode("classes")
    rows = pd.concat(
        [every.drop(columns="classes").reset_index(drop=True), pd.DataFrame(list(every["classes"]))], axis=1
    )
    for name, some in groups(rows):
        for what, of in some.groupby("what"):
            shown = of[of["value"].notna()]
            error = shown["value"] - shown["truth"]
            covered = (shown["low"] <= shown["truth"]) & (shown["truth"] <= shown["high"])
            table.add_row(
                name,
                str(what),
                f"{100 * len(shown) / len(of):.0f}",
                f"{100 * error.mean():+.1f}",
                f"{100 * np.sqrt((error**2).mean()):.1f}",
                f"{100 * covered.mean():.1f}",
                f"{100 * (shown['high'] - shown['low']).mean():.1f}",
            )
    return table


def forecast_table(found: pd.DataFrame, stops: pd.DataFrame) -> Table:
    """Forecast labels to one more point, beside those that the mean curve on the test split took."""
    table = Table(
        "runs", "labels", "forecasts", "within a factor of 3 %", "median of forecast / truth", title="Forecast"
    )
    curves = {key: _mean_curve(rows["curve"]) for key, rows in stops.groupby(CURVE)}
    rows = []
    for row in found[found["forecast"].notna() & found["n"].isin([120, 200, 300, 400])].to_dict("records"):
        truth = _labels_to_one_point(curves.get(tuple(row[c] for c in CURVE)), row)
        if truth is not None:
            rows.append(row | {"ratio": row["forecast"] / truth})
    if not rows:
        return table
    for name, some in groups(pd.DataFrame(rows)):
        for n, of in some.groupby("n"):
            within = of["ratio"].between(1 / FACTOR, FACTOR).mean()
            table.add_row(name, str(n), f"{len(of):,}", f"{100 * within:.0f}", f"{of['ratio'].median():.2f}")
    return table


def _mean_curve(curves: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of labels and accuracy, the mean over runs, made to rise; runs of a few seeds are noisy."""
    from sklearn.isotonic import IsotonicRegression

    table = pd.DataFrame([{int(n): accuracy for n, accuracy in curve.items()} for curve in curves]).mean().sort_index()
    n = table.index.to_numpy()
    return n, IsotonicRegression().fit_transform(np.log(n), table.to_numpy(), sample_weight=n)


def _labels_to_one_point(curve: tuple[np.ndarray, np.ndarray] | None, row: dict[str, Any]) -> float | None:
    """Infinity where the curve is long enough to show that the forecast is too low by more than its factor."""
    if curve is None:
        return None
    n, (labels, accuracy) = row["n"], curve
    target = float(np.interp(n, labels, accuracy)) + 0.01
    reached = np.flatnonzero(accuracy >= target)
    if not len(reached):
        return np.inf if n + FACTOR * row["forecast"] < labels[-1] else None
    last = reached[0]
    at = np.interp(target, accuracy[last - 1 : last + 1], labels[last - 1 : last + 1])
    return max(1.0, float(at) - n)


def stop_table(stops: pd.DataFrame) -> Table:
    """Where the rule stops for looks every few labels, and the points of test accuracy that are lost by that."""
    columns = [f"stop, looks every {every}" for every in LOOK_EVERY]
    table = Table(
        "runs",
        "number",
        *columns,
        "stopped %",
        "points lost, mean",
        "90 %",
        "most",
        "within 25 % %",
        title="When to stop",
    )
    rows = []
    for row in stops.to_dict("records"):
        curve = {int(n): accuracy for n, accuracy in row["curve"].items()}
        points = {every: row["stops"][str(every)] for every in LOOK_EVERY}
        end = float(np.mean([curve[n] for n in sorted(curve)[-5:]]))
        at = points[20]
        lost = 100 * (end - curve[at]) if at else np.nan
        close = all(points.values()) and max(points.values()) <= 1.25 * min(points.values())
        rows.append(
            {
                "dataset": row["dataset"],
                "kind": row["kind"],
                "strategy": row["strategy"],
                "lost": lost,
                "close": close,
                **points,
            }
        )
    for name, some in groups(pd.DataFrame(rows), "dataset"):
        stopped = some[some[20] > 0]
        table.add_row(
            name,
            str(len(some)),
            *(f"{some.loc[some[every] > 0, every].mean():.0f}" for every in LOOK_EVERY),
            f"{100 * len(stopped) / len(some):.0f}",
            f"{stopped['lost'].mean():.1f}",
            f"{stopped['lost'].quantile(0.9):.1f}",
            f"{stopped['lost'].max():.1f}",
            f"{100 * stopped['close'].mean():.0f}",
        )
    return table


def look_again_table(doubtful: pd.DataFrame) -> Table:
    """Of the labels listed, the share that was flipped; and of the flipped ones, the share that is listed."""
    table = Table("runs", "flipped", "labels listed %", "precision", "recall", title="Labels to look at again")
    for name, some in groups(doubtful, "dataset"):
        for flipped, of in some.groupby("flipped"):
            table.add_row(
                name,
                f"{flipped:.0%}",
                f"{100 * of['listed'].sum() / of['n'].sum():.1f}",
                f"{of['hits'].sum() / max(1, of['listed'].sum()):.2f}",
                f"{of['hits'].sum() / max(1, of['wrong'].sum()):.2f}",
            )
    return table
