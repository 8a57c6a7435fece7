import warnings

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from ml_backend.learning.head import Head


def clusters(n, D, k, seed=0, scale=1.0):
    """Rows (n, D) float32 around k centres at a distance that leaves the classes overlapping."""
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.arange(n) % k)
    X = rng.normal(size=(k, D))[y] + 2 * rng.normal(size=(n, D))
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    return (scale * X).astype(np.float32), y


def log_loss(F, y):
    if F.ndim == 1:
        return np.logaddexp(0, -(2 * y - 1) * F).sum()
    top = F.max(axis=1)
    return (np.log(np.exp(F - top[:, None]).sum(axis=1)) + top - F[np.arange(len(y)), y]).sum()


def objective(W, b, X, y, C):
    """C · Σ log loss + ½‖W‖², in float64; W (D,) for the binary form, else (k, D)."""
    W = np.asarray(W, dtype=np.float64)
    return C * log_loss(X.astype(np.float64) @ W.T + b, y) + (W**2).sum() / 2


def exact(X, y, C):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = LogisticRegression(C=C, tol=1e-9, max_iter=100_000).fit(X.astype(np.float64), y)
    W, b = model.coef_, model.intercept_
    return (W[0], b[0], model) if len(W) == 1 else (W, b, model)


def in_sklearn_form(head):
    if head.n_classes == 2:
        return head.weights[1] - head.weights[0], head.bias[1] - head.bias[0]
    return head.weights, head.bias


@pytest.mark.parametrize("C", [0.1, 1.0, 10.0, 100.0])
@pytest.mark.parametrize(
    ("n", "D", "k"), [(20, 384, 2), (60, 10, 5), (50, 384, 6), (400, 64, 2), (400, 300, 2), (150, 512, 12)]
)
def test_the_head_reaches_the_optimum_of_scikit_learn(n, D, k, C):
    X, y = clusters(n, D, k)
    head = Head(C=C).fit(X, y, k)
    W, b, model = exact(X, y, C)
    theirs, ours = objective(W, b, X, y, C), objective(*in_sklearn_form(head), X, y, C)
    assert ours <= theirs * (1 + 1e-6)
    new_rows = clusters(200, D, k, seed=1)[0]
    np.testing.assert_allclose(head.predict_proba(new_rows), model.predict_proba(new_rows), atol=1e-3)


@pytest.mark.parametrize("scale", [0.01, 30.0, 300.0])
def test_the_optimum_is_reached_for_short_and_for_long_vectors(scale):
    X, y = clusters(200, 32, 4, scale=scale)
    head = Head(C=1.0).fit(X, y, 4)
    W, b, model = exact(X, y, 1.0)
    assert objective(head.weights, head.bias, X, y, 1.0) <= objective(W, b, X, y, 1.0) * (1 + 1e-5)
    np.testing.assert_allclose(head.predict_proba(X), model.predict_proba(X), atol=1e-3)


@pytest.mark.parametrize("k", [2, 4])
def test_labels_of_huge_vectors_are_predicted_without_absurd_logits(k):
    X, y = clusters(60, 100, k, scale=1e15)
    head = Head().fit(X, y, k)
    assert (head.predict_proba(X).argmax(axis=1) == y).all()
    assert np.abs(head.decision_function(X)).max() < 1000


@pytest.mark.parametrize("k", [2, 5])
def test_tiny_vectors_with_a_penalty_for_their_scale_give_the_same_predictions(k):
    X, y = clusters(100, 20, k)
    scale = 2.0**-20
    logits = Head(C=30.0).fit(X, y, k).decision_function(X)
    of_tiny = Head(C=30.0 / scale**2).fit(X * np.float32(scale), y, k).decision_function(X * np.float32(scale))
    np.testing.assert_allclose(of_tiny, logits, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(("n", "D"), [(40, 200), (300, 24)])
@pytest.mark.parametrize("C", [0.1, 10.0])
def test_multi_label_solves_one_binary_problem_per_column(n, D, C):
    X, main_class = clusters(n, D, 4)
    rng = np.random.default_rng(3)
    Y = ((main_class[:, None] == np.arange(4)) | (rng.random((n, 4)) < 0.2)).astype(np.int64)
    head = Head(C=C).fit(X, Y, 4)
    assert head.multi_label
    for column in range(4):
        W, b, model = exact(X, Y[:, column], C)
        ours = objective(head.weights[column], head.bias[column], X, Y[:, column], C)
        assert ours <= objective(W, b, X, Y[:, column], C) * (1 + 1e-5)
        np.testing.assert_allclose(head.predict_proba(X)[:, column], model.predict_proba(X)[:, 1], atol=1e-3)


def test_a_memory_map_in_half_precision_gives_the_same_head(tmp_path):
    X, y = clusters(60, 32, 3)
    np.save(tmp_path / "x.npy", X.astype(np.float16))
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    expected = Head().fit(X.astype(np.float16).astype(np.float32), y, 3)
    head = Head().fit(mapped, y, 3)
    np.testing.assert_array_equal(head.weights, expected.weights)
    assert head.predict_proba(mapped).dtype == np.float32
    np.testing.assert_allclose(head.predict_proba(mapped), expected.predict_proba(X), atol=1e-3)


def test_classes_without_labels_get_no_probability_and_do_not_change_the_others():
    X, y = clusters(80, 32, 3)
    wide = np.array([1, 4, 6])[y]
    head, narrow = Head().fit(X, wide, 8), Head().fit(X, y, 3)
    probabilities = head.predict_proba(X)
    assert probabilities[:, [0, 2, 3, 5, 7]].max() < 1e-9
    np.testing.assert_allclose(probabilities[:, [1, 4, 6]], narrow.predict_proba(X), atol=1e-6)
    assert head.seen.tolist() == [False, True, False, False, True, False, True, False]


def test_a_single_class_gets_probability_one_even_from_one_example():
    X, _ = clusters(5, 16, 1)
    for rows in (5, 1):
        head = Head().fit(X[:rows], np.full(rows, 2), 4)
        np.testing.assert_allclose(head.predict_proba(X), np.tile([0, 0, 1, 0], (5, 1)), atol=1e-9)


def test_multi_label_columns_of_one_value_predict_its_smoothed_share():
    X, _ = clusters(9, 16, 1)
    Y = np.tile([1, 0], (9, 1))
    probabilities = Head().fit(X, Y, 2).predict_proba(X)
    np.testing.assert_allclose(probabilities, np.tile([9.5 / 10, 0.5 / 10], (9, 1)), atol=1e-6)


def test_duplicated_rows_count_as_often_as_they_occur():
    X, y = clusters(30, 16, 3)
    twice = Head(C=1.0).fit(np.r_[X, X], np.r_[y, y], 3)
    heavier = Head(C=2.0).fit(X, y, 3)
    np.testing.assert_allclose(twice.predict_proba(X), heavier.predict_proba(X), atol=1e-4)


def test_equal_rows_predict_class_shares_and_constant_features_change_little():
    y = np.array([0, 0, 0, 1])
    head = Head().fit(np.ones((4, 8), dtype=np.float32), y, 2)
    np.testing.assert_allclose(head.predict_proba(np.ones((1, 8), dtype=np.float32)), [[0.75, 0.25]], atol=1e-4)
    X, y = clusters(60, 8, 2)
    padded = np.c_[X, np.full((60, 3), 7.0, dtype=np.float32)]
    np.testing.assert_allclose(
        Head().fit(padded, y, 2).predict_proba(padded), Head().fit(X, y, 2).predict_proba(X), atol=1e-3
    )


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_embeddings_that_are_not_finite_are_refused_with_their_row(bad):
    X, y = clusters(10, 4, 2)
    head = Head().fit(X, y, 2)
    X[7, 2] = bad
    with pytest.raises(ValueError, match="row 7"):
        Head().fit(X, y, 2)
    with pytest.raises(ValueError, match="row 7"):
        head.predict_proba(X)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.array([0, 1, 2, 3]), r"row 3 has a label outside 0\.\.2: 3"),
        (np.array([0, -1, 1, 1]), r"row 1 has a label outside 0\.\.2: -1"),
        (np.zeros(3, dtype=int), r"got shape \(3,\)"),
        (np.zeros((4, 2), dtype=int), r"got shape \(4, 2\)"),
        (np.zeros(4), "whole numbers"),
    ],
)
def test_labels_that_do_not_fit_are_refused_with_the_numbers(y, message):
    with pytest.raises(ValueError, match=message):
        Head().fit(np.ones((4, 2), dtype=np.float32), y, 3)


def test_wrong_uses_of_a_head_are_refused_with_a_reason():
    with pytest.raises(ValueError, match="above 0"):
        Head(C=0)
    with pytest.raises(ValueError, match="not been fitted"):
        Head().predict_proba(np.ones((1, 2), dtype=np.float32))
    with pytest.raises(ValueError, match="at least one labelled row"):
        Head().fit(np.empty((0, 3), dtype=np.float32), np.empty(0, dtype=int), 2)
    head = Head().fit(*clusters(10, 4, 2), 2)
    with pytest.raises(ValueError, match=r"\(N, 4\)"):
        head.predict_proba(np.ones((1, 5), dtype=np.float32))


@pytest.mark.parametrize(("n", "D", "k"), [(50, 384, 6), (300, 100, 20)])
def test_any_number_of_threads_gives_the_same_head(n, D, k):
    X, y = clusters(n, D, k)
    with threadpool_limits(1):
        by_one_thread = Head().fit(X, y, k)
    with threadpool_limits(2):
        by_two_threads = Head().fit(X, y, k)
    np.testing.assert_array_equal(by_one_thread.weights, by_two_threads.weights)
    np.testing.assert_array_equal(by_one_thread.bias, by_two_threads.bias)


def test_fitting_again_forgets_the_last_fit_and_does_not_modify_its_input():
    X, y = clusters(60, 32, 3)
    X_before = X.copy()
    head = Head().fit(*clusters(90, 32, 5, seed=4), 5)
    head.temperature = 3.0
    head.fit(X, y, 3)
    np.testing.assert_array_equal(X, X_before)
    np.testing.assert_array_equal(head.weights, Head().fit(X, y, 3).weights)
    assert head.temperature == 1.0
    assert head.fit_seconds > 0
