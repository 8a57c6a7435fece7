"""Sentences of the report on the reference lines of learning curves."""

from __future__ import annotations

from math import isnan

from simulator.analysis.comparisons import BASELINE
from simulator.analysis.evidence import sentences
from simulator.analysis.references import ceiling
from simulator.report.analysis import Analysis


def references_seen(analysis: Analysis) -> str:
    """What the dashed and the dotted line are, if there are any, and how far the best strategy is from them."""
    seen = ceiling(analysis.results, analysis.oracle, analysis.quality)
    if seen is None:
        return ""
    numbers = {BASELINE: seen.random, "the oracle": seen.oracle, "a head on all labels": seen.probe}
    others = ", ".join(
        f"{name} {value * 100:.1f} %" for name, value in numbers.items() if name != seen.strategy and not isnan(value)
    )
    settings = f"{seen.settings} setting{'s' if seen.settings != 1 else ''} of dataset, embedding and start"
    return sentences(
        f"Accuracy at the end of the runs, mean over {settings}: {seen.strategy} {seen.best * 100:.1f} %, {others}.",
        "Dotted horizontal line: the head on all labels of the pool." if not isnan(seen.probe) else "",
        ""
        if isnan(seen.oracle)
        else "Dashed line: an oracle that in each cycle takes the best of 100 batches, by the accuracy that their gold "
        "labels bring on the test set (after BoSS, arXiv 2603.13109). It sees what no strategy can know, so it is a "
        "reference and takes no part in comparisons, ranks and findings.",
    )
