"""Subpool and balance around any strategy, pools above the exact size, k-means, and any number of threads."""

import numpy as np
import pytest
from strategy_pools import clustered, multi_label
from threadpoolctl import threadpool_limits

from ml_backend.learning import NeedsHead, Pool, initial, strategies
from ml_backend.learning.numerics import kmeans as kmeans_module
from ml_backend.learning.numerics.kmeans import kmeans


@pytest.mark.parametrize("name", strategies.names())
def test_with_a_subpool_all_picks_are_from_a_random_part_of_the_pool(name):
    pool = clustered()
    rng = np.random.default_rng(0)
    drawn = rng.choice(pool.unlabeled, 30, replace=False, shuffle=False)
    picks = strategies.select(name, pool, 10, np.random.default_rng(0), subpool=30)
    within = pool.narrowed(np.isin(np.arange(len(pool)), drawn))
    assert picks.tolist() == strategies.select(name, within, 10, rng).tolist()


def test_a_subpool_smaller_than_the_batch_is_enlarged_to_the_batch():
    assert len(strategies.select("badge", clustered(), 10, np.random.default_rng(0), subpool=3)) == 10


@pytest.mark.parametrize("name", strategies.names())
def test_balance_picks_the_predicted_classes_with_the_fewest_labels_first(name):
    pool = clustered(n=300, labeled=12)
    labels = pool.labels.copy()
    labels[np.flatnonzero(labels == 0)[1:]] = -1
    pool = Pool(pool.embeddings, labels, 3, pool.head)
    ranked = strategies.select(name, pool, 60, np.random.default_rng(0))
    have = np.bincount(labels[labels >= 0], minlength=3)
    predicted = pool.head.predict_proba(pool.embeddings).argmax(axis=1)
    expected, left = [], ranked.tolist()
    while len(expected) < 15:
        offered = {predicted[row] for row in left}
        fewest = min(have[c] for c in offered)
        row = next(row for row in left if have[predicted[row]] == fewest)
        have[predicted[row]] += 1
        left.remove(row)
        expected.append(row)
    assert strategies.select(name, pool, 15, np.random.default_rng(0), balance=4).tolist() == expected


@pytest.mark.parametrize(
    ("options", "message"),
    [({"subpool": 0}, "subpool must be 1 or more, got 0"), ({"balance": -1}, "balance must be 1 or more, got -1")],
)
def test_sizes_out_of_range_are_refused_with_the_number(options, message):
    with pytest.raises(ValueError, match=message):
        strategies.select("random", clustered(), 5, np.random.default_rng(0), **options)


def test_balance_without_predicted_classes_is_refused():
    pool = clustered()
    with pytest.raises(NeedsHead, match="balance needs a fitted head"):
        strategies.select("random", Pool(pool.embeddings, pool.labels, 3), 5, np.random.default_rng(0), balance=2)
    with pytest.raises(ValueError, match="exclusive classes"):
        strategies.select("random", multi_label(), 5, np.random.default_rng(0), balance=2)


@pytest.mark.parametrize("name", ["bait", "max_herding", "probcover", "typiclust", "uherding"])
def test_above_the_exact_size_a_random_sample_is_used(name):
    pool = clustered(n=400, labeled=30)
    exact = strategies.select(name, pool, 8, np.random.default_rng(0), exact_up_to=370)
    sampled = [strategies.select(name, pool, 8, np.random.default_rng(s), exact_up_to=100) for s in range(2)]
    assert exact.tolist() == strategies.select(name, pool, 8, np.random.default_rng(0)).tolist()
    for picks in sampled:
        assert len(np.unique(picks)) == 8
        assert np.isin(picks, pool.unlabeled).all()
    if name != "typiclust":  # its clusters are all smaller
        assert sampled[0].tolist() != sampled[1].tolist()


def test_a_sample_covers_nearly_as_much_as_the_whole_pool():
    pool = clustered(n=3000, d=4, labeled=30)
    x = pool.embeddings / np.linalg.norm(pool.embeddings, axis=1, keepdims=True)

    def cover(picks: np.ndarray) -> float:
        centres = x[np.concatenate([pool.labeled, picks])]
        return float(np.exp(-(2 - 2 * x @ centres.T)).max(axis=1).mean())

    exact = cover(strategies.select("max_herding", pool, 10, np.random.default_rng(0)))
    sampled = cover(strategies.select("max_herding", pool, 10, np.random.default_rng(0), exact_up_to=500))
    random = cover(strategies.select("random", pool, 10, np.random.default_rng(0)))
    assert random < sampled <= exact + 1e-4
    assert exact - sampled < 0.2 * (exact - random)


def test_typiclust_with_a_sample_of_a_large_cluster_still_picks_its_middle():
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(size=(1500, 2)), rng.normal(size=(60, 2)) + 50]).astype(np.float32)
    pool = Pool(x, np.full(len(x), -1), 2)
    first, second = initial.select("typiclust", pool, 2, np.random.default_rng(1), exact_up_to=400)
    assert np.linalg.norm(x[first]) < 0.5
    assert np.linalg.norm(x[second] - 50) < 1.0


def test_typiclust_picks_from_clusters_that_are_too_small_last():
    rng = np.random.default_rng(0)
    far = np.array([[-999.0, 0.0], [-999.0, 0.1], [-999.0, 0.2]])
    x = np.concatenate([rng.normal(size=(9, 2)), rng.normal(size=(9, 2)) + 60, far]).astype(np.float32)
    labels = np.where(np.isin(np.arange(21), [0, 9]), 0, -1)
    pool = Pool(x, labels, 2)
    assert strategies.select("typiclust", pool, 1, np.random.default_rng(0)).tolist() == [19]
    picks = strategies.select("typiclust", pool, 19, np.random.default_rng(0), max_clusters=3, min_cluster_size=4)
    assert sorted(picks[-3:].tolist()) == [18, 19, 20]
    assert len(strategies.select("typiclust", pool, 5, np.random.default_rng(0), min_cluster_size=99)) == 5


@pytest.mark.parametrize(("options", "stage"), [({}, "typiclust"), ({"typiclust_up_to": 18}, "margin")])
def test_tcm_switches_to_margin_at_its_number_of_labels_with_and_without_balance(options, stage):
    pool = clustered(labeled=18)
    for balance in (None, 4):
        picks = strategies.select("tcm", pool, 3, np.random.default_rng(0), balance=balance, **options)
        assert picks.tolist() == strategies.select(stage, pool, 3, np.random.default_rng(0), balance=balance).tolist()


@pytest.mark.parametrize("name", strategies.names())
def test_picks_are_the_same_on_any_number_of_threads(name):
    pool = clustered(n=5000, d=33, n_classes=7, labeled=70)
    picks = []
    for threads in (1, 2, 3):
        with threadpool_limits(threads):
            fresh = Pool(pool.embeddings, pool.labels, 7, pool.head)
            picks.append(strategies.select(name, fresh, 20, np.random.default_rng(0)).tolist())
    assert picks[0] == picks[1] == picks[2]


def test_a_part_of_a_pool_reuses_its_probabilities(monkeypatch):
    pool = clustered()
    expected = pool.probabilities[5:]
    monkeypatch.setattr(pool.head, "predict_proba", lambda X: pytest.fail("computed again"))
    assert np.array_equal(pool.without(pool.unlabeled[:5]).probabilities, expected)


def test_kmeans_finds_separate_clusters_and_their_means():
    rng = np.random.default_rng(0)
    x = (rng.normal(size=(5, 8)) * 20)[np.arange(500) % 5] + rng.normal(size=(500, 8))
    x = x.astype(np.float32)
    clustering = kmeans(lambda index: x[index], 500, 5, np.random.default_rng(0), settled=0)
    assert len({tuple(clustering.assigned[c::5]) for c in range(5)}) == 5
    for c in range(5):
        mine = clustering.assigned == clustering.assigned[c]
        assert mine[c::5].all()
        np.testing.assert_allclose(clustering.centres[clustering.assigned[c]], x[mine].mean(axis=0), atol=1e-3)


def test_kmeans_clusters_are_about_as_tight_as_scikit_learn_s():
    from sklearn.cluster import KMeans

    x = clustered(n=2000, d=16, n_classes=10).embeddings
    for k in (10, 100):
        ours = np.mean([kmeans(lambda i: x[i], 2000, k, np.random.default_rng(s)).distances.sum() for s in range(3)])
        theirs = np.mean([KMeans(k, n_init=1, random_state=s).fit(x).inertia_ for s in range(3)])
        assert ours < 1.05 * theirs


def test_kmeans_fitted_to_a_sample_assigns_all_rows():
    x = clustered(n=3000, d=4).embeddings
    clustering = kmeans(lambda i: x[i], 3000, 3, np.random.default_rng(0), training_rows=100)
    d = ((x[:, None] - clustering.centres) ** 2).sum(axis=2)
    assert np.array_equal(clustering.assigned, d.argmin(axis=1))
    np.testing.assert_allclose(clustering.distances, d.min(axis=1), atol=1e-3)


def test_kmeans_logs_that_it_fits_a_sample_and_limits_its_memory(monkeypatch, caplog):
    monkeypatch.setattr(kmeans_module, "HELD_BYTES", 4 * 4 * 100)
    x = clustered(n=3000, d=4).embeddings
    with caplog.at_level("INFO"):
        kmeans(lambda i: x[i], 3000, 30, np.random.default_rng(0))
        kmeans(lambda i: x[i], 3000, 2, np.random.default_rng(0), training_rows=200)
        kmeans(lambda i: x[i], 3000, 2, np.random.default_rng(0), training_rows=1500)
    assert [record.getMessage() for record in caplog.records] == [
        "fitting 30 centres to a random 100 of 3000 rows",
        "fitting 2 centres to a random 400 of 3000 rows",
    ]


@pytest.mark.parametrize(
    ("select", "name"),
    [(strategies.select, n) for n in ("typiclust", "dropquery", "alfamix", "probcover")] + [(initial.select, "kmeans")],
)
def test_every_strategy_with_kmeans_has_the_option_training_rows(select, name, caplog):
    pool = clustered(n=2000, labeled=30)
    with caplog.at_level("INFO"):
        picks = select(name, pool, 3, np.random.default_rng(0), training_rows=5)
    assert len(np.unique(picks)) == 3
    assert "centres to a random" in caplog.text
    with pytest.raises(ValueError, match="training_rows must be 1 or more, got 0"):
        select(name, pool, 3, np.random.default_rng(0), training_rows=0)


def test_kmeans_of_fewer_distinct_rows_than_clusters_leaves_clusters_empty():
    x = np.repeat(np.eye(3, dtype=np.float32), 10, axis=0)
    clustering = kmeans(lambda i: x[i], 30, 8, np.random.default_rng(0))
    assert len(np.unique(clustering.assigned)) == 3
    assert clustering.distances.max() == 0
