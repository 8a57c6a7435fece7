"""The numbers on the status page that are computed from the history of runs."""

from __future__ import annotations

from typing import Any

import pytest
from scipy.stats import binomtest

from ml_backend.store.records import LabelStudioUse, RunRecord
from ml_backend.web.status import NO_ADVICE, random_accuracy, rolling_agreement


def run(**numbers: Any) -> RunRecord:
    counted = {"right": 0, "asked": 0, "random_right": 0, "random_asked": 0, "labels": 0} | numbers
    return RunRecord(
        project_id=7,
        at=0.0,
        batch=1,
        version="v",
        method="badge",
        why="",
        reasons=[],
        seconds={},
        label_studio=LabelStudioUse(0, 0.0),
        kappa=None,
        stopping=NO_ADVICE,
        **counted,
    )


def test_accuracy_on_random_tasks_uses_their_newest_labels_and_wilsons_interval():
    runs = [run(random_asked=50), run(right=3, asked=4)]
    runs += [run(random_right=8, random_asked=10)] * 10
    accuracy = random_accuracy(runs)
    assert accuracy is not None
    assert (accuracy["right"], accuracy["asked"], accuracy["share"]) == (80, 100, 0.8)
    theirs = binomtest(80, 100).proportion_ci(method="wilson")
    assert (accuracy["low"], accuracy["high"]) == pytest.approx((theirs.low, theirs.high))
    assert random_accuracy([run(right=3, asked=4)]) is None


def test_agreement_is_rolling_over_the_last_labels_of_runs():
    runs = [
        run(right=1, asked=4, labels=4),
        run(labels=5),
        run(right=3, asked=4, labels=9),
        run(right=0, asked=1, labels=10),
    ]
    assert rolling_agreement(runs, window=5) == [
        {"labels": 4, "right": 1, "asked": 4, "share": 0.25},
        {"labels": 9, "right": 4, "asked": 8, "share": 0.5},
        {"labels": 10, "right": 3, "asked": 5, "share": 0.6},
    ]
