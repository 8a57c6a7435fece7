"""The table of results, with one row per cycle: its columns, and which of its runs are complete."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from simulator.experiment.results import METRICS

GROUP = ["dataset", "embedding", "initial"]
BLOCK = ["dataset", "embedding", "initial", "seed"]
RUN = ["dataset", "embedding", "strategy", "initial", "seed"]
SECONDS = ["fit_seconds", "query_seconds"]
COLUMNS = [*RUN, "cycle", "n_labeled", *METRICS, *SECONDS]


@dataclass(frozen=True)
class Audit:
    """Which runs are complete. results: the rows of complete runs; planned, complete: numbers of runs.

    missing: planned runs that are absent or ended before the others of their dataset, with the columns RUN, found and
    expected (numbers of cycles).
    """

    results: pd.DataFrame
    planned: int
    complete: int
    missing: pd.DataFrame


def audit(results: pd.DataFrame, planned: pd.DataFrame | None = None) -> Audit:
    """Separate complete runs from the others.

    planned: runs that there should be (columns RUN), besides those in the results. Raises ValueError, with the names,
    if columns are missing, a cycle occurs twice, or runs of one dataset have different numbers of labels at one cycle.
    """
    absent = [column for column in COLUMNS if column not in results]
    if absent:
        raise ValueError(f"the results have no column {', '.join(absent)}")
    if not len(results):
        raise ValueError("the results have no rows: no run is finished yet")
    twice = results.duplicated([*RUN, "cycle"])
    if twice.any():
        first = results.loc[twice, [*RUN, "cycle"]].iloc[0].to_dict()
        raise ValueError(f"{int(twice.sum())} cycles occur twice, the first is {first}")
    _refuse_two_budgets(results)
    runs = results[RUN].drop_duplicates()
    planned = (runs if planned is None else pd.concat([runs, planned[RUN]]).drop_duplicates()).sort_values(RUN)
    cycles = results[results["accuracy"].notna()].groupby(RUN)["cycle"].size()
    planned["found"] = cycles.reindex(pd.MultiIndex.from_frame(planned[RUN]), fill_value=0).to_numpy()
    ends = results.groupby("dataset")["cycle"].max() + 1
    planned["expected"] = planned["dataset"].map(ends).fillna(ends.max()).astype(int)
    complete = planned["found"] >= planned["expected"]
    complete_runs = results.merge(planned.loc[complete, RUN], on=RUN)
    missing = planned.loc[~complete, [*RUN, "found", "expected"]]
    return Audit(complete_runs, len(planned), int(complete.sum()), missing.reset_index(drop=True))


def _refuse_two_budgets(results: pd.DataFrame) -> None:
    sizes = results.groupby(["dataset", "cycle"])["n_labeled"].nunique()
    if (sizes > 1).any():
        dataset, cycle = sizes[sizes > 1].index[0]
        raise ValueError(
            f"runs of {dataset} have different numbers of labels at cycle {cycle}: they follow different protocols; "
            "write each protocol to its own folder"
        )
