"""Advice from the labels so far: correct if the difference is clear, and none if there are too few labels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from small_texts import WORDS, table
from typer.testing import CliRunner

from simulator.advise import advice as advice_module
from simulator.advise import replay as replay_module
from simulator.advise.advice import advise, sentence
from simulator.advise.labels_so_far import of_file
from simulator.advise.replay import Labelled, TooFewLabels, budget_for, check_enough, replay
from simulator.analysis.resplits import corrected_t, resampled_means
from simulator.cli.app import app
from simulator.data.class_descriptions import ANY, ClassDescriptions
from simulator.data.columns import Columns
from simulator.data.data_error import DataError
from simulator.experiment.grid import HeadKind
from simulator.experiment.results import same_results
from simulator.experiment.strategy_options import StrategyOptions

COLUMNS = ["embedding", "strategy", "initial", "seed", "n_labeled", "accuracy"]
N_LABELED = np.arange(20, 120, 10)


def results(lead: float, noise: float, seeds: int = 12) -> pd.DataFrame:
    """Learning curves of random order, and of badge, which is `lead` labels ahead."""
    rng = np.random.default_rng(0)
    rows = []
    for seed in range(seeds):
        for strategy, ahead in (("random", 0.0), ("badge", lead)):
            for n in N_LABELED:
                accuracy = 0.4 + 0.004 * (n + ahead) + noise * rng.normal()
                rows.append(("minilm", strategy, "random", seed, n, accuracy))
    return pd.DataFrame(rows, columns=COLUMNS).assign(head="plain")


def test_a_clear_lead_is_recommended_with_the_labels_that_it_saves():
    advice = advise(results(lead=25, noise=0.005))
    best = advice[0]
    assert (best.strategy, best.best) == ("badge", 1.0)
    assert best.gain == pytest.approx(0.1, abs=0.01)
    assert best.low < best.gain < best.high
    assert best.saved == pytest.approx(25, abs=3)
    assert best.saved_low <= best.saved <= best.saved_high
    assert best.p < 0.001
    assert sentence(advice).startswith("Use badge after a random start on minilm: +0.099 accuracy")
    assert "It needs 25 labels fewer" in sentence(advice)


def test_without_a_difference_nothing_is_recommended():
    advice = advise(results(lead=0, noise=0.05))
    assert all(a.low <= 0 and not a.is_significant for a in advice)
    assert sentence(advice).startswith("No combination on minilm is significantly better than random order")


def with_named(plain: pd.DataFrame, lead: float) -> pd.DataFrame:
    """The results, and those of a head that knows the class names, which is `lead` labels ahead."""
    named = plain.assign(head="named", accuracy=plain["accuracy"] + 0.004 * lead)
    return pd.concat([plain, named], ignore_index=True)


def test_the_advice_says_with_which_head_and_compares_with_random_order_without_class_names():
    advice = advise(with_named(results(lead=10, noise=0.005), lead=15))
    best = advice[0]
    assert (best.strategy, best.head) == ("badge", "named")
    assert best.saved == pytest.approx(25, abs=3)
    assert sentence(advice).startswith("Use badge after a random start on minilm with the class names: +0.0")
    assert "against random order on the same embedding without the class names" in sentence(advice)
    assert "corrected for the 3 combinations tried" in sentence(advice)
    random = {a.head: a for a in advice if a.strategy == "random"}
    assert (random["plain"].gain, np.isnan(random["plain"].p)) == (0, True)
    assert random["named"].gain == pytest.approx(0.06, abs=0.005)


def test_class_names_that_mislead_are_advised_against_with_the_setting():
    advice = sentence(advise(with_named(results(lead=20, noise=0.005), lead=-60)))
    assert advice.startswith(
        "Use badge after a random start on minilm without the class names (setting class_names: off)"
    )


def null_table(seeds: int, rng: np.random.Generator) -> pd.DataFrame:
    """Results of 20 combinations of the same expected accuracy.

    A fifth of the variance (the share held out) is common to the seeds of a combination, which split the same labels.
    """
    rows = []
    for embedding, strategy, initial in product(["minilm", "tfidf"], ["random", *"abcd"], ["random", "typiclust"]):
        favour = np.sqrt(0.2) * rng.normal()
        for seed in range(seeds):
            height = 0.7 + 0.02 * (favour + np.sqrt(0.8) * rng.normal())
            rows += [(embedding, strategy, initial, seed, n, height + 0.001 * n) for n in N_LABELED[:4]]
    return pd.DataFrame(rows, columns=COLUMNS).assign(head="plain")


@pytest.mark.parametrize("seeds", [5, 20])
def test_of_many_equal_combinations_the_best_by_chance_is_hardly_ever_recommended(
    seeds: int, monkeypatch: pytest.MonkeyPatch
):
    # The t-test decides what is recommended; the bootstrap only tells how many labels it saves.
    monkeypatch.setattr(advice_module, "RESAMPLES", 50)
    rng = np.random.default_rng(seeds)
    advice = [advise(null_table(seeds, rng)) for _ in range(40)]
    assert sum(sentence(a).startswith("Use") for a in advice) <= 4
    assert sum(any(combination.low > 0 for combination in a) for a in advice) > 4, (
        "without the correction the best by chance would be recommended"
    )


def test_the_corrected_t_test_is_as_wide_as_its_formula():
    gains = np.array([0.01, 0.03, 0.02, 0.05, 0.04])
    test = corrected_t(gains, test_to_train=0.25)
    error = gains.std(ddof=1) * np.sqrt(1 / 5 + 0.25)
    assert (test.low, test.high) == pytest.approx((0.03 - 2.776 * error, 0.03 + 2.776 * error), abs=1e-5)
    assert test.p == pytest.approx(0.0469, abs=1e-3)
    assert corrected_t(gains, test_to_train=0).p == pytest.approx(stats.ttest_1samp(gains, 0).pvalue)
    assert corrected_t(np.zeros(5), 0.25).p == 1


def test_a_bootstrap_over_splits_has_the_corrected_spread():
    values = np.random.default_rng(0).normal(size=(10, 1))
    counts = np.random.default_rng(1).multinomial(10, np.full(10, 0.1), size=20_000)
    means = resampled_means(values, counts, test_to_train=0.25)
    assert means.mean() == pytest.approx(values.mean(), abs=0.02)
    assert means.var() == pytest.approx((0.1 + 0.25) * values.var(ddof=1), rel=0.05)


def test_fewer_than_five_seeds_are_refused():
    with pytest.raises(ValueError, match=r"5 seeds or more.*got 4: raise --seeds"):
        advise(results(lead=25, noise=0.005, seeds=4))


def test_only_numbers_of_labels_that_all_runs_reach_are_compared():
    complete = results(lead=25, noise=0.005)
    cut = complete[(complete.seed != 3) | (complete.n_labeled < 100)]
    assert str(advise(cut)) == str(advise(complete[complete.n_labeled < 100]))
    with pytest.raises(ValueError, match="fewer than two numbers of labels in common"):
        advise(complete[(complete.seed % 2 == 0) == (complete.n_labeled < 60)])


def test_a_gain_that_is_not_a_number_is_never_recommended():
    unknown = replace(advise(results(lead=25, noise=0.005))[0], gain=np.nan, low=np.nan, p=np.nan)
    assert not sentence([unknown]).startswith("Use")
    assert not sentence([replace(unknown, gain=0.1, low=0.05)]).startswith("Use")


def test_a_sure_gain_on_a_worse_embedding_is_not_recommended():
    clear = results(lead=25, noise=0.005)
    better = results(lead=0, noise=0.005).assign(embedding="large")
    better["accuracy"] += 0.3
    advice = sentence(advise(pd.concat([clear, better])))
    assert advice.startswith("No combination on large is significantly better than random order")


def test_a_curve_that_never_reaches_random_order_saves_a_negative_number_of_labels():
    advice = {a.strategy: a for a in advise(results(lead=-40, noise=0.001))}
    assert advice["badge"].saved == pytest.approx(-10, abs=1)
    assert advice["badge"].high < 0


def test_the_same_results_give_the_same_advice():
    assert str(advise(results(10, 0.02))) == str(advise(results(10, 0.02)))


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        (np.arange(60) % 3, "there are 60 labels; advice needs 100 or more"),
        (np.arange(120) % 60, "half of the 60 classes have fewer than 5 labels.*about 300 labels, and there are 120"),
    ],
)
def test_too_few_labels_are_refused_with_the_reason(labels: np.ndarray, reason: str):
    with pytest.raises(TooFewLabels, match=reason):
        check_enough(labels)


@pytest.mark.parametrize(("pool", "k"), [(80, 2), (80, 15), (1000, 10), (8000, 77)])
def test_a_replay_uses_at_most_two_thirds_of_the_pool(pool: int, k: int):
    budget = budget_for(pool, k)
    initial, batch = budget.sizes(k)
    assert budget.cycles >= 2
    assert initial + batch * budget.cycles <= max(2 * pool // 3, initial + 2 * batch) < pool


def follow(items: Iterator, total: int) -> Iterator:
    return items


def test_labels_of_a_file_are_replayed(tmp_path: Path):
    content = table(122, split=False)
    content.loc[0, "label"] = "once"
    content.loc[1, "label"] = None
    content.to_parquet(tmp_path / "mine.parquet")
    labelled = of_file(tmp_path / "mine.parquet", Columns())
    assert (len(labelled.texts), labelled.classes) == (120, ("bill", "bug", "ship"))
    replayed = replay(labelled, ["tfidf"], ["random", "margin"], ["random"], seeds=5, jobs=1, follow=follow)
    assert replayed.groupby(["strategy", "seed"]).size().nunique() == 1
    advice = advise(replayed)
    assert {a.strategy for a in advice} == {"random", "margin"}
    assert next(a for a in advice if a.strategy == "random").gain == 0


def test_a_replay_passes_on_subpool_and_balance(tmp_path: Path):
    table(120, split=False).to_parquet(tmp_path / "mine.parquet")
    labelled = of_file(tmp_path / "mine.parquet", Columns())

    def replayed(**options: int) -> pd.DataFrame:
        chosen = StrategyOptions(**options)
        return replay(labelled, ["tfidf"], ["margin"], ["random"], 2, 1, follow, chosen)

    without = replayed()
    assert same_results(without, replay(labelled, ["tfidf"], ["margin"], ["random"], 2, 1, follow))
    assert not same_results(replayed(subpool=5), without)
    assert not same_results(replayed(balance=4), without)


def test_descriptions_of_another_dataset_are_refused_and_not_left_out(tmp_path: Path):
    table(120, split=False).to_parquet(tmp_path / "mine.parquet")
    with pytest.raises(DataError, match=r"m.json describes the classes of yours, and this command has mine: give it"):
        of_file(tmp_path / "mine.parquet", Columns(), ClassDescriptions("m.json", {"yours": WORDS}))
    assert of_file(tmp_path / "mine.parquet", Columns(), ClassDescriptions("m.json", {"mine": WORDS})).texts


def test_a_replay_tries_the_class_names_where_they_say_something(tmp_path: Path):
    table(120, split=False).to_parquet(tmp_path / "mine.parquet")
    described = ClassDescriptions("mine.json", {ANY: WORDS})
    matrix = tmp_path / "mine.npy"
    np.save(matrix, np.random.default_rng(0).normal(size=(120, 8)).astype(np.float32))

    def replayed(descriptions: ClassDescriptions, embedding: str, heads: Sequence[HeadKind]) -> pd.DataFrame:
        labelled = of_file(tmp_path / "mine.parquet", Columns(), descriptions)
        return replay(labelled, [embedding], ["random"], ["random"], 5, 1, follow, heads=heads)

    both = replayed(described, "tfidf", list(HeadKind))
    accuracy = both[both.n_labeled == both.n_labeled.min()].groupby("head")["accuracy"].mean()
    assert accuracy["named"] > accuracy["plain"]
    plain = replayed(described, "tfidf", [HeadKind.PLAIN])
    assert same_results(both[both["head"] == "plain"].reset_index(drop=True), plain)
    assert set(replayed(described, str(matrix), list(HeadKind))["head"]) == {"plain"}, (
        "a matrix has no vectors of names"
    )


def test_the_command_says_why_class_names_are_not_tried(tmp_path: Path):
    content = table(120, split=False)
    content["label"] = content["label"].map({"bill": "1", "ship": "2", "bug": "3"})
    content.to_csv(tmp_path / "mine.csv", index=False)
    command = ["advise", "--data", str(tmp_path / "mine.csv"), "--embeddings", "tfidf", "--strategies", "random"]
    command += ["--initial", "random", "--seeds", "5"]
    done = CliRunner().invoke(app, command)
    said = " ".join(done.output.split())
    assert done.exit_code == 0
    assert "with --class-descriptions. Only the head `plain` is tried." in said


def test_a_text_counts_once_with_the_majority_label_of_its_copies(tmp_path: Path):
    content = pd.concat([table(120, split=False)] * 2, ignore_index=True)
    text = content.text[0]
    content.loc[len(content)] = [text, "bug"]
    content.loc[content.text == content.text[1], "label"] = ["bill", "ship"]
    content.to_csv(tmp_path / "mine.csv", index=False)
    labelled = of_file(tmp_path / "mine.csv", Columns())
    assert len(labelled.texts) == len(set(labelled.texts)) == 119
    assert labelled.classes[labelled.y[labelled.texts.index(text)]] == "bill"
    assert content.text[1] not in labelled.texts, "its two labels are a tie"
    with pytest.raises(ValueError, match="a text occurs twice"):
        Labelled([text, text], np.array([0, 1]), ("a", "b"))


def test_a_replay_makes_no_copy_of_the_vectors_for_each_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    table(120, split=False).to_parquet(tmp_path / "mine.parquet")
    matrices = []
    monkeypatch.setattr(
        replay_module, "_rows", lambda y, budget, options, X, class_vectors, keys: matrices.append(X) or [keys]
    )
    replay(
        of_file(tmp_path / "mine.parquet", Columns()), ["tfidf"], ["random"], ["random"], seeds=5, jobs=1, follow=follow
    )
    assert len({id(X) for X in matrices}) == 1


def test_labels_of_a_single_class_are_refused(tmp_path: Path):
    table(150).assign(label="bill").to_csv(tmp_path / "mine.csv", index=False)
    with pytest.raises(DataError, match="1 classes among the labels"):
        of_file(tmp_path / "mine.csv", Columns())


def test_few_labels_are_refused_before_anything_is_embedded():
    few = Labelled([f"text {i}" for i in range(30)], np.arange(30) % 2, ("a", "b"))
    with pytest.raises(TooFewLabels):
        replay(few, ["no/such-model"], ["random"], ["random"], 2, 1, follow)
