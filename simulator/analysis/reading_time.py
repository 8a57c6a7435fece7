"""Minutes of labelling instead of numbers of labels: strategies that pick long texts cost more."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from simulator.analysis.comparisons import BASELINE
from simulator.analysis.complete_runs import GROUP
from simulator.analysis.heads import head_of, of_head
from simulator.analysis.statistics import Floats, labels_to_reach


@dataclass(frozen=True)
class ReadingSpeed:
    """How fast somebody labels. words_per_minute: of reading; seconds_per_label: to decide and to click.

    240 words a minute is the mean of adults who read English silently (Brysbaert 2019, Journal of Memory and Language
    109: 238); 2 seconds are our assumption.
    """

    words_per_minute: float = 240.0
    seconds_per_label: float = 2.0

    def minutes(self, words: pd.Series, labels: pd.Series) -> pd.Series:
        """Minutes to read this many words and give this many labels."""
        return words / self.words_per_minute + labels * self.seconds_per_label / 60


DEFAULT_SPEED = ReadingSpeed()


def mean_curves(results: pd.DataFrame, speed: ReadingSpeed) -> pd.DataFrame:
    """Means over seeds: index GROUP, strategy, cycle; columns n_labeled, minutes, words, accuracy.

    Rows without a number of words do not count; without the column there are none.
    """
    if "words" not in results:
        return pd.DataFrame(columns=["n_labeled", "minutes", "words", "accuracy"])
    known = results[results["words"].notna()]
    timed = known.assign(minutes=speed.minutes(known["words"], known["n_labeled"]))
    return timed.groupby([*GROUP, "strategy", "cycle"])[["n_labeled", "minutes", "words", "accuracy"]].mean()


def until_random_ends(curves: pd.DataFrame) -> pd.DataFrame:
    """Labels and minutes until the accuracy with which random ends, by setting: GROUP, strategy and numbers.

    curves: from `mean_curves`. labels, minutes: NaN for a strategy that does not get there; random_labels,
    random_minutes: of random with the same head at its end; words_per_label: of the strategy over its whole run.
    Settings without random are left out.
    """
    rows = []
    for keys, setting in curves.groupby(level=GROUP) if len(curves) else ():
        by_name = {name: part.droplevel(GROUP) for name, part in setting.groupby(level="strategy")}
        for name, part in by_name.items():
            baseline = by_name.get(of_head(BASELINE, head_of(str(name))))
            if baseline is None:
                continue
            end = baseline.iloc[-1]
            accuracy = _floats(part["accuracy"])
            at = [labels_to_reach(_floats(part[x]), accuracy, end["accuracy"]) for x in ("n_labeled", "minutes")]
            words = part["words"].iloc[-1] / part["n_labeled"].iloc[-1]
            rows.append((*keys, name, *at, end["n_labeled"], end["minutes"], words))
    columns = ["labels", "minutes", "random_labels", "random_minutes", "words_per_label"]
    return pd.DataFrame(rows, columns=[*GROUP, "strategy", *columns])


def saved_by_strategy(table: pd.DataFrame) -> pd.DataFrame:
    """`until_random_ends` by strategy: settings, reached, labels, minutes, words_per_label, ordered by minutes.

    labels, minutes: medians over settings of the share (0..1) of those of random, in which settings that are not
    reached count as infinite, NaN if that is the median; reached: number of settings that are; words_per_label: mean.
    """
    shares = table.assign(
        labels=(table["labels"] / table["random_labels"]).fillna(np.inf),
        minutes=(table["minutes"] / table["random_minutes"]).fillna(np.inf),
    )
    groups = shares.groupby("strategy")
    medians = groups[["labels", "minutes"]].median().replace(np.inf, np.nan)
    counts = pd.DataFrame({"settings": groups.size(), "reached": table.groupby("strategy")["labels"].count()})
    summary = counts.join(medians).join(groups["words_per_label"].mean())
    return summary.sort_values(["minutes", "labels"], kind="stable").reset_index()


def _floats(values: pd.Series) -> Floats:
    return np.asarray(values, dtype=np.float64)
