"""Verdicts on results whose truth is known."""

from __future__ import annotations

import pytest
from synthetic_results import paper_like_gain, synthetic_quality, synthetic_results

from simulator.analysis.evidence import Evidence, decide, points
from simulator.analysis.findings import findings

DATASETS = ["agnews", "banking77", "dbpedia", "mnli", "sst2"]
EMBEDDINGS = ["minilm", "layer6", "layer3", "tfidf", "projection"]
STRATEGIES = ["random", "margin", "entropy", "badge", "coreset"]
QUALITY = synthetic_quality(DATASETS, EMBEDDINGS)
UNDECIDED_STRATEGIES = ["undecided"] * 4


def judged(quality=QUALITY, **truth):
    grid = {"datasets": DATASETS, "embeddings": EMBEDDINGS, "strategies": STRATEGIES, "seeds": 3, "cycles": 6}
    return findings(synthetic_results(**(grid | truth)), quality)


def verdicts(finding):
    return [claim.verdict for claim in finding.claims]


@pytest.fixture(scope="module")
def as_in_the_paper():
    return judged(gain=paper_like_gain, initials=("random", "typiclust", "coreset"))


@pytest.fixture(scope="module")
def opposite():
    return judged(
        gain=lambda strategy, d, quality: {"margin": 0.03, "badge": -0.02, "entropy": -0.02 * quality}.get(strategy, 0),
        start_effect=lambda initial, quality: {"typiclust": -0.05 * quality, "coreset": 0.04}.get(initial, 0),
        initials=("random", "typiclust", "coreset"),
        embedding_effect=-0.2,
    )


@pytest.mark.parametrize(
    ("low", "high", "p", "against", "verdict"),
    [
        (0.01, 0.03, 0.01, "", "supported"),
        (0.01, 0.03, 0.06, "", "undecided"),
        (-0.01, 0.03, 0.01, "", "undecided"),
        (0.001, 0.004, 0.01, "", "supported"),
        (-0.004, 0.004, 0.3, "", "not supported"),
        (0.01, 0.03, 0.01, "below random on sst2", "not supported"),
        (float("nan"), float("nan"), 0.01, "", "undecided"),
    ],
)
def test_a_verdict_needs_the_test_and_the_interval(low, high, p, against, verdict):
    evidence = Evidence("points", (low + high) / 2, low, high, "a test", p, "seen", against)
    assert decide(evidence, p) == verdict


def test_all_findings_are_supported_by_results_that_were_made_so(as_in_the_paper):
    assert [finding.verdict for finding in as_in_the_paper] == ["supported"] * 3
    start = as_in_the_paper[0].claims[0].evidence
    assert start.low <= start.effect <= start.high
    # The start's effect, a mean of 3 points over the qualities, fades within the first third.
    assert 0.01 < start.effect < 0.03


def test_no_finding_is_supported_by_results_that_were_made_the_opposite(opposite):
    assert [finding.verdict for finding in opposite] == ["not supported"] * 3
    assert verdicts(opposite[0]) == ["not supported"] * 3
    # Margin is best everywhere, by construction, and Badge is below random.
    assert verdicts(opposite[1])[0] == "not supported"
    assert "badge is below random" in opposite[1].claims[2].evidence.against
    assert verdicts(opposite[2]) == ["not supported"] * 3


def test_nothing_is_supported_by_chance_alone():
    findings = judged(noise=0.02, start_effect=lambda initial, quality: 0.0, embedding_effect=0.0)
    assert "supported" not in [verdict for finding in findings for verdict in verdicts(finding)]


def test_a_claim_without_the_runs_that_it_needs_is_undecided_with_a_reason():
    first, second, third = judged(quality=None, strategies=["random", "margin"], initials=("random",))
    assert verdicts(first) == ["undecided"] * 3
    assert "start with typiclust" in first.claims[0].why
    assert verdicts(second) == UNDECIDED_STRATEGIES
    assert "badge and entropy" in second.claims[2].why
    assert "embedding_quality.parquet" in third.claims[0].why


def test_a_strategy_run_with_two_embeddings_is_skipped_and_named():
    grid = {"datasets": DATASETS, "embeddings": EMBEDDINGS, "strategies": STRATEGIES, "seeds": 3, "cycles": 3}
    results = synthetic_results(**grid, gain=paper_like_gain)
    rare = (results["strategy"] == "coreset") & ~results["embedding"].isin(EMBEDDINGS[:2])
    claim = findings(results[~rare], QUALITY)[2].claims[1]
    assert claim.verdict == "supported"
    assert "strategy coreset" in claim.evidence.seen


def test_an_embedding_of_unknown_quality_is_left_out_and_named():
    claims = judged(quality=QUALITY[QUALITY["embedding"] != "tfidf"], gain=paper_like_gain)[2].claims
    assert claims[0].evidence.p == pytest.approx(1 / 24)
    assert "embedding tfidf" in claims[0].evidence.seen


def test_one_dataset_with_one_seed_decides_nothing():
    findings = judged(datasets=["trec6"], seeds=1, quality=synthetic_quality(["trec6"], EMBEDDINGS))
    starts, strategies, _ = findings
    assert verdicts(starts)[0] == "undecided"
    assert verdicts(strategies) == UNDECIDED_STRATEGIES


def test_six_pairs_are_too_few_for_a_claim_about_every_strategy_and_dataset():
    truth = {"gain": paper_like_gain, "embeddings": EMBEDDINGS[:3], "initials": ("random",), "seeds": 2}
    claim = judged(**truth)[1].claims[0]
    # 5 datasets × 4 rivals, each with a p-value of at least 1/64.
    assert claim.evidence.p == pytest.approx(20 / 64)
    assert claim.verdict == "undecided"


def test_corrected_p_values_are_not_below_the_raw_ones(as_in_the_paper):
    for finding in as_in_the_paper:
        for claim in finding.claims:
            assert claim.p_holm >= claim.evidence.p


def test_a_difference_that_rounds_to_nothing_has_no_minus_sign():
    assert [points(value) for value in (-0.0001, 0.0, -0.0006, 0.0125)] == [
        "+0.0 points",
        "+0.0 points",
        "−0.1 points",
        "+1.2 points",
    ]
