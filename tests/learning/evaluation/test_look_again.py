"""Which labels are worth a second look."""

import numpy as np

from ml_backend.learning.evaluation.look_again import doubtful_labels


def probabilities(own, y, n_classes=3):
    """(n, n_classes): `own` for the class y, the rest for the class after it."""
    p = np.zeros((len(y), n_classes))
    p[np.arange(len(y)), y] = own
    p[np.arange(len(y)), (y + 1) % n_classes] = 1 - np.asarray(own)
    return p


def test_the_most_doubtful_label_comes_first_with_the_class_that_is_likelier():
    y = np.arange(300) % 3
    own = np.full(300, 0.9)
    own[[7, 100, 200]] = 0.3, 0.05, 0.2
    listed = doubtful_labels(probabilities(own, y), y)
    assert [label.row for label in listed] == [100, 200, 7]
    assert (listed[0].given, listed[0].likelier, listed[0].probability) == (100 % 3, 101 % 3, 0.05)


def test_the_list_is_short_unless_labels_are_very_unlikely():
    y = np.arange(300) % 3
    assert len(doubtful_labels(probabilities(np.full(300, 0.3), y), y)) == 6
    assert len(doubtful_labels(probabilities(np.full(300, 0.05), y), y)) == 15


def test_a_label_of_the_likeliest_class_and_one_of_a_rare_class_are_not_listed():
    y = np.r_[np.zeros(50, dtype=int), 1, 1]
    own = np.r_[np.full(50, 0.6), 0.01, 0.01]
    assert doubtful_labels(probabilities(own, y), y) == []


def test_multi_label_names_the_class_that_the_label_should_have_or_lack():
    y = np.tile([[1, 0], [0, 1]], (20, 1))
    p = np.where(y == 1, 0.9, 0.1)
    p[4], p[9] = [0.02, 0.1], [0.98, 0.9]
    listed = doubtful_labels(p, y)
    assert [(d.row, d.given, d.present) for d in listed] == [(4, 0, True), (9, 0, False)]
    assert listed[0].probability < 0.03
