"""The numbers of the report as CSV files; metrics are in 0..1, rounded to four decimals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from simulator.analysis.comparisons import compare
from simulator.analysis.evidence import PaperFinding
from simulator.analysis.learning_curves import PERIODS, areas
from simulator.analysis.rank_correlation import Correlation
from simulator.analysis.statistics import mean_interval
from simulator.report.analysis import Analysis
from simulator.report.embedding_analysis import AULC, GAIN
from simulator.report.interactive import CURVE, TABLE_METRICS

Tables = dict[str, pd.DataFrame]


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write a table as CSV, with six significant digits; a table without columns has no file."""
    if len(table.columns):
        path.parent.mkdir(parents=True, exist_ok=True)
        table.to_csv(path, index=False, float_format="%.6g")


def findings(analysis: Analysis) -> Tables:
    """The paper's findings."""
    return {"findings": findings_table(analysis.findings)}


def areas_by_run(analysis: Analysis) -> Tables:
    """Areas under the learning curve, and the comparison with the best strategy."""
    return {"aulc": _aulc(analysis), "aulc_comparison": _comparison(analysis)}


def wins(analysis: Analysis) -> Tables:
    """Pairwise comparison of strategies."""
    return {"wins": _wins(analysis)}


def ranks(analysis: Analysis) -> Tables:
    """Mean ranks."""
    return {"ranks": _ranks(analysis)}


def gain(analysis: Analysis) -> Tables:
    """Gain over random by cycle."""
    return {"gain": _gain(analysis)}


def start(analysis: Analysis) -> Tables:
    """Effect of the start by cycle."""
    return {"start": _start(analysis)}


def quality(analysis: Analysis) -> Tables:
    """Quality of the embeddings, and its correlations with the results."""
    return {"embedding_quality": _quality(analysis), "embedding_correlation": _correlations(analysis)}


def missing(analysis: Analysis) -> Tables:
    """Planned runs that are missing."""
    return {"missing_runs": analysis.audit.missing}


def seconds(analysis: Analysis) -> Tables:
    """Times by strategy."""
    return {"seconds": analysis.seconds}


def seconds_in_words(analysis: Analysis) -> pd.DataFrame:
    """Times by strategy for the page, the fastest first."""
    titles = {
        "strategy": "strategy",
        "runs": "runs",
        "middle": "query, median (s)",
        "low": "5 %",
        "high": "95 %",
        "fit": "fit, median (s)",
    }
    return analysis.seconds.sort_values("middle")[list(titles)].rename(columns=titles)


def findings_table(findings: list[PaperFinding]) -> pd.DataFrame:
    """A table of the findings with one row per claim."""
    rows = []
    for finding in findings:
        for claim in finding.claims:
            evidence = claim.evidence
            numbers = (
                (evidence.effect, evidence.low, evidence.high, evidence.unit, f"{evidence.p:.3g}", evidence.test)
                if evidence
                else (np.nan,) * 3 + ("",) * 3
            )
            rows.append(
                (finding.title, finding.verdict, claim.text, claim.verdict, *numbers, f"{claim.p_holm:.3g}", claim.why)
            )
    columns = [
        "finding",
        "finding_verdict",
        "claim",
        "verdict",
        "effect",
        "low",
        "high",
        "unit",
        "p",
        "test",
        "p_holm",
        "why_undecided",
    ]
    return pd.DataFrame(rows, columns=columns)


def evaluations(analysis: Analysis) -> Tables:
    """How right evaluations of heads are, and what rules to stop would have done."""
    return analysis.evaluations


def _aulc(analysis: Analysis) -> pd.DataFrame:
    parts = []
    for metric in TABLE_METRICS:
        table = areas(analysis.results, metric)
        groups = table.groupby(level=CURVE)
        means = groups[PERIODS].mean()
        bounds = {key: mean_interval(part["whole"].to_numpy()) for key, part in groups}
        means["whole_low"] = [float(bounds[key][0]) for key in means.index]
        means["whole_high"] = [float(bounds[key][1]) for key in means.index]
        parts.append(means.assign(seeds=groups.size()).reset_index().assign(metric=metric))
    return pd.concat(parts)[["metric", *CURVE, *PERIODS, "whole_low", "whole_high", "seeds"]]


def _comparison(analysis: Analysis) -> pd.DataFrame:
    parts = [
        compare(part).rename_axis("strategy").reset_index().assign(dataset=dataset)
        for dataset, part in analysis.whole.groupby(level="dataset")
    ]
    parts.append(analysis.comparison.rename_axis("strategy").reset_index().assign(dataset="all"))
    return pd.concat(parts)[["dataset", "strategy", "mean", "behind", "p", "p_holm", "p_seeds", "mark", "blocks"]]


def _wins(analysis: Analysis) -> pd.DataFrame:
    names, wins, ties, rows = analysis.wins
    return pd.DataFrame(
        [
            (a, b, wins[i, j], ties[i, j], wins[j, i], int(rows[i, j]))
            for i, a in enumerate(names)
            for j, b in enumerate(names)
            if i != j
        ],
        columns=["strategy", "against", "above", "tied", "below", "comparisons"],
    )


def _ranks(analysis: Analysis) -> pd.DataFrame:
    parts = [
        pd.DataFrame(
            {
                "over": ranks.over,
                "blocks": ranks.test.blocks,
                "strategy": ranks.names,
                "mean_rank": ranks.test.mean_ranks,
                "critical_difference": ranks.test.critical_difference,
                "friedman_chi2": ranks.test.statistic,
                "friedman_p": ranks.test.p,
            }
        )
        for ranks in analysis.ranks
    ]
    return pd.concat(parts) if parts else pd.DataFrame()


def _gain(analysis: Analysis) -> pd.DataFrame:
    if not analysis.gains.shape[1]:
        return pd.DataFrame()
    by_seed = analysis.gains.groupby(level=["dataset", "cycle", "seed"]).mean().stack().rename("gain")
    groups = by_seed.groupby(level=["dataset", "strategy", "cycle"])
    rows = []
    for (dataset, strategy, cycle), part in groups:
        low, high = mean_interval(part.to_numpy())
        rows.append((dataset, strategy, cycle, part.mean(), float(low), float(high), len(part)))
    return pd.DataFrame(rows, columns=["dataset", "strategy", "cycle", "gain", "low", "high", "seeds"])


def _start(analysis: Analysis) -> pd.DataFrame:
    if not analysis.start_effects.shape[1]:
        return pd.DataFrame()
    return analysis.start_effects.groupby(level=["dataset", "embedding", "cycle"]).mean().reset_index()


def _quality(analysis: Analysis) -> pd.DataFrame:
    if analysis.quality is None:
        return pd.DataFrame()
    table = analysis.quality.set_index(["dataset", "embedding"])
    for title, name in ((AULC, "mean_aulc"), (GAIN, "mean_gain")):
        if title in analysis.by_embedding.runs:
            runs = analysis.by_embedding.runs[title]
            table = table.join(runs.groupby(level=["dataset", "embedding"]).mean().rename(name))
    return table.reset_index()


def _correlations(analysis: Analysis) -> pd.DataFrame:
    rows = [
        ("all", measure, f"mean {title}", *_numbers(correlation))
        for (measure, title), correlation in analysis.by_embedding.correlations.items()
    ]
    for title, lines in analysis.by_embedding.correlations_by_cycle.items():
        for measure, by_cycle in lines.items():
            for cycle, correlation in zip(analysis.cycles[-len(by_cycle) :], by_cycle, strict=True):
                rows.append((str(cycle), measure, title.removeprefix("with "), *_numbers(correlation)))
    return pd.DataFrame(rows, columns=["cycle", "measure", "outcome", "rho", "low", "high", "p"] if rows else [])


def _numbers(correlation: Correlation) -> tuple[float, float, float, float]:
    return correlation.rho, correlation.low, correlation.high, correlation.p
