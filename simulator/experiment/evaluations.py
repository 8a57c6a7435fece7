"""Evaluations of the heads of a run from what a live service would know, beside the truth."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning.cycle import Proposal
from ml_backend.learning.evaluation.evaluation import OPEN_ROWS, Evaluation, evaluate
from ml_backend.learning.head.held_out import logits_of
from simulator.data.embedded_dataset import EmbeddedDataset

NUMBERS = [
    "accuracy_estimate",
    "accuracy_low",
    "accuracy_high",
    "accuracy_open",
    "audits",
    "forecast_labels",
    "changed",
]
"""Columns of an evaluation that hold numbers; NaN where there is none."""
BASIS, STOP = "accuracy_basis", "stop"


class LabelTimes:
    """When the rows of a pool were labelled and drawn; the clock counts proposals.

    given_at: (N,) float64, the number of the proposal that chose a row, NaN without a label; drawn_at: (N,) float64,
    half a unit before that for rows drawn at random, so that the labels of their own batch come after the draw; NaN for
    the others.
    """

    def __init__(self, n_rows: int) -> None:
        self.given_at = np.full(n_rows, np.nan)
        self.drawn_at = np.full(n_rows, np.nan)

    def add(self, proposal: Proposal, number: int) -> None:
        """Note that the rows of a proposal were labelled."""
        self.given_at[proposal.rows] = number
        self.drawn_at[np.intersect1d(proposal.rows, proposal.random_rows)] = number - 0.5


def evaluated(
    data: EmbeddedDataset, labels: NDArray[np.int64], proposal: Proposal, times: LabelTimes, seed: list[int]
) -> dict[str, Any]:
    """The columns of an evaluation for the head of a proposal, by name: NUMBERS, BASIS (str or None), STOP (bool) and
    evaluate_seconds.

    labels: (N,) int64, -1 for rows without a label; the head was fitted to these. accuracy_open, the true accuracy on
    the open rows, is there where an estimate is. seed: of the order in which open rows are looked at.
    """
    labelled = np.flatnonzero(labels >= 0)
    drawn_at = times.drawn_at[labelled]
    row: dict[str, Any] = dict.fromkeys(NUMBERS, float("nan")) | {BASIS: None, STOP: False}
    row |= {"audits": float(np.count_nonzero(~np.isnan(drawn_at))), "evaluate_seconds": 0.0}
    if proposal.head is None or proposal.held_out is None:
        return row
    open_rows = np.random.default_rng(seed).permutation(np.flatnonzero(data.offered & (labels < 0)))
    evaluation = evaluate(
        proposal.head,
        proposal.held_out,
        times.given_at[labelled],
        drawn_at,
        np.asarray(data.X[open_rows[:OPEN_ROWS]], dtype=np.float32),
        len(open_rows),
    )
    row |= _shown(evaluation)
    if evaluation.accuracy is not None:
        predicted = logits_of(proposal.head, data.X[open_rows]).argmax(axis=1)
        row["accuracy_open"] = float((predicted == data.y[open_rows]).mean())
    return row


def _shown(evaluation: Evaluation) -> dict[str, Any]:
    accuracy, forecast, changed = evaluation.accuracy, evaluation.forecast, evaluation.stop.changed
    shown: dict[str, Any] = {STOP: evaluation.stop.stop, "evaluate_seconds": evaluation.seconds}
    if accuracy is not None:
        shown |= {"accuracy_estimate": accuracy.value, "accuracy_low": accuracy.low, "accuracy_high": accuracy.high}
        shown[BASIS] = accuracy.basis.value
    if forecast is not None:
        shown["forecast_labels"] = float(forecast.labels)
    if changed is not None:
        shown["changed"] = changed
    return shown
