"""Reports on incomplete grids: only like is compared with like, and what is left out is named."""

from __future__ import annotations

import json
import re

import numpy as np
import pandas as pd
import pytest
from synthetic_results import paper_like_gain, synthetic_quality, synthetic_results, write_results

from simulator.report import words, write_report
from simulator.report.analysis import Analysis
from simulator.report.embedding_analysis import AULC
from simulator.report.interactive import area_payload
from simulator.report.recommendation import choose
from simulator.report.words_choice import Advice

DATASETS = ["banking77", "sst2", "trec6"]
EMBEDDINGS = ["minilm", "layer6", "layer3", "tfidf"]
STRATEGIES = ["random", "margin", "badge", "entropy"]
LATER_STRATEGIES = ["coreset", "typiclust", "dropquery", "bait", "tcm"]


def grid(**changed):
    defaults = {"datasets": DATASETS, "embeddings": EMBEDDINGS, "strategies": STRATEGIES, "seeds": 3, "cycles": 3}
    return synthetic_results(**(defaults | {"gain": paper_like_gain} | changed))


def only(results, **values):
    """Rows whose columns have one of these values."""
    return results[np.logical_and.reduce([results[column].isin(allowed) for column, allowed in values.items()])]


def without(results, **values):
    return results.drop(only(results, **values).index)


def analysis_of(results, quality=None):
    return Analysis(results, quality, {})


def advice_of(results):
    return {recommendation.about: recommendation for recommendation in choose(analysis_of(results)).reasons}


@pytest.fixture(scope="module")
def start_with_a_few_strategies():
    """Nine strategies with a random start, four of them with a TypiClust start too."""
    return without(grid(strategies=STRATEGIES + LATER_STRATEGIES), strategy=LATER_STRATEGIES, initial=["typiclust"])


@pytest.fixture(scope="module")
def partial_start():
    """A CoreSet start on one dataset and two of the embeddings only; all else is complete."""
    results = grid(initials=("random", "typiclust", "coreset"))
    elsewhere = without(only(results, initial=["coreset"]), dataset=DATASETS[:1], embedding=EMBEDDINGS[:2])
    return results.drop(elsewhere.index)


def test_strategies_run_on_the_good_embeddings_only_do_not_rank_first():
    results = grid(gain=lambda strategy, d, quality: 0.0, datasets=["a", "b", "c", "d", "e"], initials=("random",))
    unequal = without(results, strategy=["badge"], embedding=EMBEDDINGS[2:])
    for ranks in analysis_of(unequal).ranks:
        assert ranks.names == ["entropy", "margin", "random"]
        assert ranks.left_out == ["badge"]
        assert ranks.test.p > 0.05


def test_the_table_ranks_only_strategies_that_are_compared_on_every_dataset():
    results = grid(gain=lambda strategy, d, quality: {"badge": 0.05, "margin": 0.02}.get(strategy, 0.0))
    poor_embeddings = without(results, dataset=["sst2"], strategy=["badge"], embedding=EMBEDDINGS[:2])
    areas = area_payload(analysis_of(poor_embeddings))
    pooled = areas["overall"]["accuracy/whole/all/all"]
    # Badge is first where it is compared, and does not change the ranks of the others elsewhere.
    assert areas["tables"]["accuracy/whole/all/all"]["sst2"]["badge"][1] == "partial"
    assert areas["tables"]["accuracy/whole/all/all"]["trec6"]["badge"][1] == "best"
    assert set(pooled) == {"random", "margin", "entropy"}
    assert pooled["margin"][0] == 1
    assert sum(rank for rank, _ in pooled.values()) == pytest.approx(6)
    assert areas["overall"]["accuracy/whole/tfidf/all"]["badge"][0] == 1


def test_advice_names_strategies_that_it_leaves_out_and_compares_all_on_their_common_runs(start_with_a_few_strategies):
    advice = advice_of(start_with_a_few_strategies)
    reason = advice["Strategy"].numbers
    assert (
        "Left out, since they lack runs to compare: strategies bait, coreset, dropquery, tcm and typiclust." in reason
    )
    assert "Over the runs that all 9 have (start random): badge" in reason
    # 3 datasets with 3 seeds, for the compared strategies and for those left out.
    assert re.findall(r"over (\d+) pairs", reason) == ["9", "9"]


def test_starts_are_compared_over_the_strategies_that_they_share(start_with_a_few_strategies):
    start = advice_of(start_with_a_few_strategies)["Start"]
    assert start.headline == "typiclust"
    assert "strategies bait, coreset, dropquery, tcm and typiclust" in start.numbers
    shown = re.search(r"typiclust (\d+\.\d), random (\d+\.\d)", start.numbers).groups()
    chosen = only(start_with_a_few_strategies, strategy=STRATEGIES, embedding=["minilm"])
    early = analysis_of(chosen).areas["early"] * 100
    assert list(shown) == [f"{early.xs(name, level='initial').mean():.1f}" for name in ("typiclust", "random")]


def test_a_start_with_random_order_only_leaves_the_strategies_to_the_other_start():
    """Random has twice the runs of the others, which are compared all the same."""
    results = grid(strategies=["random", "margin", "badge"])
    analysis = analysis_of(without(results, strategy=["margin", "badge"], initial=["typiclust"]))
    choice = choose(analysis)
    assert (choice.initial, choice.strategy) == ("typiclust", "badge")
    [reason] = [reason.numbers for reason in choice.reasons if reason.about == "Strategy"]
    assert "over all labels with minilm after a random start" in reason
    assert Advice.of(analysis).gain is not None
    assert set(analysis.compared) == {"random", "margin", "badge"}
    assert len(analysis.compared) == len(DATASETS) * len(EMBEDDINGS) * 3
    assert words.calibration_seen(analysis).endswith("Left out, since they lack runs to compare: start typiclust.")


def test_starts_with_different_strategies_leave_the_choice_to_the_one_with_most():
    results = grid(strategies=["random", "margin", "badge", "entropy", "coreset"])
    of_random = only(results, initial=["random"], strategy=["random", "margin", "badge"])
    apart = pd.concat([of_random, only(results, initial=["typiclust"], strategy=["entropy", "coreset"])])
    choice = choose(analysis_of(apart))
    assert choice.strategy == "badge"
    assert " after a random start" in choice.reasons[-2].numbers


def test_starts_without_a_strategy_in_common_are_not_compared():
    results = grid()
    apart = pd.concat(
        [
            only(results, initial=["random"], strategy=["margin", "badge"]),
            only(results, initial=["typiclust"], strategy=["entropy"]),
        ]
    )
    start = advice_of(apart)["Start"]
    assert start.headline == "nothing to recommend"
    assert start.numbers == "No two starts were run with the same strategy and otherwise equal settings."


def test_a_start_that_was_run_on_little_is_left_out_and_named(partial_start):
    analysis = analysis_of(partial_start, synthetic_quality(DATASETS, EMBEDDINGS))
    advice = {recommendation.about: recommendation for recommendation in choose(analysis).reasons}
    assert advice["Embedding"].headline == "minilm"
    assert advice["Embedding"].numbers.endswith("Left out, since they lack runs to compare: start coreset.")
    assert advice["Start"].numbers.endswith("Left out, since they lack runs to compare: start coreset.")
    assert "coreset (1 dataset, 2 embeddings, 3 seeds): −" in words.start_seen(analysis)
    without_partial = analysis_of(without(partial_start, initial=["coreset"]), analysis.quality)
    pd.testing.assert_frame_equal(analysis.by_embedding.outcomes[AULC], without_partial.by_embedding.outcomes[AULC])


def test_labels_saved_says_if_the_best_strategy_never_reaches_random_order():
    fading = grid(strategies=["random", "badge"], gain=lambda strategy, d, quality: -0.2 * (strategy == "badge"))
    assert Advice.of(analysis_of(fading)).choice.strategy == "random"
    assert Advice.of(analysis_of(fading)).saved == ""
    late = grid(strategies=["random", "badge"], gain=lambda strategy, d, quality: 0.2 * (strategy == "badge"))
    late.loc[(late["strategy"] == "badge") & (late["cycle"] == 3), "accuracy"] = 0.3
    late.loc[(late["strategy"] == "badge") & (late["cycle"] < 3), "accuracy"] = late["accuracy"].max() - 0.01
    late.loc[(late["strategy"] == "random") & (late["cycle"] == 3), "accuracy"] = 1.0
    assert "In none of 3 settings" in Advice.of(analysis_of(late)).saved


def test_labels_saved_are_computed_on_seeds_that_both_have():
    """Badge is as good as random; the seed that badge lacks is an easy one for random."""
    results = grid(strategies=["random", "badge"], gain=lambda strategy, d, quality: 0.0, noise=0.0, seeds=5)
    lucky = (results["seed"] == 4) & (results["strategy"] == "random")
    results["accuracy"] += 0.2 * lucky
    advice = Advice.of(analysis_of(without(results, seed=[4], strategy=["badge"])))
    assert "does not reach" not in advice.saved


def test_an_embedding_with_few_runs_changes_no_correlation():
    quality = synthetic_quality(DATASETS, EMBEDDINGS)
    results = grid()
    stray = pd.concat(
        [results, only(results, embedding=["tfidf"], seed=[0], strategy=["badge"]).assign(embedding="st")]
    )
    more = pd.concat([quality, quality[quality["embedding"] == "minilm"].assign(embedding="st")])
    before, after = analysis_of(results, quality), analysis_of(stray, more)
    for key, correlation in before.by_embedding.correlations.items():
        later = after.by_embedding.correlations[key]
        assert (later.rho, later.p) == (correlation.rho, correlation.p)
    assert "embedding st" in words.quality_seen(after)
    assert [c.p_holm for c in after.findings[2].claims] == [c.p_holm for c in before.findings[2].claims]
    assert all("embedding st" in claim.evidence.seen for claim in after.findings[2].claims)


def test_the_best_calibration_gain_and_time_are_those_on_common_runs():
    """Entropy is run on the easiest dataset only: its calibration, gain and time are not compared with the others'."""
    results = grid()
    results.loc[results["dataset"] == "trec6", ["ece", "query_seconds"]] /= 10
    analysis = analysis_of(without(results, strategy=["entropy"], dataset=["sst2", "banking77"]))
    for seen in (words.calibration_seen, words.cost_seen, words.gain_seen):
        assert re.search(r"[Ll]eft out[^.]*: (strategy )?entropy[.;]", seen(analysis))
        assert seen(analysis).count("entropy") == 1
    assert analysis.seconds.set_index("strategy").loc["entropy", "runs"] == 24


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        (
            [{"strategy": ["random"], "initial": ["random"]}, {"strategy": ["margin"], "initial": ["typiclust"]}],
            "Too few runs have the same dataset, embedding, start and seed",
        ),
        (
            [
                {"strategy": ["badge", "entropy"], "embedding": ["tfidf"]},
                {"strategy": ["random"], "embedding": ["minilm"]},
            ],
            "There are no runs of badge and entropy that can be compared with runs of random.",
        ),
        (
            [
                {"strategy": ["random", "margin"], "embedding": ["minilm"]},
                {"strategy": ["badge", "entropy"], "embedding": ["tfidf"]},
            ],
            "No (dataset, embedding, start, seed) was run with all strategies",
        ),
        (
            [{"strategy": ["random"], "embedding": ["minilm"]}, {"strategy": ["margin"], "embedding": ["tfidf"]}],
            "No two embeddings were run with the same strategy",
        ),
        (
            [
                {"embedding": ["minilm"], "initial": ["random", "typiclust"]},
                {"embedding": ["tfidf"], "initial": ["random"]},
            ],
            "Left out, since they lack runs to compare: start typiclust.",
        ),
    ],
    ids=["another start", "no random beside", "two halves", "two strategies apart", "an embedding without a start"],
)
def test_a_report_on_several_grids_in_a_folder_names_what_cannot_be_compared(tmp_path, parts, sentence):
    results = grid(datasets=["sst2", "trec6"], embeddings=["minilm", "tfidf"], seeds=2)
    grown = pd.concat([only(results, **part) for part in parts])
    folder = write_results(tmp_path, grown, synthetic_quality(["sst2", "trec6"], ["minilm", "tfidf"]))
    page = write_report([folder]).read_text()
    shown = re.sub(r"(?s)<script.*?</script>|base64,[^\"]+", "", page)
    assert sentence in shown
    assert not re.findall(r"\bnan\b", shown, re.IGNORECASE)


def test_the_page_lists_every_command_and_says_what_the_wall_time_covers(tmp_path):
    folder = write_results(
        tmp_path, grid(datasets=["trec6"], embeddings=["minilm"], strategies=["badge"], initials=("random",), seeds=1)
    )
    first = ["python", "-m", "simulator", "run", "--data", "my texts.csv"]
    second = [*first, "--embeddings", "minilm,tfidf"]
    record = json.loads((folder / "run.json").read_text()) | {
        "command": [*first, "--seeds", "9"],
        "calls": [
            {"command": command, "finished": "2025-01-01T00:00:00+00:00", "wall_seconds": 90.0}
            for command in (first, second, second)
        ],
    }
    (folder / "run.json").write_text(json.dumps(record))
    page = write_report([folder]).read_text()
    commands = re.search(r"(?s)Made by</p><pre>(.*?)</pre>", page).group(1).replace("&#39;", "'").splitlines()
    shown = "python -m simulator run --data 'my texts.csv'"
    assert commands == [shown, f"{shown} --embeddings minilm,tfidf", f"{shown} --seeds 9"]
    assert "Wall time: 4.5 minutes in 3 calls." in page
    assert (
        "Calls that were stopped are not included where the version that made them did not record their time." in page
    )
    assert "The runs (1 complete ones) took" in page
