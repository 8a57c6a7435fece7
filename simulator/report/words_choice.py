"""What the recommended combination saves, how sure that is, and where the pool is too small to tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from simulator.analysis.comparisons import BASELINE
from simulator.analysis.evidence import ALPHA, Evidence, across, listed, mean_effect, p_value, points, sentences
from simulator.analysis.heads import head_of, of_head, strategy_of
from simulator.analysis.statistics import Floats, labels_to_reach
from simulator.report.analysis import Analysis
from simulator.report.recommendation import Choice, choose

MOST_OF_POOL = 0.5
"""A pool of which a larger share is labelled at the end has few texts left to choose from."""


@dataclass(frozen=True)
class Advice:
    """What the page says first. choice: the combination; saved, sure, warning: sentences, empty if there is none."""

    analysis: Analysis
    choice: Choice

    @classmethod
    def of(cls, analysis: Analysis) -> Advice:
        """The advice from the results of the main setting."""
        return cls(analysis, choose(analysis))

    @property
    def baseline(self) -> str:
        """Random with the same head, by its name among the strategies."""
        return of_head(BASELINE, head_of(self.choice.strategy))

    @property
    def is_in_a_file(self) -> bool:
        """Whether the strategy is in a file of the user, so that projects do not know its name."""
        return strategy_of(self.choice.strategy) in self.analysis.record.get("strategy_files", {})

    @cached_property
    def gain(self) -> Evidence | None:
        """Evidence that the strategy is better than random; None if it is random, or random has no runs beside it."""
        runs = self.choice.runs
        if not self.choice.strategy or self.choice.strategy == self.baseline or self.baseline not in runs:
            return None
        units = (runs[self.choice.strategy] - runs[self.baseline]).groupby(level=["dataset", "seed"]).mean()
        return mean_effect(units, across(units.groupby(level="dataset").mean()))

    @property
    def is_sure(self) -> bool:
        """Whether the strategy is significantly better than random, and the whole interval of its gain is above 0."""
        return self.gain is not None and self.gain.p < ALPHA and self.gain.low > 0

    @property
    def sure(self) -> str:
        """Whether the strategy is better than random order, and on how many datasets."""
        if not self.choice.strategy:
            return ""
        if self.choice.strategy == self.baseline:
            return "No strategy has a higher mean accuracy than random order in these runs."
        if self.gain is None:
            return f"{self.choice.strategy} has no runs that can be compared with random order."
        gain = self.gain
        interval = (
            f" [{gain.low * 100:+.1f}, {gain.high * 100:+.1f}]".replace("-", "−") if not np.isnan(gain.low) else ""
        )
        effect = f"{points(gain.effect)} of mean accuracy{interval} ({p_value(gain.p)}); {gain.seen}"
        if self.is_sure:
            return f"{self.choice.strategy} is better than random order by {effect}."
        includes_0 = " The p-value alone would be enough, but the 95 % interval includes 0."
        return (
            f"Not sure: it is not shown that {self.choice.strategy} is better than random order. Difference: {effect}."
            f"{includes_0 if gain.p < ALPHA and gain.low <= 0 else ''}"
        )

    @cached_property
    def needed(self) -> Floats:
        """Share of the labels with which the strategy reaches the last accuracy of random, by setting; NaN for never.

        A setting is a dataset and a start, in the runs on which strategies were compared.
        """
        analysis, setting = self.analysis, ["dataset", "embedding", "initial"]
        is_compared = analysis.curves.index.droplevel("cycle").isin(self.choice.runs.index)
        both = analysis.curves.loc[is_compared, [self.baseline, self.choice.strategy]].dropna()
        sizes = analysis.results.groupby(["dataset", "cycle"])["n_labeled"].first()
        shares = []
        for (dataset, _, _), part in both.groupby(level=[*setting, "cycle"]).mean().groupby(level=setting):
            labels = sizes[dataset].to_numpy(dtype=np.float64)
            target = float(part[self.baseline].iloc[-1])
            shares.append(labels_to_reach(labels, part[self.choice.strategy].to_numpy(), target) / labels[-1])
        return np.array(shares)

    @property
    def saved_share(self) -> float:
        """Median share of labels saved; NaN if it cannot be known. A setting without the accuracy counts as 0."""
        if self.gain is None or len(self.analysis.cycles) < 2:
            return float("nan")
        return float(np.median(np.nan_to_num(1 - self.needed)))

    @property
    def saved(self) -> str:
        """How many labels the strategy saves against random order."""
        if self.gain is None or len(self.analysis.cycles) < 2:
            return ""
        total, never = len(self.needed), int(np.isnan(self.needed).sum())
        where = f"{total} {'settings' if total != 1 else 'setting'} (dataset, start)"
        name = self.choice.strategy
        if never == total:
            target = "the accuracy that random order reaches with all its labels"
            if total == 1:
                return f"{name} does not reach {target}."
            return f"In none of {where} does {name} reach {target}."
        rest = f"; in {never} of them it does not reach it" if never else ""
        percent = f"{self.saved_share * 100:.0f}"
        fewer = "as many labels" if percent == "0" else f"{percent} % fewer labels"
        return (
            f"To reach the accuracy that random order reaches with all its labels, {name} needs {fewer} (median of "
            f"{where}{rest})."
        )

    @property
    def warning(self) -> str:
        """Datasets of which most texts are labelled at the end; empty if there is none."""
        return pool_warning(self.analysis.record.get("datasets", {}), self.analysis.results)


def pool_warning(datasets: Mapping[str, Any], results: pd.DataFrame) -> str:
    """A warning that names the datasets of whose pool most texts are labelled at the end of the runs, or empty.

    datasets: of run.json, with the number of different texts.
    """
    last = results.groupby("dataset")["n_labeled"].max()
    pools = {name: datasets.get(name, {}).get("different_texts") for name in last.index}
    shares = {name: last[name] / texts for name, texts in pools.items() if texts}
    over = {name: share for name, share in sorted(shares.items()) if share >= MOST_OF_POOL}
    if not over:
        return ""
    named = listed([f"{name} ({share * 100:.0f} %)" for name, share in over.items()])
    return sentences(
        f"The pool runs out: at the end most of its texts are labelled on {named}.",
        "All strategies then hold nearly the same texts, and their differences vanish: look at the first third of the "
        "labels there, or give a larger pool.",
    )
