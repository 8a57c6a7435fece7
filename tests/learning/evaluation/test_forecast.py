"""How much more labelling would bring."""

from math import log2

import pytest

from ml_backend.learning.evaluation.forecast import labels_to_gain


def test_accuracy_is_taken_to_rise_with_the_logarithm_of_the_labels():
    # From 100 to 200 labels a tenth of the predictions changed, which brings .02; half of it takes half a doubling.
    forecast = labels_to_gain(0.01, 200, 0.1, 100)
    assert forecast.labels == pytest.approx(200 * 2**0.5 - 200, abs=1)
    assert forecast.low == pytest.approx(forecast.labels / 3, abs=1)
    assert forecast.high == pytest.approx(forecast.labels * 3, abs=3)


def test_the_gain_until_a_forecast_is_the_one_asked_for():
    for n, changed in ((150, 0.3), (1000, 0.05)):
        labels = labels_to_gain(0.01, n, changed, 100).labels
        a_doubling_brings = 0.2 * changed / log2(n / (n - 100))
        assert a_doubling_brings * log2((n + labels) / n) == pytest.approx(0.01, rel=0.1)


@pytest.mark.parametrize(("n", "changed"), [(300, 0.0), (100, 0.2), (300, 0.001)])
def test_there_is_no_forecast_where_nothing_changes_or_too_little(n, changed):
    assert labels_to_gain(0.01, n, changed, 100) is None
