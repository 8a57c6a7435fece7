"""A head that knows the class names: refinement, strength and fit against independent forms, and what users rely on."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit, log_softmax

from ml_backend.learning.cycle import Cycle
from ml_backend.learning.head import Head
from ml_backend.learning.head.class_prior import class_prior, sample_rows
from ml_backend.learning.head.files import from_bytes, to_bytes
from ml_backend.learning.head.named_classes import (
    INTERCEPT_VARIANCE,
    LABELS_TO_HALF,
    VARIANCE_PER_NAMES,
    penalty,
    residual_variance,
    strength_of_names,
)
from ml_backend.learning.head.prior_strength import ODDS_FOR_NAMES, RAMP, SPREAD, STRENGTH
from ml_backend.learning.numerics.finite import NotFinite


def texts_around_names(n=400, K=4, D=24, noise=0.35, seed=0):
    """Texts X (n, D) float32 of length 1 that lie around the class vectors N (K, D), and their classes (n,)."""
    rng = np.random.default_rng(seed)
    N = np.linalg.qr(rng.normal(size=(D, D)))[0][:K]
    common = rng.normal(size=D) * 0.1
    y = rng.permutation(np.arange(n) % K)
    X = N[y] + common + noise * rng.normal(size=(n, D))
    return (X / np.linalg.norm(X, axis=1, keepdims=True)).astype(np.float32), y, N.astype(np.float32)


def prior_of(X, N, seed=0):
    return class_prior(N, X, np.arange(len(X)), seed)


def accuracy(head, X, y):
    return (head.predict_proba(X).argmax(axis=1) == y).mean()


def test_names_are_refined_as_defined():
    X, _, N = texts_around_names(n=60)
    M = [row / np.linalg.norm(row) for row in N.astype(float)]
    scale = np.sqrt(np.mean([x @ x for x in X.astype(float)]))
    texts = [x / scale for x in X.astype(float)]
    for _ in range(10):
        middle = sum(M) / len(M)
        shares = [np.exp(log_softmax([15 * x @ (m - middle) for m in M])) for x in texts]
        means = [
            sum(s[k] * x for s, x in zip(shares, texts, strict=True)) / sum(s[k] for s in shares) for k in range(4)
        ]
        mixed = [n / np.linalg.norm(n) / 2 + m / np.linalg.norm(m) / 2 for n, m in zip(N, means, strict=True)]
        M = [m / np.linalg.norm(m) for m in mixed]
    expected = (np.array(M) - np.mean(M, axis=0)) / scale
    np.testing.assert_allclose(prior_of(X, N).centre, expected, atol=1e-6)


def test_the_strength_is_that_of_a_search_over_all_strengths():
    X, y, N = texts_around_names(noise=0.9)
    y = np.where(np.arange(len(y)) % 3 == 0, 0, y)  # unequal classes, some against the names
    X, y = X[:60], y[:60]
    prior = prior_of(X, N)
    S = X.astype(float) @ prior.centre.T.astype(float)
    counts = np.bincount(y, minlength=4)
    left_out = np.array([[np.log((counts[c] - (c == label) + 1) / (59 + 4)) for c in range(4)] for label in y])
    strengths = np.linspace(0, 40, 4001)

    def nats(kappa, offset):
        return -log_softmax(kappa * S + offset, axis=1)[np.arange(60), y].sum()

    def lowest(offset):
        losses = [nats(kappa, offset) + ((kappa - STRENGTH) / SPREAD) ** 2 / 2 for kappa in strengths]
        return strengths[np.argmin(losses)], min(losses)

    (by_base, base_loss), (by_frequency, frequency_loss) = lowest(0.0), lowest(left_out)
    found = strength_of_names(X, y, prior)
    evidence = min(60 * np.log(4), nats(0.0, left_out)) - min(base_loss, frequency_loss)
    weight = expit(2.0 * (base_loss - frequency_loss - 0.5))
    share = np.clip((evidence + ODDS_FOR_NAMES) / RAMP, 0, 1)
    assert found.evidence == pytest.approx(evidence, abs=1e-3)
    assert found.kappa == pytest.approx(share * (weight * by_frequency + (1 - weight) * by_base), abs=0.02)


@pytest.mark.parametrize("K", [2, 4])
def test_the_fit_is_the_optimum_of_its_objective(K):
    X, y, N = texts_around_names(K=K, D=6, noise=0.8)
    X, y = X[:30], y[:30]
    prior = prior_of(X, N)
    strength = strength_of_names(X, y, prior)
    C = 30 * 30 / (30 + LABELS_TO_HALF)  # more variance than C allows, in the prior that is used here
    prior = replace(prior, variance=1.0)
    assert penalty(prior, strength, 0.0, 30, 30.0) == pytest.approx(C)
    head = Head(C=30.0).fit(X, y, K, prior)
    centre, mean = strength.kappa * prior.centre.astype(float), X.mean(axis=0).astype(float)
    # The binary form penalises the difference of the two rows, as scikit-learn does.
    halves = 0.5 if K == 2 else 1.0

    def objective(parameters):
        V = parameters.reshape(K, 7)
        F = X.astype(float) @ (centre + V[:, :-1]).T + strength.offset + V[:, -1]
        if K == 2:
            squares = ((V[1, :-1] - V[0, :-1]) ** 2).sum()
            intercepts = (V[1] - V[0])[-1] + (V[1, :-1] - V[0, :-1]) @ mean
        else:
            squares, intercepts = (V[:, :-1] ** 2).sum(), V[:, -1] + V[:, :-1] @ mean
        likelihood = log_softmax(F, axis=1)[np.arange(30), y].sum()
        return -likelihood + squares / (2 * C) + (np.sum(intercepts**2)) / (2 * INTERCEPT_VARIANCE)

    best = minimize(objective, np.zeros(K * 7), method="BFGS", options={"gtol": 1e-9, "maxiter": 5000})
    V = best.x.reshape(K, 7)
    expected = X.astype(float) @ (centre + V[:, :-1]).T + strength.offset + V[:, -1]
    logits = head.decision_function(X).astype(float)
    differences = logits - logits[:, :1], expected - expected[:, :1]
    np.testing.assert_allclose(*differences, atol=4e-3 / halves)  # a probability within 1e-3


def test_names_alone_tell_classes_apart():
    X, y, N = texts_around_names()
    head = Head(C=30.0).fit(X[:0], y[:0], 4, prior_of(X, N))
    assert accuracy(head, X, y) > 0.95
    assert head.seen.all()
    assert (head.prior_strength, head.prior_evidence) == (STRENGTH, 0.0)


def test_labels_that_agree_are_evidence_for_the_names():
    X, y, N = texts_around_names()
    heads = [Head(C=30.0).fit(X[:n], y[:n], 4, prior_of(X, N)) for n in (5, 40)]
    assert 0 < heads[0].prior_evidence < heads[1].prior_evidence
    assert min(accuracy(head, X, y) for head in heads) > 0.95


def test_names_of_the_wrong_classes_are_given_up():
    X, y, N = texts_around_names()
    plain, named = (
        Head(C=30.0).fit(X[:20], y[:20], 4),
        Head(C=30.0).fit(X[:20], y[:20], 4, prior_of(X, N[[1, 2, 3, 0]])),
    )
    assert named.prior_strength == 0.0
    assert named.prior_evidence < -ODDS_FOR_NAMES + 0.01
    np.testing.assert_array_equal(named.weights, plain.weights)
    np.testing.assert_array_equal(named.bias, plain.bias)


def test_the_more_labels_the_more_the_weights_may_vary():
    X, y, N = texts_around_names()
    prior = prior_of(X, N)
    strength = strength_of_names(X, y, prior)
    few, many = (penalty(prior, strength, 0.0, n, 30.0) for n in (5, 300))
    assert few < many <= 30.0
    expected = VARIANCE_PER_NAMES * strength.kappa**2 * prior.variance
    assert many == pytest.approx(np.clip(expected, 3.0, 30.0) * 300 / (300 + LABELS_TO_HALF))


def test_the_residual_variance_is_that_of_a_sum_over_all_pairs():
    rng = np.random.default_rng(0)
    X, residuals, curvature = rng.normal(size=(12, 3)), rng.normal(size=(4, 12)), rng.random((4, 12)) / 4
    centred = X - X.mean(axis=0)
    pairs = [(i, j) for i in range(12) for j in range(12) if i != j]
    explained = sum(centred[i] @ centred[j] * (residuals[:, i] @ residuals[:, j]) for i, j in pairs)
    expected = sum((centred[i] @ centred[j]) ** 2 * (curvature[:, i] @ curvature[:, j]) for i, j in pairs)
    found = residual_variance(X, residuals, curvature)
    assert found == pytest.approx(max(0, explained / expected - np.sqrt(2 / expected)))
    labels_like_texts = np.sign(centred[:, :1].T) * 0.5
    assert residual_variance(X, labels_like_texts, np.full((1, 12), 0.25)) > 0


def test_labels_win_where_names_say_little():
    X, y, N = texts_around_names(K=8)
    rng = np.random.default_rng(0)
    vague = 0.15 * N + rng.normal(size=N.shape).astype(np.float32) * 0.2
    plain, named = Head(C=30.0).fit(X[:60], y[:60], 8), Head(C=30.0).fit(X[:60], y[:60], 8, prior_of(X, vague))
    assert accuracy(named, X, y) > accuracy(plain, X, y) - 0.02


def test_frequent_classes_are_learned_from_few_labels_where_names_say_nothing():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(500, 24)).astype(np.float32)
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    y = (rng.random(500) < 0.1).astype(np.int64)
    head = Head(C=30.0).fit(X[:20], y[:20], 2, prior_of(X, rng.normal(size=(2, 24)).astype(np.float32)))
    assert accuracy(head, X, y) > 0.8


def test_a_text_has_one_of_several_labels_on_average_before_the_first_label():
    X, _, N = texts_around_names()
    head = Head(C=30.0).fit(X[:0], np.empty((0, 4), dtype=np.int64), 4, prior_of(X, N))
    assert head.multi_label
    assert head.predict_proba(X).sum(axis=1).mean() == pytest.approx(1.0, abs=0.02)


def test_names_help_where_a_text_can_have_several_labels():
    X, y, N = texts_around_names(n=800)
    both = X[:400] + X[400:]
    both /= np.linalg.norm(both, axis=1, keepdims=True)
    Y = np.zeros((400, 4), dtype=np.int64)
    Y[np.arange(400), y[:400]] = Y[np.arange(400), y[400:]] = 1
    prior = prior_of(both, N)
    plain, named = Head(C=30.0).fit(both[:8], Y[:8], 4), Head(C=30.0).fit(both[:8], Y[:8], 4, prior)
    right = [((head.predict_proba(both) >= 0.5) == Y).mean() for head in (plain, named)]
    assert right[1] > right[0] + 0.05
    assert named.prior_evidence > 0


def test_a_head_with_names_is_restored_from_its_bytes():
    X, y, N = texts_around_names()
    head = Head(C=30.0).fit(X[:10], y[:10], 4, prior_of(X, N))
    np.testing.assert_array_equal(from_bytes(to_bytes(head)).predict_proba(X), head.predict_proba(X))


def test_the_sample_stays_the_same_but_for_the_rows_that_come_or_go():
    rows = np.arange(5000)
    before = sample_rows(rows, 300, seed=3)
    without = sample_rows(np.setdiff1d(rows, before[:2]), 300, seed=3)
    assert len(np.setdiff1d(before[2:], without)) == 0
    assert len(np.setdiff1d(without, before)) == 2
    more = sample_rows(np.arange(6000), 300, seed=3)
    assert len(np.intersect1d(before, more)) > 200
    np.testing.assert_array_equal(sample_rows(rows[:100], 300, seed=3), rows[:100])


@pytest.mark.parametrize("factor", [0.01, 7.0])
def test_the_length_of_the_embeddings_does_not_matter(factor):
    X, y, N = texts_around_names()
    cycle, scaled = Cycle("random", "random", 1), (factor * X).astype(np.float32)
    first = cycle.fit(X[:12], y[:12], 4, prior_of(X, N)).predict_proba(X)
    second = cycle.fit(scaled[:12], y[:12], 4, prior_of(scaled, N)).predict_proba(scaled)
    np.testing.assert_allclose(first, second, atol=2e-3)


def test_inputs_stay_as_they_are_and_the_result_is_the_same_every_time():
    X, y, N = texts_around_names()
    before = X.copy(), y.copy(), N.copy()
    first, second = (Head(C=30.0).fit(X[:30], y[:30], 4, prior_of(X, N)) for _ in range(2))
    np.testing.assert_array_equal(first.weights, second.weights)
    for now, then in zip((X, y, N), before, strict=True):
        np.testing.assert_array_equal(now, then)


def test_a_cycle_has_a_head_before_the_first_label_and_the_initial_method_chooses():
    X, y, N = texts_around_names()
    proposal = Cycle("uherding", "typiclust", 8).propose(X, np.full(400, -1), 4, 0, prior=prior_of(X, N))
    assert proposal.method == "typiclust"
    assert accuracy(proposal.head, X, y) > 0.95


def test_what_does_not_fit_is_refused():
    X, y, N = texts_around_names()
    with pytest.raises(ValueError, match="2 classes, and the head 4"):
        Head().fit(X[:5], y[:5], 4, prior_of(X, N[:2]))
    with pytest.raises(ValueError, match="24 dimensions"):
        Head().fit(X[:5, :7], y[:5], 4, prior_of(X, N))
    with pytest.raises(ValueError, match=r"must be \(n_classes, 24\)"):
        prior_of(X, N[:, :3])
    with pytest.raises(NotFinite, match="row 1 of the embeddings of the class vectors"):
        prior_of(X, np.where(np.arange(4)[:, None] == 1, np.nan, N))


def test_many_labels_that_alternate_between_the_classes_say_as_much_as_in_any_order():
    X, y, N = texts_around_names(n=1000, K=2)
    prior = prior_of(X, N)
    alternating = np.stack([np.flatnonzero(y == 0), np.flatnonzero(y == 1)], axis=1).ravel()
    in_turn, in_any_order = (strength_of_names(X[rows], y[rows], prior) for rows in (alternating, np.arange(1000)))
    assert in_turn.evidence > 0.9 * in_any_order.evidence
