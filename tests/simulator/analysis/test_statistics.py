"""Areas, tests, intervals and correlations, compared with numbers computed by hand or by scipy."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest
import scikit_posthocs
from scipy import stats
from synthetic_results import synthetic_results

from simulator.analysis.comparisons import compare, gains, initial_effects, shared, variance_shares
from simulator.analysis.complete_runs import RUN, audit
from simulator.analysis.learning_curves import areas
from simulator.analysis.rank_correlation import mean_spearman, spearman
from simulator.analysis.statistics import (
    area,
    friedman,
    holm,
    labels_to_reach,
    mean_interval,
    paired_t,
    pitman_morgan,
    shares_above,
    smallest_p,
    wilcoxon,
)


def test_area_is_the_trapezoid_over_labels_divided_by_the_span():
    labels = np.array([0.0, 10.0, 40.0])
    # (10 · 0.3 + 30 · 0.5) / 40
    assert area(labels, np.array([0.2, 0.4, 0.6]), 0, 40) == pytest.approx(0.45)
    # From 10 to 25 the curve rises from 0.4 to 0.5.
    assert area(labels, np.array([0.2, 0.4, 0.6]), 10, 25) == pytest.approx(0.45)


def test_area_interpolates_bounds_between_points():
    assert area(np.array([0.0, 9.0]), np.array([0.0, 0.9]), 3, 6) == pytest.approx(0.45)


@pytest.mark.parametrize("labels", [[5.0], [5.0, 5.0], [5.0, 4.0]])
def test_area_refuses_labels_that_do_not_rise(labels):
    with pytest.raises(ValueError, match="each larger"):
        area(np.array(labels), np.zeros(len(labels)), labels[0], labels[-1])


def test_areas_of_thirds_average_to_the_area_of_the_whole():
    table = areas(synthetic_results(["trec6"], ["minilm"], ["random", "badge"], seeds=2, cycles=7), "accuracy")
    assert np.allclose(table[["early", "middle", "late"]].mean(axis=1), table["whole"])


def test_holm_by_hand():
    # Sorted 0.01, 0.02, 0.025, 0.9 times 4, 3, 2, 1; the third may not fall below the second.
    assert holm(np.array([0.025, 0.01, 0.9, 0.02])) == pytest.approx([0.06, 0.04, 0.9, 0.06])


def test_holm_does_not_count_missing_p_values():
    corrected = holm(np.array([0.01, np.nan, 0.04]))
    assert corrected[[0, 2]] == pytest.approx([0.02, 0.04])
    assert np.isnan(corrected[1])


@pytest.mark.parametrize("alternative", ["two-sided", "greater", "less"])
@pytest.mark.parametrize("n", [4, 13, 50, 51, 200])
def test_wilcoxon_is_scipys(n, alternative):
    differences = np.random.default_rng(n).normal(0.2, 1, n)
    ours = wilcoxon(differences, alternative)
    theirs = stats.wilcoxon(differences, zero_method="pratt", alternative=alternative)
    assert ours.p == pytest.approx(theirs.pvalue, rel=1e-9)


def test_wilcoxon_with_ties_and_zeros_counts_all_signs():
    differences = np.array([0.0, 1.0, -1.0, 2.0, 2.0, 3.0, 0.0])
    ranks = stats.rankdata(np.abs(differences))[differences != 0]
    observed = ranks[differences[differences != 0] > 0].sum()
    sums = [np.dot(signs, ranks) for signs in product([0, 1], repeat=len(ranks))]
    assert wilcoxon(differences, "greater").p == pytest.approx(np.mean(np.array(sums) >= observed))


def test_wilcoxon_ranks_zeros_too():
    # Ranks 3, 4, 5, the last one negative: 4 of 8 signs give at least 3 + 4. Without the zeros it would be 5 of 8.
    assert wilcoxon(np.array([0.0, 0.0, 1.0, 2.0, -3.0]), "greater").p == pytest.approx(4 / 8)


def test_five_pairs_cannot_be_significant_in_a_two_sided_test():
    assert wilcoxon(np.array([1.0, 2.0, 3.0, 4.0, 5.0])).p == smallest_p(5) == 1 / 16


def test_wilcoxon_of_nothing_and_of_zeros():
    assert np.isnan(wilcoxon(np.array([np.nan])).p)
    assert wilcoxon(np.zeros(6)).p == 1


def test_paired_t_is_scipys():
    differences = np.random.default_rng(0).normal(0.3, 1, (6, 3))
    assert paired_t(differences) == pytest.approx(stats.ttest_1samp(differences, 0).pvalue)
    assert paired_t(np.array([[0.0, 1.0], [0.0, 1.0]])).tolist() == [1.0, 0.0]


@pytest.mark.parametrize("n", [2, 3, 5, 12])
def test_intervals_cover_the_mean_about_as_often_as_they_say(n):
    draws = np.random.default_rng(n).normal(0, 1, (n, 4000))
    low, high = mean_interval(draws)
    assert 0.92 < np.mean((low <= 0) & (high >= 0)) < 0.975


def test_interval_of_one_value_is_unknown():
    low, high = mean_interval(np.array([[0.3, 0.4]]))
    assert np.isnan([low, high]).all()


def test_wins_count_ties_separately_and_leave_out_missing_rows():
    values = np.array([[0.5, 0.5, 0.1], [0.6, 0.5, np.nan], [0.4, 0.5, 0.9], [0.7, 0.5, np.nan]])
    wins, ties, rows = shares_above(values)
    assert (wins[0, 1], ties[0, 1], wins[1, 0]) == (0.5, 0.25, 0.25)
    assert (wins[0, 2], wins[2, 0], rows[0, 2]) == (0.5, 0.5, 2)
    assert np.allclose(wins + wins.T + ties, 1)


def test_friedman_and_critical_difference():
    values = np.random.default_rng(0).random((9, 5)) + np.arange(5) * 0.2
    ours = friedman(values)
    theirs = stats.friedmanchisquare(*values.T)
    assert (ours.statistic, ours.p) == pytest.approx((theirs.statistic, theirs.pvalue))
    assert ours.mean_ranks[4] < ours.mean_ranks[0]
    # Demšar (2006), table 5: q = 2.728 for five classifiers.
    assert ours.critical_difference == pytest.approx(2.728 * np.sqrt(5 * 6 / (6 * 9)), rel=1e-3)
    gaps = np.abs(ours.mean_ranks[:, None] - ours.mean_ranks)
    nemenyi = scikit_posthocs.posthoc_nemenyi_friedman(values).to_numpy()
    assert ((gaps > ours.critical_difference) == (nemenyi < 0.05)).all()


def test_friedman_refuses_missing_values():
    with pytest.raises(ValueError, match="every strategy in every block"):
        friedman(np.array([[1.0, 2.0, np.nan], [1.0, 2.0, 3.0]]))


def test_spearman_is_scipys():
    x, y = np.random.default_rng(0).integers(0, 6, (2, 20)).astype(float)
    assert spearman(x, y) == pytest.approx(stats.spearmanr(x, y).statistic)


def test_mean_spearman_permutes_embeddings_alike_in_every_dataset():
    quality = np.tile(np.arange(5.0), (3, 1))
    correlation = mean_spearman(quality, quality**2)
    # Only one of 5! orders is as extreme, however many datasets repeat it.
    assert (correlation.rho, correlation.p) == (pytest.approx(1), pytest.approx(1 / 120))


def test_mean_spearman_interval_covers_the_truth():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2000, 6))
    y = 0.7 * x + rng.normal(size=x.shape)
    truth = np.mean([spearman(a, b) for a, b in zip(x, y, strict=True)])
    correlations = [
        mean_spearman(a, b) for a, b in zip(x.reshape(-1, 8, 6)[:150], y.reshape(-1, 8, 6)[:150], strict=True)
    ]
    assert 0.9 < np.mean([correlation.low <= truth <= correlation.high for correlation in correlations]) < 1


def test_pitman_morgan_finds_the_larger_spread():
    rng = np.random.default_rng(0)
    common = rng.normal(size=12)
    spread = pitman_morgan(4 * common + rng.normal(size=12), common)
    assert spread.p < 0.01
    assert 1 < spread.low < spread.ratio < spread.high


def test_pitman_morgan_interval_agrees_with_its_test():
    rng = np.random.default_rng(1)
    for _ in range(50):
        x, y = rng.normal(size=(2, 8)) * [[1.6], [1.0]]
        spread = pitman_morgan(x, y)
        assert (spread.low > 1) == (spread.p < 0.025)


def test_labels_to_reach_interpolates():
    assert labels_to_reach(np.array([100.0, 200.0]), np.array([0.5, 0.7]), 0.6) == pytest.approx(150)
    assert np.isnan(labels_to_reach(np.array([100.0, 200.0]), np.array([0.5, 0.7]), 0.8))


def test_gain_and_effect_of_the_start_are_paired():
    index = pd.MultiIndex.from_tuples(
        [("d", "e", s, i, 0) for s in ("random", "badge") for i in ("random", "typiclust")],
        names=["dataset", "embedding", "strategy", "initial", "seed"],
    )
    values = pd.Series([0.5, 0.6, 0.7, 0.9], index=index)
    assert gains(values.unstack("strategy"))["badge"].tolist() == pytest.approx([0.2, 0.3])
    assert initial_effects(values)["typiclust"].tolist() == pytest.approx([0.15])


def indexed(levels):
    """Ones indexed by (embedding, strategy, seed): the strategies of each embedding, with three seeds."""
    keys = [
        (embedding, strategy, seed) for embedding, names in levels.items() for strategy in names for seed in range(3)
    ]
    return pd.Series(1.0, pd.MultiIndex.from_tuples(keys, names=["embedding", "strategy", "seed"]))


def test_shared_keeps_the_runs_that_all_levels_have():
    common = shared(indexed({"minilm": "abcdefghi", "tfidf": "abcd", "layer3": "abcd"}), "embedding")
    assert common.groupby(level="embedding").size().to_dict() == {"minilm": 12, "tfidf": 12, "layer3": 12}
    assert set(common.index.unique("strategy")) == set("abcd")


def test_shared_leaves_out_a_level_with_little_in_common():
    common = shared(indexed({"minilm": "abcd", "tfidf": "abcd", "layer3": "abcd", "stray": "a"}), "embedding")
    assert len(common) == 36
    assert "stray" not in common.index.unique("embedding")


def test_shared_is_empty_if_no_two_levels_have_runs_in_common():
    assert not len(shared(indexed({"minilm": "ab", "tfidf": "cd"}), "embedding"))
    assert len(shared(indexed({"minilm": "ab"}), "embedding")) == 6


def test_variance_of_embeddings_is_not_attributed_to_strategies_run_on_some_of_them():
    results = synthetic_results(
        ["trec6"], ["minilm", "layer3", "tfidf"], ["random", "badge", "bait"], seeds=3, cycles=3
    )
    unequal = results[(results["strategy"] != "bait") | (results["embedding"] == "minilm")]
    shares = variance_shares(areas(unequal, "accuracy")["whole"])
    assert shares["embedding"] > 0.9
    assert shares["strategy"] < 0.01


def test_compare_marks_ties_and_leaves_out_strategies_with_too_few_runs():
    rng = np.random.default_rng(0)
    index = pd.MultiIndex.from_product([["e"], range(20)], names=["embedding", "seed"])
    base = rng.random(20)
    values = pd.DataFrame(
        {"good": base + 0.1, "equal": base + 0.1 + rng.normal(0, 0.01, 20), "poor": base, "rare": base + 1}, index=index
    )
    values.loc[values.index[5:], "rare"] = np.nan
    table = compare(values)
    assert set(table.loc[["good", "equal"], "mark"]) == {"best", "tied"}
    assert table.loc["poor", "mark"] == "worse"
    assert table.loc["rare", "mark"] == "partial"
    assert table.loc["rare", "blocks"] == 5


def test_audit_finds_absent_and_unfinished_runs():
    results = synthetic_results(["trec6", "sst2"], ["minilm"], ["random", "badge"], seeds=3, cycles=3)
    absent = (results["strategy"] == "badge") & (results["seed"] == 2) & (results["dataset"] == "sst2")
    short = (results["dataset"] == "trec6") & (results["strategy"] == "badge") & (results["seed"] == 0)
    incomplete = results[~absent & ~(short & (results["cycle"] == 3))]
    never = results[results["seed"] == 0].assign(initial="coreset")
    audited = audit(incomplete, pd.concat([results, never])[RUN])
    assert (audited.planned, audited.complete, len(audited.missing)) == (28, 20, 8)
    assert sorted(audited.missing["found"]) == [0] * 6 + [3] * 2
    assert len(audit(incomplete).missing) == 2, "runs that nobody planned are not missing"


def test_audit_refuses_two_protocols_and_duplicated_rows():
    results = synthetic_results(["trec6"], ["minilm"], ["random", "badge"], seeds=1, cycles=3)
    with pytest.raises(ValueError, match="occur twice"):
        audit(pd.concat([results, results]))
    other = results["n_labeled"].where(results["strategy"] == "badge", results["n_labeled"] + 5)
    with pytest.raises(ValueError, match="different protocols"):
        audit(results.assign(n_labeled=other))
    with pytest.raises(ValueError, match="no column nll"):
        audit(results.drop(columns="nll"))
