"""The picks of scikit-activeml, wherever it defines a strategy as we do.

Its definition differs for badge (the origin stays a centre), dropquery (dropped inputs are not scaled up), probcover's
radius (a grid of radii) and typiclust once every cluster has a label (uniform). It has no bait, no alfamix, no uherding
and no tcm.
"""

import numpy as np
import pytest
from skactiveml import pool as peers
from skactiveml.classifier import SklearnClassifier
from sklearn.linear_model import LogisticRegression
from strategy_pools import clustered

from ml_backend.learning import strategies
from ml_backend.learning.head.uncertainty import prediction_error
from ml_backend.learning.numerics.kmeans import kmeans
from ml_backend.learning.numerics.neighbours import Nearest, Points
from ml_backend.learning.strategies.probcover import pure_radius


@pytest.fixture(params=["random", "real"])
def both(request):
    """A pool, and its vectors and labels in the form of scikit-activeml."""
    pool = request.getfixturevalue("real") if request.param == "real" else clustered()
    return pool, pool.embeddings.astype(np.float64), np.where(pool.labels < 0, np.nan, pool.labels)


def classifier(pool, x, y):
    head = SklearnClassifier(LogisticRegression(tol=1e-10, max_iter=10_000), classes=range(pool.n_classes))
    return head.fit(x, y)


@pytest.mark.parametrize(
    ("name", "method"),
    [("least_confidence", "least_confident"), ("margin", "margin_sampling"), ("entropy", "entropy")],
)
def test_uncertainty(both, name, method):
    pool, x, y = both
    theirs = peers.UncertaintySampling(method=method, random_state=0)
    picks = theirs.query(x, y, clf=classifier(pool, x, y), fit_clf=False, batch_size=15)
    assert strategies.select(name, pool, 15, np.random.default_rng(0)).tolist() == list(picks)


def test_coreset(both):
    pool, x, y = both
    picks = peers.CoreSet(random_state=0).query(x, y, batch_size=20)
    assert strategies.select("coreset", pool, 20, np.random.default_rng(0)).tolist() == list(picks)


def test_max_herding(both):
    pool, x, y = both
    picks = peers.MaxHerding(metric_dict={"gamma": 1.0}, random_state=0).query(x, y, batch_size=15)
    ours = strategies.select("max_herding", pool, 15, np.random.default_rng(0))
    # Of two texts that cover nearly the same, rounding decides, which is another on another processor.
    np.testing.assert_allclose(covered(pool, x, ours), covered(pool, x, np.array(picks)), rtol=1e-6)


def covered(pool, x, picks):
    """(b,) float64: how far the unlabelled rows are covered, after each pick."""
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    similarity = np.exp(2 * (unit[pool.unlabeled] @ unit.T - 1))
    cover = similarity[:, pool.labeled].max(axis=1, initial=0.0)
    return np.maximum.accumulate(np.c_[cover, similarity[:, picks]], axis=1).sum(axis=0)[1:]


def test_badge_first_pick_and_weights_of_each_later_one(both):
    pool, x, y = both
    theirs = peers.Badge(random_state=0)
    picks, weights = theirs.query(x, y, clf=classifier(pool, x, y), fit_clf=False, batch_size=8, return_utilities=True)
    assert strategies.select("badge", pool, 1, np.random.default_rng(0)).tolist() == [picks[0]]
    p = pool.probabilities
    nearest = Nearest(Points(len(p), lambda index: prediction_error(p[index], False), pool.unlabeled_embeddings))
    for step in range(1, 8):
        nearest.add_point(int(np.searchsorted(pool.unlabeled, picks[step - 1])))
        for position in range(len(p)):
            if not nearest.current(position):
                nearest.update(position)
        # scikit-activeml keeps the origin as a centre, unlike the authors' code.
        ours = np.minimum(nearest.bound, nearest.points.squared)
        ours /= ours.sum()
        unpicked = ~np.isin(pool.unlabeled, picks[:step])
        np.testing.assert_allclose(ours[unpicked], weights[step, pool.unlabeled][unpicked], atol=1e-4)


def test_typiclust_with_the_same_clusters(both):
    pool, x, y = both
    k = len(pool.labeled) + 4

    class Ours:
        def __init__(self, n_clusters):
            assert n_clusters == k

        def fit_predict(self, X):
            rng = np.random.default_rng(0)
            return kmeans(lambda index: X[index].astype(np.float32), len(X), k, rng).assigned

    picks = peers.TypiClust(cluster_algo=Ours, k=20, random_state=0).query(x, y, batch_size=4)
    ours = strategies.select("typiclust", pool, 4, np.random.default_rng(0))
    assigned = Ours(k).fit_predict(x)
    # Where clusters are equally large, or points equally typical, both decide at random.
    assert np.bincount(assigned)[assigned[ours]].tolist() == np.bincount(assigned)[assigned[picks]].tolist()
    sizes = np.bincount(assigned)
    covered = np.unique(assigned[pool.labeled])
    clear = [c for c in assigned[picks] if sizes[c] > 2 and (np.delete(sizes, covered) == sizes[c]).sum() == 1]
    assert [p for p in ours if assigned[p] in clear] == [p for p in picks if assigned[p] in clear]


@pytest.mark.filterwarnings("ignore:The maximum purity was -1")
def test_probcover_with_the_same_radius(both):
    pool, x, y = both
    delta = pure_radius(pool.embeddings, pool.n_classes, 0.95, 1000, np.random.default_rng(0))
    picks = strategies.select("probcover", pool, 12, np.random.default_rng(0), delta=delta)
    for row in picks:
        theirs = peers.ProbCover(deltas=[delta * (1 - 1e-6)], n_classes=pool.n_classes, random_state=0)
        _, gain = theirs.query(x, y, batch_size=1, return_utilities=True)
        # Many texts cover equally many others; ours must be among the best of theirs.
        assert gain[0, row] == np.nanmax(gain)
        y[row] = 0
