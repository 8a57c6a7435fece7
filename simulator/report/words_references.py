"""Sentences of the report on the reference lines of learning curves."""

from __future__ import annotations

from math import isnan

from simulator.analysis.comparisons import BASELINE
from simulator.analysis.evidence import sentences
from simulator.analysis.references import Ceiling, ceiling
from simulator.report.analysis import Analysis


def references_seen(analysis: Analysis) -> str:
    """What the dashed and the dotted line are, if there are any, and how far the best strategy is from them."""
    of_all = ceiling(analysis.results, analysis.oracle[:0], analysis.quality)
    of_oracle = ceiling(analysis.results, analysis.oracle, analysis.quality) if len(analysis.oracle) else None
    if of_all is None or (of_oracle is not None and of_oracle.settings == of_all.settings):
        of_all, of_oracle = of_oracle, None
    if of_all is None:
        return ""
    return sentences(
        f"Accuracy at the end of the runs, {_means(of_all)}.",
        f"Where the oracle was run, {_means(of_oracle)}." if of_oracle is not None else "",
        "Dotted horizontal line: the head on all labels of the pool." if not isnan(of_all.probe) else "",
        "Thin dashed line: an oracle that in each cycle takes the best of 100 batches, by the accuracy that their gold "
        "labels bring on the test set (after BoSS, arXiv 2603.13109). It sees what no strategy can know, so it is a "
        "reference and takes no part in comparisons, ranks and findings."
        if len(analysis.oracle)
        else "",
    )


def _means(seen: Ceiling) -> str:
    """The mean accuracies of the best strategy and of the references, and over how many settings they are."""
    numbers = {BASELINE: seen.random, "the oracle": seen.oracle, "a head on all labels": seen.probe}
    others = ", ".join(
        f"{name} {value * 100:.1f} %" for name, value in numbers.items() if name != seen.strategy and not isnan(value)
    )
    settings = f"{seen.settings} setting{'s' if seen.settings != 1 else ''} of dataset, embedding and start"
    return f"mean over {settings}: {seen.strategy} {seen.best * 100:.1f} %, {others}"
