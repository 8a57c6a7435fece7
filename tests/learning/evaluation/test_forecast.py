"""How much more labelling would bring."""

import pytest

from ml_backend.learning.evaluation.forecast import error_after, labels_until


def test_a_doubling_leaves_the_same_share_of_the_error():
    assert error_after(0.2, 100, 200) == pytest.approx(0.2 * 0.82)
    assert error_after(0.2, 100, 800) == pytest.approx(0.2 * 0.82**3)


@pytest.mark.parametrize(("accuracy", "target", "n"), [(0.8, 0.81, 300), (0.6, 0.9, 50), (0.97, 0.98, 1000)])
def test_the_labels_of_a_forecast_reach_its_target(accuracy, target, n):
    forecast = labels_until(accuracy, target, n)
    assert (
        1 - error_after(1 - accuracy, n, n + forecast.labels)
        >= target
        > 1 - error_after(1 - accuracy, n, n + forecast.labels - 1)
    )
    assert forecast.low == pytest.approx(forecast.labels / 2, abs=1)
    assert forecast.high == pytest.approx(forecast.labels * 2, abs=1)


@pytest.mark.parametrize(
    ("accuracy", "target", "n"), [(0.8, 0.8, 300), (0.9, 0.8, 300), (0.8, 1.0, 300), (0.8, 0.81, 0)]
)
def test_there_is_no_forecast_for_what_is_reached_or_cannot_be(accuracy, target, n):
    assert labels_until(accuracy, target, n) is None


def test_a_target_that_takes_for_ever_has_no_forecast():
    assert labels_until(0.5, 0.999_999, 10) is None
