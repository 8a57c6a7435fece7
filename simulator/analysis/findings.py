"""The findings of the paper that the simulator checks, each split into claims that a test can support or refute.

Rauch, Wirth, Huseljic, Herde, Sick, Aßenmacher: "No Free Lunch in Active Learning: LLM Embedding Quality Dictates Query
Strategy Success", arXiv 2506.01992 (2025). How a claim is measured is our choice, and each claim states it.
"""

from __future__ import annotations

import pandas as pd

from simulator.analysis.comparisons import (
    by_strategy,
    embedding_means,
    initial_effects,
    paired_initial_effects,
    with_quality,
)
from simulator.analysis.evidence import (
    FEW_EMBEDDINGS,
    NO_QUALITY,
    Claim,
    PaperFinding,
    across,
    correlation_claim,
    extremes,
    finding,
    mean_effect,
    over_equal_runs,
    points,
    undecided,
)
from simulator.analysis.findings_on_embeddings import embeddings_finding
from simulator.analysis.findings_on_strategies import strategies_finding
from simulator.analysis.learning_curves import areas, curves


def findings(results: pd.DataFrame, quality: pd.DataFrame | None, metric: str = "accuracy") -> list[PaperFinding]:
    """Decide the paper's three findings.

    results: rows of complete runs (see `complete_runs.audit`); quality: embedding_quality.parquet, or None; metric: one
    for which larger is better.
    """
    area = areas(results, metric)
    whole_curve = by_strategy(area["whole"])
    if quality is not None and not len(with_quality(area["whole"], quality)):
        quality = None
    return [
        _starts(area["early"], curves(results, metric), quality),
        strategies_finding(whole_curve, quality),
        embeddings_finding(area["whole"], curves(results, metric), quality),
    ]


def _starts(early: pd.Series, by_cycle: pd.DataFrame, quality: pd.DataFrame | None) -> PaperFinding:
    effects = initial_effects(early)
    initial_only = initial_effects(by_cycle.stack()[lambda values: values.index.get_level_values("cycle") == 0])
    return finding(
        "A diverse start (TypiClust) beats a random one early on, the more so the better the embedding; CoreSet as a "
        "start is worse than random.",
        [
            _start_effect(
                "A TypiClust start beats a random start in the early cycles.", "typiclust", 1, effects, initial_only
            ),
            _start_and_quality(paired_initial_effects(early), quality),
            _start_effect("A CoreSet start is worse than a random start.", "coreset", -1, effects, initial_only),
        ],
    )


def _start_effect(text: str, initial: str, sign: int, effects: pd.DataFrame, initial_only: pd.DataFrame) -> Claim:
    measured = (
        f"Mean accuracy over the first third of the labels (AULC): {initial} start minus random start with the same "
        "strategy and seed, averaged over strategies and embeddings."
    )
    if initial not in effects:
        return undecided(text, measured, _no_runs(initial))
    units = effects[initial].dropna().groupby(level=["dataset", "seed"]).mean()
    by_dataset = units.groupby(level="dataset").mean()
    seen = (
        f"{points(by_dataset.mean())} over the first third, "
        f"{points(initial_only[initial].groupby(level='dataset').mean().mean())} with the initial labels alone; "
        f"{across(by_dataset)}."
    )
    return Claim(text, measured, mean_effect(sign * units, seen))


def _start_and_quality(effects: pd.DataFrame, quality: pd.DataFrame | None) -> Claim:
    text = "The better the embedding, the more a TypiClust start gains."
    measured = "Rank correlation of full-data probe accuracy with this gain, over embeddings within a dataset."
    if "typiclust" not in effects:
        return undecided(text, measured, _no_runs("typiclust"))
    if quality is None:
        return undecided(text, measured, NO_QUALITY)
    paired = effects["typiclust"].dropna()
    common, omitted = over_equal_runs(paired, quality)
    if not len(common):
        return undecided(text, measured, FEW_EMBEDDINGS, omitted)
    gain = embedding_means(common)
    seen = extremes(
        gain.mean().sort_values(kind="stable"),
        points,
        first="Smallest gain with {name} ({value})",
        last="largest with {name} ({value})",
        same="The gain is the same with all of them ({value})",
    )
    return correlation_claim(text, measured, gain, quality, f"{seen}.", omitted)


def _no_runs(initial: str) -> str:
    return f"There are no runs that start with {initial} and can be compared with runs of a random start."
