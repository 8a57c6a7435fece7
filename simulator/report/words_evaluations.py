"""Sentences of the report on the evaluations of heads."""

from __future__ import annotations

import pandas as pd

from simulator.analysis.evaluations import ALL, FIXED, LAST_LABELS
from simulator.analysis.evidence import points, sentences
from simulator.analysis.result_folders import OPTIONS
from simulator.report.analysis import Analysis
from simulator.report.words_record import difference

BASES = {"audits": "With labels of texts drawn at random", "confidence": "From the head's confidence alone"}


def evaluations_seen(analysis: Analysis) -> str:
    """Coverage and errors of the estimates, of the forecasts, and what the rule to stop would have done."""
    tables = analysis.evaluations
    other = analysis.evaluated_setting
    of_other = (
        f"These are runs of another setting: {difference(other.record, analysis.record, OPTIONS)}."
        if other is not None and other is not analysis
        else ""
    )
    return sentences(
        of_other, *_coverage(tables["evaluations"]), _forecast(tables["forecasts"]), *_stop(tables["stop_rules"])
    )


def _coverage(table: pd.DataFrame) -> list[str]:
    if not len(table):
        return ["No estimate was shown: there were too few labels."]
    whole = table[(table["strategy"] == ALL) & (table["audits"] == ALL)]
    return [
        f"{BASES[row.basis]}, the interval holds the truth at {row.covered * 100:.0f} % of {row.looks:,} looks, and at "
        f"all looks together in {row.all_covered * 100:.0f} % of {row.runs:,} runs; it is {row.width * 100:.0f} points "
        f"wide, and the mean error of the estimate is {points(row.bias)} (RMSE {row.rmse * 100:.1f})."
        for row in whole.itertuples()
    ]


def _forecast(table: pd.DataFrame) -> str:
    row = table[table["strategy"] == ALL].iloc[0]
    if not row["reached"]:
        return ""
    return (
        f"{row['right'] * 100:.0f} % of the {row['reached']:,} forecasts that the runs reach are right within a factor "
        "of three."
    )


def _stop(table: pd.DataFrame) -> list[str]:
    rules = table[table["dataset"] == ALL].set_index("rule")
    names = {LAST_LABELS: "The rule of the last 100 labels", FIXED: "A fixed budget"}
    return [
        f"{title} stops no run."
        if not row["stopped"]
        else f"{title} stops {row['stopped'] * 100:.0f} % of runs, after {row['labels']:,.0f} labels on average with "
        f"those that go on to their end, and loses {row['lost_mean'] * 100:.1f} points on average and "
        f"{row['lost_most'] * 100:.1f} at most."
        for rule, title in names.items()
        if rule in rules.index
        for row in [rules.loc[rule]]
    ]
