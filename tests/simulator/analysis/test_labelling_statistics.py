"""Labels until classes are seen, minutes of labelling, stability of a ranking, each against plain loops."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kendalltau

from simulator.analysis.classes_labelled import labels_until_seen, seen_by_strategy
from simulator.analysis.ranking_stability import ALL, DRAWS, stability
from simulator.analysis.reading_time import ReadingSpeed, mean_curves, saved_by_strategy, until_random_ends

STRATEGIES = ["random", "badge", "margin"]
SPEED = ReadingSpeed(words_per_minute=200, seconds_per_label=3)


def runs(seeds: int = 4, cycles: int = 5) -> pd.DataFrame:
    """Two datasets; margin picks texts that are three times as long as those of badge, and both learn faster."""
    rng = np.random.default_rng(0)
    rows = []
    for dataset, strategy, seed in product(["one", "two"], STRATEGIES, range(seeds)):
        for cycle in range(cycles):
            labels = 10 * (cycle + 1)
            faster = {"random": 1.0, "badge": 1.6, "margin": 2.0}[strategy]
            rows.append(
                {
                    "dataset": dataset,
                    "embedding": "minilm",
                    "initial": "random",
                    "strategy": strategy,
                    "seed": seed,
                    "cycle": cycle,
                    "n_labeled": labels,
                    "accuracy": 1 - np.exp(-labels * faster / 40) + rng.normal(0, 0.002),
                    "words": labels * {"random": 10.0, "badge": 10.0, "margin": 30.0}[strategy],
                    "classes_seen": min(4, cycle + 1 + seed % 2),
                    "classes_seen_5": min(4, cycle * (strategy == "badge")),
                }
            )
    return pd.DataFrame(rows)


def test_labels_until_every_class_was_seen():
    table = labels_until_seen(runs(), {"one": 4, "two": 5})
    assert table.loc[table["dataset"] == "two", ["once", "five_times"]].isna().all(axis=None), (
        "5 classes are never seen"
    )
    of_one = table[table["dataset"] == "one"].set_index(["strategy", "seed"])
    assert of_one["once"].to_dict() == {(s, seed): 30 if seed % 2 else 40 for s, seed in of_one.index}
    assert of_one.loc["badge", "five_times"].tolist() == [50] * 4
    summary = seen_by_strategy(table).set_index(["dataset", "strategy"])
    assert summary.loc[("one", "badge"), ["once", "once_share", "five_times"]].tolist() == [35, 1, 50]
    assert summary.loc[("one", "random"), "five_times_share"] == 0
    assert np.isnan(summary.loc[("two", "badge"), "once"])


def test_a_median_run_that_never_sees_a_class_has_no_number_of_labels():
    results = runs(seeds=3)
    late = (results["seed"] > 0) & (results["strategy"] == "random")
    results.loc[late, "classes_seen"] = 3
    summary = seen_by_strategy(labels_until_seen(results, {})).set_index(["dataset", "strategy"])
    assert np.isnan(summary.loc[("one", "random"), "once"])
    assert summary.loc[("one", "random"), "once_share"] == pytest.approx(1 / 3)


def test_long_texts_cost_minutes_and_not_labels():
    results = runs()
    table = until_random_ends(mean_curves(results, SPEED)).set_index(["dataset", "strategy"])
    for dataset in ("one", "two"):
        of_random = results[(results["dataset"] == dataset) & (results["strategy"] == "random")]
        target = of_random[of_random["cycle"] == 4]["accuracy"].mean()
        for strategy, words in (("badge", 10), ("margin", 30)):
            mine = results[(results["dataset"] == dataset) & (results["strategy"] == strategy)]
            curve = mine.groupby("n_labeled")["accuracy"].mean()
            fine = np.linspace(10, 50, 40_001)
            labels = fine[np.interp(fine, curve.index, curve) >= target][0]
            row = table.loc[(dataset, strategy)]
            assert row["labels"] == pytest.approx(labels, abs=0.01)
            assert row["minutes"] == pytest.approx(labels * (words / 200 + 3 / 60), abs=0.01)
    saved = saved_by_strategy(table.reset_index()).set_index("strategy")
    assert list(saved.index) == ["badge", "random", "margin"], "margin needs the fewest labels and the most minutes"
    assert saved["labels"].idxmin() == "margin"
    assert saved.loc["random", ["labels", "minutes", "words_per_label"]].tolist() == pytest.approx([1, 1, 10])


def test_a_strategy_that_stays_below_random_has_no_time():
    results = runs()
    results.loc[results["strategy"] == "margin", "accuracy"] /= 4
    saved = saved_by_strategy(until_random_ends(mean_curves(results, SPEED))).set_index("strategy")
    assert saved.loc["margin", ["settings", "reached"]].tolist() == [2, 0]
    assert np.isnan(saved.loc["margin", "minutes"])
    assert not len(mean_curves(results.drop(columns="words"), SPEED))


def areas(seeds: int, spread: float) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    index = pd.MultiIndex.from_product(
        [["one", "two"], ["a", "b"], ["random"], range(seeds)], names=["dataset", "embedding", "initial", "seed"]
    )
    means = np.array([0.50, 0.52, 0.54, 0.55])
    return pd.DataFrame(means + rng.normal(0, spread, (len(index), 4)), index, list("wxyz"))


def test_the_ranking_of_few_seeds_is_compared_with_that_of_all():
    values = areas(8, 0.03)
    table = stability(values).set_index(["dataset", "seeds"])
    rng = np.random.default_rng(5)
    for dataset in ("one", ALL):
        part = values if dataset == ALL else values.xs("one", level="dataset")
        by_seed = part.groupby("seed").mean()
        whole = by_seed.mean()
        same, taus, lost = [], [], []
        for _ in range(DRAWS):
            drawn = by_seed.iloc[rng.integers(0, 8, 5)].mean()
            same.append(drawn.idxmax() == whole.idxmax())
            taus.append(kendalltau(drawn, whole).statistic)
            lost.append(whole.max() - whole[drawn.idxmax()])
        row = table.loc[(dataset, 5)]
        assert (row["best"], row["all_seeds"]) == (whole.idxmax(), 8)
        assert row["best_share"] == pytest.approx(np.mean(same), abs=0.06)
        assert row["tau"] == pytest.approx(np.mean(taus), abs=0.05)
        assert row["lost"] == pytest.approx(np.mean(lost), abs=0.002)
    assert table.loc[("one", 1), "best_share"] < table.loc[("one", 5), "best_share"]
    assert table.index.unique("seeds").tolist() == [1, 3, 5], "no more seeds than there are"
    pd.testing.assert_frame_equal(stability(values), stability(values))


def test_clear_differences_need_one_seed_and_one_seed_has_no_stability():
    assert (stability(areas(4, 1e-6))["tau"] == 1).all()
    assert (stability(areas(4, 1e-6))["lost"] == 0).all()
    assert not len(stability(areas(1, 0.1)))


def test_seeds_are_compared_on_the_settings_that_all_of_them_have():
    values = areas(4, 0.02)
    seed = values.index.get_level_values("seed")
    easier = values + 0.3 * (values.index.get_level_values("embedding") == "b")[:, None]
    # Each seed lacks another setting of the dataset one, so that without care their means would differ by it.
    first, second = (("one", name, "random") for name in "ab")
    lacking = easier.drop(index=[(*first, 0), (*second, 1), (*first, 2), (*second, 3)])
    assert set(stability(lacking)["dataset"]) == {"two"}
    apart = values[(values.index.get_level_values("dataset") == "one") == (seed < 2)]
    assert set(stability(apart)["dataset"]) == {"one", "two"}, "no seed has runs of both"
    one_missing = values.drop(index=[(*first, 0)])
    assert stability(one_missing).set_index(["dataset", "seeds"]).loc[(ALL, 3), "all_seeds"] == 3


def test_each_dataset_counts_once_however_many_settings_it_has():
    values = areas(3, 1e-6)
    of_one = values.index.get_level_values("dataset") == "one"
    values["w"] += 1.00 * of_one
    values["x"] += 1.05 * ~of_one
    more = values[of_one].rename(index=lambda name: f"{name} too", level="embedding")
    table = stability(pd.concat([values, more]).sort_index())
    assert set(table[table["dataset"] == ALL]["best"]) == {"x"}
