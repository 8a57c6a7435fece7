"""Agreement of people who labelled the same texts."""

from __future__ import annotations

import tracemalloc

import krippendorff
import numpy as np
import pytest

from ml_backend.learning.evaluation.annotators import (
    MOST_PAIRS,
    agreement_with_others,
    agreement_with_predictions,
    annotator_agreement,
)

ANNA, BEN, CLEO = 1, 2, 3


def agreement(given: dict[int, list], n_classes: int = 2):
    """given: annotator → labels of tasks 0, 1, …; None where the person gave none."""
    labels = [(task, who, label) for who, row in given.items() for task, label in enumerate(row) if label is not None]
    tasks, annotators, y = (np.array(column) for column in zip(*labels, strict=True))
    shuffled = np.random.default_rng(0).permutation(len(y))
    return annotator_agreement(tasks[shuffled], annotators[shuffled], y[shuffled], n_classes)


def test_alpha_is_that_of_krippendorffs_own_example():
    # Krippendorff: Computing Krippendorff's Alpha-Reliability, 2011, section C: nominal data, four observers.
    x = None
    given = {
        1: [1, 2, 3, 3, 2, 1, 4, 1, 2, x, x, x],
        2: [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, x, 3],
        3: [x, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, x],
        4: [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, x],
    }
    found = agreement(given, n_classes=7)
    assert found.alpha == pytest.approx(0.743, abs=5e-4)
    assert found.tasks == 11, "the last text has one label only"


def test_alpha_of_many_classes_is_that_of_the_library_and_takes_little_memory():
    rng = np.random.default_rng(0)
    true = rng.integers(0, 400, 600)
    given = {who: np.where(rng.random(600) < 0.7, true, rng.integers(0, 400, 600)).tolist() for who in (ANNA, BEN)}
    tracemalloc.start()
    found = agreement(given, n_classes=400)
    assert tracemalloc.get_traced_memory()[1] < 20e6, "tasks × classes² numbers are 768 MB"
    tracemalloc.stop()
    few = {who: [label % 7 for label in labels] for who, labels in given.items()}
    expected = krippendorff.alpha(list(few.values()), level_of_measurement="nominal")
    assert agreement(few, n_classes=7).alpha == pytest.approx(expected)
    assert 0.4 < found.alpha < 0.6


def test_pairs_with_enough_texts_in_common_have_cohens_kappa():
    found = agreement({ANNA: [0, 0, 1, 1, 0, 1], BEN: [0, 0, 1, 1, 1, 1], CLEO: [0, 0, 0, 0, None, None]})
    (pair,) = found.pairs
    assert (pair.first, pair.second, pair.tasks) == (ANNA, BEN, 6)
    assert pair.kappa == pytest.approx((5 / 6 - 1 / 2) / (1 / 2))


def test_without_texts_in_common_nothing_is_said():
    assert agreement({ANNA: [0, None], BEN: [None, 1]}) is None


def test_of_few_texts_nothing_is_said():
    found = agreement({ANNA: [0, 0, 1, 1], BEN: [0, 0, 1, 0]})
    assert (found.alpha, found.tasks, found.pairs) == (None, 4, [])


def test_people_who_all_give_one_class_say_nothing_of_their_agreement():
    found = agreement({ANNA: [1] * 5, BEN: [1] * 5})
    assert (found.alpha, found.tasks, found.pairs[0].kappa) == (None, 5, None)


def test_multi_label_figures_are_means_over_the_classes_that_differ():
    same, other = [[1, 0, 0], [0, 1, 0]] * 3, [[1, 1, 0], [0, 0, 0]] * 3
    found = agreement({ANNA: same, BEN: same}, n_classes=3)
    assert (found.alpha, found.pairs[0].kappa) == (1.0, 1.0)
    found = agreement({ANNA: same, BEN: other}, n_classes=3)
    assert found.pairs[0].kappa == pytest.approx((1 - 1) / 2), "perfect on the first class, opposite on the second"
    assert -1 < found.alpha < 1


def test_the_pairs_with_most_texts_in_common_are_listed():
    given = {who: [who % 2] * (5 + who) for who in range(9)}
    pairs = agreement(given).pairs
    assert len(pairs) == MOST_PAIRS < 9 * 8 / 2
    assert pairs[0].tasks == 12
    assert [pair.tasks for pair in pairs] == sorted((pair.tasks for pair in pairs), reverse=True)


@pytest.mark.parametrize("n_columns", [0, 3])
def test_agreement_with_others_is_that_of_counting_task_by_task(n_columns: int):
    rng = np.random.default_rng(1)
    pairs = np.array([(task, who) for task in range(60) for who in range(5) if rng.random() < 0.4])
    y = rng.integers(0, 2, (len(pairs), n_columns)) if n_columns else rng.integers(0, 3, len(pairs))
    shares: dict[int, list[float]] = {}
    for row, (task, who) in enumerate(pairs):
        others = [i for i, (t, w) in enumerate(pairs) if t == task and w != who]
        if others:
            shares.setdefault(int(who), []).append(float(np.mean([np.array_equal(y[row], y[i]) for i in others])))
    found = agreement_with_others(pairs[:, 0], pairs[:, 1], y)
    assert [(share.annotator, share.tasks) for share in found] == [(who, len(s)) for who, s in sorted(shares.items())]
    assert [share.same for share in found] == pytest.approx([np.mean(s) for _, s in sorted(shares.items())])


def test_who_shares_no_text_with_others_is_left_out_of_their_agreement():
    assert agreement_with_others(np.array([1, 2]), np.array([ANNA, BEN]), np.array([0, 0])) == []
    nothing = np.empty(0, dtype=np.int64)
    assert agreement_with_others(nothing, nothing, nothing) == []


def test_agreement_with_predictions_is_the_share_of_equal_labels_of_each_person():
    who = np.array([BEN, ANNA, ANNA, ANNA])
    found = agreement_with_predictions(who, np.array([1, 0, 1, 2]), np.array([1, 0, 1, 1]))
    assert [(s.annotator, s.tasks, s.same) for s in found] == [(ANNA, 3, pytest.approx(2 / 3)), (BEN, 1, 1.0)]
    sets = agreement_with_predictions(who[:2], np.array([[1, 0], [1, 1]]), np.array([[1, 0], [1, 0]]))
    assert [(s.annotator, s.same) for s in sets] == [(ANNA, 0.0), (BEN, 1.0)]
