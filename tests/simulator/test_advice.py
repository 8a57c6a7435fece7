"""Advice from the labels so far: right where the labels are clear, and none where they are few."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from small_texts import table

from simulator.advice import Labelled, TooFewLabels, advise, check_enough, protocol_for, replay, sentence
from simulator.labels_so_far import of_file
from simulator.sources import Columns, DataError

N_LABELED = np.arange(20, 120, 10)


def results(lead: float, noise: float, seeds: int = 12) -> pd.DataFrame:
    """Curves of random order, and of badge that is `lead` labels ahead."""
    rng = np.random.default_rng(0)
    rows = []
    for seed in range(seeds):
        for strategy, ahead in (("random", 0.0), ("badge", lead)):
            for n in N_LABELED:
                accuracy = 0.4 + 0.004 * (n + ahead) + noise * rng.normal()
                rows.append(("minilm", strategy, "random", seed, n, accuracy))
    return pd.DataFrame(rows, columns=["embedding", "strategy", "initial", "seed", "n_labeled", "accuracy"])


def test_a_clear_lead_is_recommended_with_the_labels_that_it_saves():
    advice = advise(results(lead=25, noise=0.005))
    best = advice[0]
    assert (best.strategy, best.best) == ("badge", 1.0)
    assert best.gain == pytest.approx(0.1, abs=0.01)
    assert best.low < best.gain < best.high
    assert best.saved == pytest.approx(25, abs=3)
    assert best.saved_low <= best.saved <= best.saved_high
    assert sentence(advice).startswith("Use badge after a random start on minilm: +0.099 accuracy")
    assert "It needs 25 labels fewer" in sentence(advice)


def test_without_a_difference_nothing_is_recommended():
    advice = advise(results(lead=0, noise=0.05))
    assert all(a.low <= 0 for a in advice)
    assert "Nothing beats random order beyond doubt" in sentence(advice)


def test_a_curve_that_never_arrives_saves_less_than_nothing():
    advice = {a.strategy: a for a in advise(results(lead=-40, noise=0.001))}
    assert advice["badge"].saved == pytest.approx(-10, abs=1)
    assert advice["badge"].high < 0


def test_the_advice_is_the_same_every_time():
    assert advise(results(10, 0.02)) == advise(results(10, 0.02))


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        (np.arange(60) % 3, "there are 60 labels; advice needs 100 or more"),
        (np.arange(120) % 60, "half of the 60 classes have fewer than 5 labels.*about 300 labels, and there are 120"),
    ],
)
def test_too_few_labels_are_refused_with_the_reason(labels: np.ndarray, says: str):
    with pytest.raises(TooFewLabels, match=says):
        check_enough(labels)


@pytest.mark.parametrize(("pool", "k"), [(80, 2), (80, 15), (1000, 10), (8000, 77)])
def test_the_replay_leaves_a_third_of_the_pool(pool: int, k: int):
    protocol = protocol_for(pool, k)
    initial, batch = protocol.sizes(k)
    assert protocol.cycles >= 2
    assert initial + batch * protocol.cycles <= max(2 * pool // 3, initial + 2 * batch) < pool


def follow(items: Iterator, total: int) -> Iterator:
    return items


def test_labels_of_a_file_are_replayed(tmp_path: Path):
    content = table(160, split=False)
    content.loc[0, "label"] = "once"
    content.loc[1, "label"] = None
    content.to_parquet(tmp_path / "mine.parquet")
    labelled = of_file(tmp_path / "mine.parquet", Columns())
    assert (len(labelled.texts), labelled.classes) == (158, ("bill", "bug", "ship"))
    found = replay(labelled, ["tfidf"], ["random", "margin"], ["random"], seeds=3, jobs=1, follow=follow)
    assert found.groupby(["strategy", "seed"]).size().nunique() == 1
    advice = advise(found)
    assert {a.strategy for a in advice} == {"random", "margin"}
    assert next(a for a in advice if a.strategy == "random").gain == 0


def test_one_class_is_refused(tmp_path: Path):
    table(150).assign(label="bill").to_csv(tmp_path / "mine.csv", index=False)
    with pytest.raises(DataError, match="1 classes among the labels"):
        of_file(tmp_path / "mine.csv", Columns())


def test_few_labels_are_refused_before_anything_is_embedded():
    few = Labelled(["text"] * 30, np.arange(30) % 2, ("a", "b"))
    with pytest.raises(TooFewLabels):
        replay(few, ["no/such-model"], ["random"], ["random"], 2, 1, follow)
