"""The runs of a folder as rows of a leaderboard."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from simulator.analysis.comparisons import BASELINE
from simulator.analysis.complete_runs import audit
from simulator.analysis.heads import NAMED
from simulator.analysis.learning_curves import areas
from simulator.analysis.result_folders import OPTIONS, Setting, read_settings
from simulator.analysis.statistics import labels_to_reach
from simulator.experiment.budget import Budget
from simulator.experiment.grid import ORACLE

WHERE = ["dataset", "embedding", "initial", "head"]
"""What varies between the settings of one folder."""


def read_runs(folder: Path) -> Setting:
    """The runs of a folder, without those of the oracle, which is no strategy.

    Raises ValueError if runs are missing that its commands asked for, or its random order.
    """
    (setting,) = read_settings([folder])
    results, planned = (table[table["strategy"] != ORACLE] for table in (setting.results, setting.planned))
    setting = replace(setting, results=results, planned=planned)
    absent = [name for name in ("datasets", "protocol", "versions") if name not in setting.record]
    if absent:
        raise ValueError(f"{folder} has no run.json with {', '.join(absent)}, which says how its runs were made")
    if not len(results):
        raise ValueError(f"{folder} has no runs of strategies: run some, and {BASELINE} beside them")
    for head in sorted({*results["head"], *planned["head"]}):
        of_head, planned_of_head = (table[table["head"] == head] for table in (results, planned))
        missing = audit(of_head, planned_of_head).missing if len(of_head) else planned_of_head
        if len(missing):
            first = missing.iloc[0]
            raise ValueError(
                f"{len(missing)} runs of {folder} are missing, the first is {first['strategy']} on {first['dataset']}, "
                f"{first['embedding']}, seed {first['seed']}: repeat its command, which runs what is missing"
            )
    with_random = set(_settings(setting.results[setting.results["strategy"] == BASELINE]))
    for where in _settings(setting.results):
        if where not in with_random:
            raise ValueError(
                f"{folder} has no runs of {BASELINE} on {', '.join(where)}: add them by the same command with "
                f"--strategies {BASELINE}"
            )
    return setting


def described(setting: Setting) -> pd.DataFrame:
    """What identifies each setting and its data, one row each; seeds: number of seeds that random order has."""
    random = setting.results[setting.results["strategy"] == BASELINE]
    rows, n_seeds = [], random.groupby(WHERE)["seed"].nunique()
    for where in sorted(_settings(setting.results)):
        dataset, embedding, _, head = where
        data = setting.record["datasets"][dataset]
        texts = setting.record.get("class_texts", {}).get(dataset) if head == NAMED else None
        rows.append(
            dict(zip(WHERE, where, strict=True))
            | _protocol(setting.record)
            | {name: data[name] for name in ("fingerprint", "classes", "pool", "test")}
            | {
                "embedding_content": setting.record.get("embedding_contents", {}).get(embedding, ""),
                "class_texts": "" if texts is None else _hash(texts),
                "seeds": int(n_seeds[where]),
            }
        )
    return pd.DataFrame(rows)


def measured(setting: Setting, seeds: Mapping[tuple[str, ...], int]) -> pd.DataFrame:
    """The rows of all strategies; seeds: by setting (dataset, embedding, initial, head), how many seeds to use.

    Besides the columns of a leaderboard, `gains` holds the gain over random order of each seed, (seeds,) float64.
    Raises ValueError if a strategy has fewer.
    """
    rows, by_setting = [], dict(list(setting.results.groupby(WHERE)))
    for about in described(setting).to_dict("records"):
        where = tuple(about[name] for name in WHERE)
        n = seeds[where]
        results = by_setting[where]
        results = results[results["seed"] < n]
        by_run = areas(results, "accuracy").droplevel(["dataset", "embedding", "initial"])
        random = by_run.xs(BASELINE, level="strategy")["whole"]
        goal = float(_curve(results, BASELINE).iloc[-1])
        for strategy in sorted(results["strategy"].unique()):
            own = by_run.xs(strategy, level="strategy")
            if len(own) < n:
                raise ValueError(
                    f"{strategy} on {', '.join(where)} has {len(own)} of the {n} seeds: run it with --seeds {n}"
                )
            curve, gains = _curve(results, strategy), (own["whole"] - random).to_numpy()
            labels = curve.index.to_numpy(dtype=np.float64)
            queries = results[(results["strategy"] == strategy) & (results["cycle"] > 0)]["query_seconds"]
            rows.append(
                about
                | {
                    "strategy": strategy,
                    "seeds": n,
                    "area": own["whole"].mean(),
                    "area_se": _error(own["whole"].to_numpy()),
                    "gain": gains.mean(),
                    "gain_se": _error(gains),
                    **own[["early", "middle", "late"]].mean().to_dict(),
                    "final": float(curve.iloc[-1]),
                    "labels_to_random": labels_to_reach(labels, curve.to_numpy(), goal),
                    "query_seconds": float(queries.mean()),
                    "strategy_file": setting.record.get("strategy_files", {}).get(strategy, "")[:16],
                    "versions": "; ".join(f"{n} {v}" for n, v in sorted(setting.record["versions"].items())),
                    "gains": gains,
                }
            )
    return pd.DataFrame(rows)


def _protocol(record: Mapping[str, Any]) -> dict[str, Any]:
    budget = Budget(**record["protocol"])
    options = {name: record[name] for name in OPTIONS if record.get(name) is not None}
    return {
        # As many as there are classes, at least 10, where the number is empty.
        "initial_size": "" if budget.initial_size is None else budget.initial_size,
        "batch_size": "" if budget.batch_size is None else budget.batch_size,
        "cycles": budget.cycles,
        "C": budget.C,
        "options": " ".join(f"{name}={value}" for name, value in options.items()),
    }


def _settings(results: pd.DataFrame) -> list[tuple[str, ...]]:
    return [tuple(row) for row in results[WHERE].drop_duplicates().to_numpy()]


def _curve(results: pd.DataFrame, strategy: str) -> pd.Series:
    """Mean accuracy by number of labels."""
    return results[results["strategy"] == strategy].groupby("n_labeled")["accuracy"].mean()


def _error(values: np.ndarray[Any, np.dtype[np.float64]]) -> float:
    return float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("nan")


def _hash(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]
