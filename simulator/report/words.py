"""Sentences of the report: what each figure shows, computed from its numbers."""

from __future__ import annotations

import numpy as np

from simulator.analysis.comparisons import BASELINE, by_strategy, gains
from simulator.analysis.complete_runs import RUN
from simulator.analysis.evidence import Evidence, extremes, listed, p_value, points, sentences
from simulator.analysis.statistics import smallest_p
from simulator.report.analysis import Analysis
from simulator.report.plots_embeddings import MEASURES
from simulator.report.words_durations import duration

MORE_CAUTIOUS = (
    "This test compares all pairs of strategies over datasets that stand for others, so it finds fewer differences "
    "than the tests against the best in the sections above, which hold for these datasets only."
)
NOT_COMPARED = "No (dataset, embedding, start, seed) was run with all strategies, so no strategy is named as the best."


def effect(evidence: Evidence) -> str:
    """The effect in its unit, with its interval in brackets if it has one."""
    numbers = [evidence.effect, evidence.low, evidence.high]
    if evidence.unit == "points":
        middle, low, high = (f"{value * 100:+.2f}" for value in numbers)
        text = f"{middle} points"
    else:
        middle, low, high = (f"{value:.2f}" for value in numbers)
        text = f"{'ρ' if evidence.unit == 'rho' else 'ratio'} = {middle}"
    has_interval = not (np.isnan(evidence.low) or np.isnan(evidence.high))
    interval = f"[{low}, {high}]" if has_interval else "(too few values for an interval)"
    return f"{text} {interval}".replace("-", "−").replace("nan", "?")


def missing_rows(analysis: Analysis) -> list[tuple[str, str, str, str, str, str]]:
    """Rows of the table of missing runs: dataset, embedding, start, strategies, seeds, and cycles in the results.

    Runs that differ in the strategy or the seed only are in one row.
    """
    missing = analysis.audit.missing
    if not len(missing):
        return []
    planned = len({*missing["strategy"], *analysis.names("strategy")})
    keys = ["dataset", "embedding", "initial"]
    by_seed = missing.groupby([*keys, "seed"]).agg(
        strategies=("strategy", lambda names: tuple(sorted(names))),
        found=("found", "max"),
        expected=("expected", "max"),
    )
    rows = []
    for (dataset, embedding, initial, strategies), part in by_seed.reset_index().groupby([*keys, "strategies"]):
        strategies_text = f"all {planned}" if len(strategies) == planned and planned > 1 else ", ".join(strategies)
        seeds = ", ".join(map(str, part["seed"]))
        rows.append(
            (dataset, embedding, initial, strategies_text, seeds, f"{part['found'].max()} of {part['expected'].max()}")
        )
    return rows


def wins_seen(analysis: Analysis) -> str:
    """Which strategy is most often above the others, and the number of comparisons behind it."""
    names, wins, ties, rows = analysis.wins
    off_diagonal = ~np.eye(len(names), dtype=bool)
    fewest, most = int(rows[off_diagonal].min()), int(rows[off_diagonal].max())
    basis = f"each number is based on {f'{most:,}' if fewest == most else f'{fewest:,} to {most:,}'} comparisons."
    k = analysis.compared.shape[1]
    if k < 2:
        return f"{NOT_COMPARED} In this figure {basis}"
    among_compared = off_diagonal[:k, :k]
    above = np.array([wins[i, :k][among_compared[i]].mean() for i in range(k)])
    first = [name for name, share in zip(names[:k], above, strict=True) if np.isclose(share, above.max())]
    best, tied = above.max(), ties[:k, :k][among_compared].mean()
    return sentences(
        f"{listed(first)} {'is' if len(first) == 1 else 'are each'} above the others in {best * 100:.0f} % of "
        f"comparisons, and {tied * 100:.0f} % of all "
        f"comparisons are exact ties; {basis}",
        f"Not included in these shares, and last in the figure: {listed(names[k:])}." if names[k:] else "",
    )


def ranks_seen(analysis: Analysis) -> str:
    """Whether strategies differ, and which have a significantly worse rank than the first."""
    words = []
    for ranks in analysis.ranks:
        test = ranks.test
        order = np.argsort(test.mean_ranks)
        best = test.mean_ranks[order[0]]
        first = listed([ranks.names[i] for i in order if test.mean_ranks[i] - best < 1e-9])
        behind = [ranks.names[i] for i in order if test.mean_ranks[i] - best > test.critical_difference]
        verdict = "differ" if test.p < 0.05 else "do not differ significantly"
        words.append(
            f"Over {test.blocks} {ranks.over} strategies {verdict} (Friedman χ² = {test.statistic:.1f}, "
            f"{p_value(test.p)}; critical difference {test.critical_difference:.1f} ranks); "
            + (
                f"by this test significantly behind {first}: {listed(behind)}."
                if behind
                else f"by this test none is significantly behind {first}."
            )
        )
        if ranks.left_out:
            words[-1] += f" Left out, since runs are missing: {listed(ranks.left_out)}."
    return sentences(*words, MORE_CAUTIOUS)


def gain_seen(analysis: Analysis) -> str:
    """Which strategies gain most and least over random, and which are below it."""
    means = analysis.mean_gains
    not_compared = [name for name in gains(analysis.whole) if name not in means]
    omitted = (
        f"Left out of this, since they lack runs to compare: {listed(not_compared)}; their panels show their own runs."
    )
    if not len(means):
        return NOT_COMPARED
    below = list(means.index[means < 0])
    most = extremes(
        means,
        points,
        first="{name} gains most over random ({value})" if len(means) > 1 else "{name} gains {value} over random",
        last="{name} least ({value})",
        same="all gain the same over random ({value})",
    )
    return sentences(
        f"Over the whole curve, and all embeddings and starts, {most}.",
        f"Below random on average: {listed(below)}." if below else "None is below random on average.",
        omitted if not_compared else "",
    )


def start_seen(analysis: Analysis) -> str:
    """The difference of each start to a random one, with the number of runs if starts were run on different ones."""
    effects = analysis.start_effects
    cycles = effects.index.get_level_values("cycle")
    first, last = effects[cycles == 0], effects[cycles == analysis.cycles[-1]]
    same_runs = (first.notna().all(axis=1)).all()
    words = []
    for name in effects.columns:
        compared = first[name].dropna().index
        counts = [f"{len(compared.unique(column))} {column}" for column in ("dataset", "embedding", "seed")]
        basis = "" if same_runs else f" ({', '.join(f'{n}s' if not n.startswith('1 ') else n for n in counts)})"
        words.append(
            f"{name}{basis}: {points(first[name].mean())} with the initial labels alone, {points(last[name].mean())} "
            f"at cycle {analysis.cycles[-1]}."
        )
    caution = "Starts were run on different combinations, so these numbers cannot be compared with each other."
    return sentences(*words, "" if same_runs else caution)


def quality_seen(analysis: Analysis) -> str:
    """The rank correlations of embedding quality with each outcome."""
    words = []
    for title in analysis.by_embedding.outcomes:
        parts = [
            f"{MEASURES[measure]} {rho.rho:.2f} [{rho.low:.2f}, {rho.high:.2f}], {p_value(rho.p)}"
            for measure in MEASURES
            if not np.isnan((rho := analysis.by_embedding.correlations[measure, title]).rho)
        ]
        if parts:
            outcome = title.removesuffix(" (points)")
            words.append(
                f"Rank correlation with {outcome}: {'; '.join(parts)}.".replace(" -", " −").replace("[-", "[−")
            )
            words.append(analysis.by_embedding.left_out[outcome])
    return sentences(*words) or sentences(
        "Too few embeddings for a rank correlation.", *analysis.by_embedding.left_out.values()
    )


def cost_seen(analysis: Analysis) -> str:
    """The fastest and the slowest strategy, and the time of a fit."""
    table = analysis.seconds.set_index("strategy")["middle"]
    not_compared = [name for name in table.index if name not in analysis.compared]
    table = table.drop(not_compared).sort_values()
    fit = f"A fit of the head takes {duration(float(analysis.results['fit_seconds'].median()))} (all medians)."
    if not len(table):
        return f"{NOT_COMPARED} {fit}"
    text = extremes(
        table,
        duration,
        first="{name} is the fastest ({value} per query)" if len(table) > 1 else "{name} takes {value} per query",
        last="{name} the slowest ({value})",
        same="all take the same time ({value} per query)",
    )
    return sentences(
        f"{text}.", fit, f"Timed on other runs, and left out of this: {listed(not_compared)}." if not_compared else ""
    )


def calibration_seen(analysis: Analysis) -> str:
    """The strategies with the smallest and the largest calibration error at the last cycle."""
    results = analysis.results
    ends = results[results["cycle"] == results.groupby("dataset")["cycle"].transform("max")]
    errors = by_strategy(ends.set_index(RUN)["ece"])
    means = errors.loc[analysis.compared.index, analysis.compared.columns].mean().sort_values()
    if not len(means):
        return NOT_COMPARED
    text = extremes(
        means,
        lambda value: f"{value:.3f}",
        first="the ECE is smallest with {name} ({value})" if len(means) > 1 else "the ECE of {name} is {value}",
        last="largest with {name} ({value})",
        same="the ECE is the same with all strategies ({value})",
    )
    is_named = BASELINE in (means.index[0], means.index[-1]) or len({f"{value:.3f}" for value in means}) == 1
    random = f"; random has {means[BASELINE]:.3f}" if BASELINE in means and not is_named else ""
    return sentences(f"At the last cycle {text}{random}.", analysis.left_out)


def power_of_tests(analysis: Analysis) -> str:
    """The smallest p-value that tests can give with this number of seeds, and what follows from it."""
    seeds = len(analysis.names("seed"))
    blocks = int(analysis.whole.groupby(level="dataset").size().max())
    return (
        f"With {seeds} seed{'s' if seeds != 1 else ''} the smallest two-sided p-value of the signed-rank test is "
        f"{_fraction(seeds)}, so one embedding with one start "
        + ("cannot" if smallest_p(seeds) * max(1, len(analysis.order) - 1) >= 0.05 else "can")
        + " show a significant difference after the correction. Pooled over embeddings and starts, a dataset has up to "
        f"{blocks} pair{'s' if blocks != 1 else ''}. Pairs with the same seed share their test set and partly their "
        "initial labels, so the pooled test is valid for these datasets, embeddings and starts only. "
        "tables/aulc_comparison.csv also has p_seeds, the p-value of a paired t-test on one value per seed."
    )


def _fraction(seeds: int) -> str:
    return "1" if seeds == 1 else f"1/{2 ** (seeds - 1)}" if seeds <= 12 else f"{smallest_p(seeds):.1g}"
