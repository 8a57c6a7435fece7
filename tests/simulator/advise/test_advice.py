"""Advice from the labels so far: correct if the difference is clear, and none if there are too few labels."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from small_texts import WORDS, table
from typer.testing import CliRunner

from simulator.advise import advice as advice_module
from simulator.advise import replay as replay_module
from simulator.advise.advice import ComparedCombination, Verdict, compare
from simulator.advise.combination import Combination
from simulator.advise.current import CurrentSettings
from simulator.advise.labels_so_far import of_file
from simulator.advise.recommendation import Recommendation, recommend
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


RANDOM = Combination("minilm", "random", "random", "plain")


def advise(results: pd.DataFrame, current: Combination = RANDOM) -> tuple[list[ComparedCombination], Recommendation]:
    compared = compare(results, current)
    return compared, recommend(compared, has_class_names=True)


def test_a_clear_lead_is_recommended_with_the_labels_that_it_saves_and_a_line_to_paste():
    compared, advice = advise(results(lead=25, noise=0.005))
    best = compared[0]
    assert (best.combination.strategy, best.best, best.verdict) == ("badge", 1.0, Verdict.BETTER)
    over = best.over_current
    assert over.gain == pytest.approx(0.1, abs=0.01)
    assert over.low < over.gain < over.high
    assert over.saved == pytest.approx(25, abs=3)
    assert over.saved_low <= over.saved <= over.saved_high
    assert best.p < 0.001
    assert (advice.chosen, advice.is_change, advice.headline) == (best, True, "Use badge.")
    assert "right 9.9 points more often than with what you have, random, on average" in advice.reason
    assert "(95 % interval 9.6 to 10.3; p < 0.001, uncorrected)" in advice.reason
    assert "It needs about 25 labels fewer" in advice.saves
    settings = "--set strategy=badge --set initial=random --set embedding_model=minilm --set class_names=off"
    assert advice.line(3) == f"python -m ml_backend connect 3 {settings}"
    assert advice.line(None) == f"python -m ml_backend connect PROJECT {settings}"


def test_the_line_has_the_model_of_an_embedding_with_a_name_of_its_own():
    compared = compare(
        results(lead=25, noise=0.005).assign(embedding="mine=/models/m"), RANDOM._replace(embedding="mine=/models/m")
    )
    assert recommend(compared, has_class_names=False).settings()["embedding_model"] == "/models/m"


def test_class_names_that_say_nothing_are_no_setting_to_change():
    compared = compare(results(lead=25, noise=0.005), RANDOM)
    assert "class_names" not in recommend(compared, has_class_names=False).settings()


def test_without_a_clear_difference_what_is_in_use_is_kept_with_the_reason():
    compared, advice = advise(results(lead=0, noise=0.05))
    assert {c.verdict for c in compared} == {Verdict.IN_USE, Verdict.NOT_CLEAR}
    assert (advice.is_change, advice.headline) == (False, "Keep what you have: random.")
    assert advice.reason.startswith("Nothing else tried "), advice.reason
    assert advice.saves == "", "random order is what is in use: there is nothing to compare it with"


def test_the_strategy_in_use_is_kept_if_it_is_the_best_and_the_words_say_what_it_saves():
    in_use = RANDOM._replace(strategy="badge")
    compared, advice = advise(results(lead=25, noise=0.005), in_use)
    assert [c.verdict for c in compared] == [Verdict.IN_USE, Verdict.WORSE]
    assert advice.headline == "Keep what you have: badge."
    assert advice.reason.startswith("Nothing else tried has a higher mean accuracy.")
    assert "Compared with random order it gains 9.9 points" in advice.saves
    assert "needs about 25 labels fewer" in advice.saves


def test_random_order_is_recommended_where_it_is_clearly_better_than_what_is_in_use():
    _, advice = advise(results(lead=-25, noise=0.005), RANDOM._replace(strategy="badge"))
    assert advice.headline == "Use random."


def test_equal_combinations_share_their_first_place_and_what_is_in_use_is_kept():
    random = results(lead=0, noise=0.02)
    random = random[random["strategy"] == "random"]
    equal = pd.concat([random, *(random.assign(strategy=name) for name in ("badge", "margin"))])
    compared, advice = advise(equal, RANDOM._replace(strategy="margin"))
    assert [c.verdict for c in compared] == [Verdict.IN_USE, Verdict.SAME, Verdict.SAME]
    assert [c.best for c in compared] == pytest.approx([1 / 3] * 3)
    assert advice.headline == "Keep what you have: margin."
    assert "badge and random did exactly as well." in advice.reason
    assert "gains 0.0 points" in advice.saves
    _, advice = advise(equal.assign(accuracy=equal["accuracy"] + 0.2 * (equal["strategy"] != "margin")))
    assert advice.chosen.combination.strategy == "random", "of equal ones the one in use"


def test_of_equal_better_ones_the_one_that_changes_least_is_recommended():
    clear = results(lead=25, noise=0.005)
    better = clear[clear["strategy"] == "badge"]
    both = pd.concat([clear, better.assign(head="named"), clear.assign(head="named")[clear["strategy"] == "random"]])
    _, advice = advise(both)
    assert advice.chosen.combination == RANDOM._replace(strategy="badge")


def with_named(plain: pd.DataFrame, lead: float) -> pd.DataFrame:
    """The results, and those of a head that knows the class names, which is `lead` labels ahead."""
    named = plain.assign(head="named", accuracy=plain["accuracy"] + 0.004 * lead)
    return pd.concat([plain, named], ignore_index=True)


def test_the_advice_says_with_which_head_and_compares_with_random_order_without_class_names():
    compared, advice = advise(with_named(results(lead=10, noise=0.005), lead=15))
    best = compared[0]
    assert (best.combination.strategy, best.combination.head) == ("badge", "named")
    assert best.over_random.saved == pytest.approx(25, abs=3)
    assert advice.headline == "Use badge with the class names."
    assert "random without the class names, on average" in advice.reason
    assert "corrected for the 3 other combinations tried" in advice.reason
    assert advice.settings()["class_names"] == "auto"
    random = {c.combination.head: c for c in compared if c.combination.strategy == "random"}
    assert random["plain"].over_random.gain == 0
    assert random["named"].over_random.gain == pytest.approx(0.06, abs=0.005)


def test_class_names_that_mislead_are_advised_against_with_the_setting():
    _, advice = advise(with_named(results(lead=20, noise=0.005), lead=-60), RANDOM._replace(head="named"))
    assert advice.headline == "Use badge without the class names."
    assert advice.settings()["class_names"] == "off"


def test_an_embedding_that_no_project_can_use_is_not_recommended_and_the_words_say_so():
    clear = results(lead=25, noise=0.005)
    better = clear.assign(embedding="tfidf", accuracy=clear["accuracy"] + 0.1)
    both = pd.concat([clear, better])
    compared, advice = advise(both)
    assert compared[0].combination.embedding == "tfidf"
    assert advice.headline == "Use badge on minilm."
    assert "badge on tfidf has the highest mean accuracy, but a project in Label Studio cannot use it." in advice.reason
    _, advice = advise(both, RANDOM._replace(strategy="badge"))
    assert advice.headline == "Keep what you have: badge on minilm."
    assert advice.reason.startswith("It is the best that a project in Label Studio can use.")
    _, advice = advise(better, RANDOM._replace(embedding="tfidf"))
    assert advice.headline == "Use badge."
    assert "embedding_model" not in advice.line(3)
    assert "the line leaves the embedding out" in advice.reason


def test_a_combination_that_no_project_can_use_is_not_called_no_better():
    unclear = results(lead=1, noise=0.05)
    better = unclear.assign(embedding="tfidf", accuracy=unclear["accuracy"] + 0.3)
    compared, advice = advise(pd.concat([unclear, better]), RANDOM._replace(strategy="badge"))
    assert compared[0].verdict == Verdict.BETTER
    assert advice.headline.startswith("Keep what you have")
    assert advice.reason.startswith(
        "None of those that a project in Label Studio can use is clearly better. random on minilm was right"
    )


def test_what_is_in_use_is_the_default_unless_the_settings_say_otherwise():
    tried = [
        Combination(*names)
        for names in product(
            ["tfidf", "minilm"], ["random", "uherding", "margin"], ["random", "typiclust"], ["plain", "named"]
        )
    ]
    parsed = CurrentSettings.parsed
    assert parsed([]).among(tried) == Combination("minilm", "uherding", "typiclust", "named")
    changed = parsed(["strategy=margin", "initial=random", "class_names=off"])
    assert changed.among(tried) == Combination("minilm", "margin", "random", "plain")
    by_another_name = parsed(["embedding_model=sentence-transformers/all-MiniLM-L6-v2"])
    assert by_another_name.among(tried).embedding == "minilm"
    assert by_another_name.embeddings(["tfidf", "minilm"]) == ["tfidf", "minilm"]
    only = [c for c in tried if (c.initial, c.head) == ("random", "plain")]
    assert parsed([]).among(only) == Combination("minilm", "uherding", "random", "plain")
    assert parsed([]).strategies(["random", "margin"]) == ["random", "margin", "uherding"]
    assert parsed(["class_names=off"]).heads([HeadKind.NAMED]) == [HeadKind.NAMED, HeadKind.PLAIN]
    compared = (["tfidf"], ["random"], [HeadKind.PLAIN])
    notes = parsed([]).not_compared(*compared)
    assert [note.split(",")[0] for note in notes] == ["The embedding minilm", "The start typiclust", "The head named"]
    assert parsed(["embedding_model=tfidf", "initial=random", "class_names=off"]).not_compared(*compared) == []
    for wrong in ("strateg=margin", "strategy", "class_names=maybe"):
        with pytest.raises(ValueError, match="--current"):
            parsed([wrong])


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
    assert sum(a.is_change for _, a in advice) <= 4
    assert sum(any(c.over_current.low > 0 for c in compared) for compared, _ in advice) > 4, (
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


def test_a_sure_gain_on_a_worse_embedding_is_not_recommended():
    clear = results(lead=25, noise=0.005)
    better = results(lead=0, noise=0.005).assign(embedding="random-projection")
    better["accuracy"] += 0.3
    _, advice = advise(pd.concat([clear, better]), RANDOM._replace(embedding="random-projection"))
    assert advice.headline == "Keep what you have: random on random-projection."
    _, advice = advise(pd.concat([clear, better]))
    assert advice.headline.endswith("on random-projection.")


def test_a_curve_that_never_reaches_random_order_saves_a_negative_number_of_labels():
    badge = advise(results(lead=-40, noise=0.001))[0][-1]
    assert badge.combination.strategy == "badge"
    assert badge.over_random.saved == pytest.approx(-10, abs=1)
    assert badge.over_random.high < 0


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
    compared, _ = advise(replayed, RANDOM._replace(embedding="tfidf"))
    assert {c.combination.strategy for c in compared} == {"random", "margin"}
    assert next(c for c in compared if c.combination.strategy == "random").over_random.gain == 0


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
    assert re.search(r"(Keep what you have: uherding|Use random)\. python -m ml_backend connect PROJECT --set", said)
    assert "class_names" not in said
    assert said.index("ml_backend connect") < said.index("over in use"), "the table is below the recommendation"


def test_the_strategy_in_use_is_always_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    table(120, split=False).to_csv(tmp_path / "mine.csv", index=False)
    tried = []

    def replayed(_labelled: Labelled, _embeddings: Any, strategies: list[str], *_: Any) -> pd.DataFrame:
        tried.append(strategies)
        return pd.concat([results(0, 0.01).assign(strategy=name) for name in strategies]).drop_duplicates(
            ["strategy", "seed", "n_labeled"]
        )

    monkeypatch.setattr("simulator.advise.replay.replay", replayed)
    command = ["advise", "--data", str(tmp_path / "mine.csv"), "--strategies", "margin"]
    assert CliRunner().invoke(app, command).exit_code == 0
    assert CliRunner().invoke(app, [*command, "--current", "strategy=badge"]).exit_code == 0
    assert tried == [["random", "margin", "uherding"], ["random", "margin", "badge"]]


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
