"""The accuracy of the present head on the open texts."""

import math
import tracemalloc

import numpy as np
import pytest

from ml_backend.learning.evaluation.accuracy import Basis, Scored, estimate_accuracy
from ml_backend.learning.evaluation.intervals import ONE_LOOK, repeated_looks, wilson

NOBODY = Scored(np.empty(0, dtype=bool), np.empty(0))


def scored(n: int, rng: np.random.Generator) -> Scored:
    return Scored(rng.random(n) < 0.7, rng.uniform(0.4, 1.0, n))


def reference(open_confidence, n_open, labels, given_at, audits, drawn_at, n_classes, temperature, guessing):
    """The formulas, term by term."""
    n, m, mc = len(labels.right), len(audits.right), sum(open_confidence) / len(open_confidence)
    corrections = []
    for right, sure, drawn in zip(audits.right, audits.confidence, drawn_at, strict=True):
        later = [j for j in range(n) if given_at[j] > drawn]
        known = sum(float(labels.right[j]) - labels.confidence[j] for j in later)
        corrections.append(((n_open + len(later)) * (float(right) - sure) - known) / n_open)
    theta = mc + sum(corrections) / m
    p = min(max(theta, 0.02), 0.98)
    variance = sum((c - sum(corrections) / m) ** 2 for c in corrections) / m
    ratio = (m * variance / (p * (1 - p)) + 10) / (m + 10) if m >= 2 else 1.0
    size = m / max(ratio, 0.25)
    if n >= max(100, 5 * n_classes):
        believed = 40 * min(1, (2 / temperature) ** 2)
        theta, size = (believed * mc + size * theta) / (believed + size), believed + size
    return min(max(theta, 0.0), 1.0), size


@pytest.mark.parametrize(("n", "m", "temperature"), [(150, 1, 0.5), (150, 30, 3.0), (60, 12, 1.0)])
def test_the_estimate_is_that_of_the_formulas(n, m, temperature):
    rng = np.random.default_rng(n + m)
    labels, audits = scored(n, rng), scored(m, rng)
    arguments = (
        rng.uniform(0.4, 1, 50),
        500,
        labels,
        np.arange(n) // 10.0,
        audits,
        rng.uniform(0, n / 10, m),
        4,
        temperature,
        0.25,
    )
    found, (value, size) = estimate_accuracy(*arguments), reference(*arguments)
    assert found.value == pytest.approx(value)
    low, high = wilson(value, size, repeated_looks(m))
    if temperature > 2:
        low = min(low, wilson(0.25, 500, ONE_LOOK)[0])
    assert (found.low, found.high) == pytest.approx((low, high))
    assert (found.basis, found.audits) == (Basis.AUDITS, m)


@pytest.mark.parametrize(("n", "m", "n_classes"), [(99, 9, 4), (50, 0, 4), (384, 9, 77), (300, 0, 77)])
def test_nothing_is_said_with_few_labels_and_few_audits(n, m, n_classes):
    rng = np.random.default_rng(0)
    assert (
        estimate_accuracy(
            rng.uniform(0.4, 1, 50), 500, scored(n, rng), np.arange(n), scored(m, rng), np.zeros(m), n_classes, 1.0, 0.5
        )
        is None
    )


def test_without_audits_the_confidence_is_said_to_be_no_guarantee():
    rng = np.random.default_rng(0)
    found = estimate_accuracy(
        np.full(50, 0.8), 500, scored(100, rng), np.arange(100), NOBODY, np.empty(0), 4, 1.0, 0.25
    )
    assert found.basis is Basis.CONFIDENCE
    assert found.value == pytest.approx(0.8)
    assert (found.low, found.high) == pytest.approx(wilson(0.8, 60, ONE_LOOK))


def test_an_overconfident_head_is_corrected_by_the_audits():
    rng = np.random.default_rng(0)
    audits = Scored(np.arange(200) % 2 == 0, np.full(200, 0.9))
    found = estimate_accuracy(
        np.full(50, 0.9), 10**6, scored(200, rng), np.zeros(200), audits, np.ones(200), 4, 1.0, 0.25
    )
    # Half of the audits are right; the confidence still counts as 40 of them.
    assert 0.5 < found.value < 0.58
    assert found.low < 0.5 < found.high


@pytest.mark.parametrize("m", [0, 30])
def test_the_interval_of_a_head_that_learned_little_includes_guessing(m):
    audits = Scored(np.arange(m) % 5 > 0, np.full(m, 0.8))
    arguments = np.full(50, 0.8), 500, scored(300, np.random.default_rng(0)), np.zeros(300), audits, np.ones(m), 4
    learned, little = (estimate_accuracy(*arguments, temperature, 0.25) for temperature in (1.0, 3.0))
    assert little.low < 0.25 < learned.low


def test_what_was_labelled_since_the_draw_is_taken_away():
    # 100 texts, half of them right, all at confidence .5. The 40 right ones that were labelled since the draw are not
    # open any more: of the 60 that are, 10 are right.
    labels = Scored(np.ones(40, dtype=bool), np.full(40, 0.5))
    audits = Scored(np.arange(20) % 2 == 0, np.full(20, 0.5))
    found = estimate_accuracy(np.full(60, 0.5), 60, labels, np.ones(40), audits, np.zeros(20), 2, 1.0, 0.5)
    assert found.value == pytest.approx(10 / 60)


@pytest.mark.parametrize("z", [1.0, ONE_LOOK, 3.0])
@pytest.mark.parametrize(("right", "n"), [(0, 5), (3, 10), (10, 10), (40.5, 60.25)])
def test_the_bounds_are_the_shares_that_the_observation_is_z_errors_away_from(right, n, z):
    share = right / n
    for bound in wilson(share, n, z):
        assert 0 <= bound <= 1
        if 0 < bound < 1:
            assert abs(share - bound) == pytest.approx(z * math.sqrt(bound * (1 - bound) / n), abs=1e-7)


def test_an_interval_for_repeated_looks_holds_at_all_of_them():
    rng = np.random.default_rng(0)
    looks = np.arange(1, 301)
    means = rng.standard_normal((2000, 300)).cumsum(axis=1) / looks
    z = np.array([repeated_looks(m) for m in looks])
    assert (np.abs(means) > z / np.sqrt(looks)).any(axis=1).mean() <= 0.05
    assert (np.abs(means) > ONE_LOOK / np.sqrt(looks)).any(axis=1).mean() > 0.3


def test_twenty_thousand_audits_take_little_memory():
    n, rng = 20_000, np.random.default_rng(0)
    labels, given_at = scored(n, rng), np.arange(n, dtype=float)
    tracemalloc.start()
    found = estimate_accuracy(rng.uniform(0.4, 1, 50), 500, labels, given_at, labels, given_at - 0.5, 4, 1.0, 0.25)
    assert tracemalloc.get_traced_memory()[1] < 20e6, "a number for each label and audit takes 3 GB"
    tracemalloc.stop()
    assert found.audits == n
