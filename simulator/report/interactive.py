"""Data of the page's interactive parts: learning curves of all settings, and AULC tables of all choices."""

from __future__ import annotations

from itertools import product
from math import isnan
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from simulator.analysis.comparisons import by_strategy, compare_columns, gains
from simulator.analysis.complete_runs import BLOCK
from simulator.analysis.learning_curves import PERIODS, areas, curves
from simulator.analysis.statistics import Floats, mean_interval
from simulator.experiment.results import METRICS
from simulator.report.analysis import Analysis
from simulator.report.plots import LineStyle, sequence_styles, strategy_styles

CURVE = ["dataset", "embedding", "initial", "strategy"]
SCALE = 10_000
"""The page gets values as integers in units of 1/10,000 and divides them by this."""
ALL = "all"
TABLE_METRICS = ["accuracy", "balanced_accuracy", "macro_f1"]
TITLES = {
    "accuracy": "accuracy",
    "gain": "accuracy above random",
    "balanced_accuracy": "balanced accuracy",
    "macro_f1": "macro F1",
    "nll": "negative log likelihood",
    "ece": "calibration error (ECE)",
}


def curve_table(analysis: Analysis) -> pd.DataFrame:
    """Means over seeds, one row per CURVE and cycle, the oracle among them.

    Columns: n_labeled, seeds (their number), and for each metric and the gain over random its mean and the ends of its
    95 % interval (suffixes _low and _high).
    """
    results = pd.concat([analysis.results, analysis.oracle]) if len(analysis.oracle) else analysis.results
    columns = {}
    sources = dict.fromkeys(METRICS, results)
    above_random = gains(curves(results, "accuracy"))
    if above_random.shape[1]:
        sources["gain"] = above_random.stack().rename("gain").reset_index()
    for metric, source in sources.items():
        wide = source.pivot(index=[*CURVE, "cycle"], columns="seed", values=metric)
        middle, low, high = _over_seeds(wide.to_numpy(dtype=np.float64))
        columns[metric] = pd.DataFrame({metric: middle, f"{metric}_low": low, f"{metric}_high": high}, index=wide.index)
    sizes = results.groupby([*CURVE, "cycle"])["n_labeled"].agg(n_labeled="first", seeds="size")
    return sizes.join(list(columns.values()))


def _over_seeds(values: Floats) -> tuple[Floats, Floats, Floats]:
    """Mean and interval of each row of values (rows, seeds), (rows,) each; NaN are seeds that are missing."""
    counts = (~np.isnan(values)).sum(axis=1)
    middle = np.full(len(values), np.nan)
    low, high = middle.copy(), middle.copy()
    for count in np.unique(counts[counts > 0]):
        rows = counts == count
        incomplete = values[rows]
        packed = incomplete[~np.isnan(incomplete)].reshape(-1, count)
        middle[rows] = packed.mean(axis=1)
        low[rows], high[rows] = mean_interval(packed.T)
    return middle, low, high


def curve_payload(analysis: Analysis, table: pd.DataFrame) -> dict[str, Any]:
    """Data for the page: names, line styles, labels by dataset, curves by dataset/embedding/initial/strategy.

    table: from `curve_table`. references: line styles of the names that are shown beside strategies; probes: accuracy
    of a head on all labels by dataset/embedding.
    """
    metrics = [metric for metric in TITLES if metric in table]
    numbers = {
        column: _whole_numbers(table[column])
        for metric in metrics
        for column in (metric, f"{metric}_low", f"{metric}_high")
    }
    values = {
        "/".join(map(str, key)): {
            metric: [numbers[f"{metric}{suffix}"][rows[0] : rows[-1] + 1] for suffix in ("", "_low", "_high")]
            for metric in metrics
        }
        | {"seeds": int(table["seeds"].iloc[rows[0]])}
        for key, rows in table.groupby(level=CURVE).indices.items()
    }
    return {
        "names": {
            "dataset": analysis.names("dataset"),
            "embedding": analysis.embeddings,
            "initial": analysis.names("initial"),
            "strategy": analysis.order,
        },
        "styles": {
            "strategy": _style_payload(strategy_styles(analysis.order)),
            "embedding": _style_payload(sequence_styles(analysis.embeddings)),
            "initial": _style_payload(sequence_styles(analysis.names("initial"))),
        },
        "labels": {
            dataset: part.groupby("cycle")["n_labeled"].first().tolist()
            for dataset, part in analysis.results.groupby("dataset")
        },
        "metrics": {metric: TITLES[metric] for metric in metrics},
        "curves": values,
        "references": _style_payload(strategy_styles(sorted(analysis.oracle["strategy"].unique()))),
        "probes": {
            f"{row.dataset}/{row.embedding}": round(row.probe_accuracy * SCALE)
            for row in (analysis.quality.itertuples() if analysis.quality is not None else ())
        },
        "scale": SCALE,
    }


def _style_payload(by_name: dict[str, LineStyle]) -> dict[str, dict[str, str]]:
    return {name: {"color": style.color, "dash": style.dash} for name, style in by_name.items()}


def _whole_numbers(values: pd.Series | Floats) -> list[int | None]:
    scaled = np.asarray(values, dtype=np.float64) * SCALE
    return [None if isnan(value) else round(value) for value in scaled.tolist()]


def area_payload(analysis: Analysis) -> dict[str, Any]:
    """Data for the page: AULC tables by metric/period/embedding/initial, where "all" pools all of a kind.

    tables: by this key, then by dataset and strategy, see `_area_cells`; overall: by this key and strategy, mean rank
    and mean over datasets.
    """
    embeddings, initials = analysis.embeddings, analysis.names("initial")
    tables: dict[str, Any] = {}
    overall: dict[str, Any] = {}
    for metric in TABLE_METRICS:
        by_period = analysis.areas if metric == "accuracy" else areas(analysis.results, metric)
        for period in PERIODS:
            wide = by_strategy(by_period[period])
            for embedding, initial in product(_choices(embeddings), _choices(initials)):
                cells = _area_cells(wide, embedding, initial)
                if cells:
                    key = "/".join((metric, period, embedding, initial))
                    tables[key], overall[key] = cells, _overall(cells)
    return {
        "datasets": analysis.names("dataset"),
        "strategies": analysis.order,
        "choices": {
            "metric": {metric: TITLES[metric] for metric in TABLE_METRICS},
            "period": {"whole": "all labels", "early": "first third", "middle": "second third", "late": "last third"},
            "embedding": {name: name if name != ALL else "all embeddings" for name in _choices(embeddings)},
            "initial": {name: name if name != ALL else "all starts" for name in _choices(initials)},
        },
        "tables": tables,
        "overall": overall,
        "scale": SCALE,
    }


def _choices(names: list[str]) -> list[str]:
    return [ALL, *names] if len(names) > 1 else list(names)


def _area_cells(wide: pd.DataFrame, embedding: str, initial: str) -> dict[str, dict[str, list[Any]]]:
    """By dataset and strategy: [mean × SCALE, mark, blocks, p_holm × SCALE or None]; wide: index BLOCK."""
    level = {name: wide.index.get_level_values(name).to_numpy() for name in BLOCK}
    chosen = np.ones(len(wide), dtype=bool)
    for column, name in (("embedding", embedding), ("initial", initial)):
        chosen &= (level[column] == name) | (name == ALL)
    values = wide.to_numpy(dtype=np.float64)
    cells: dict[str, dict[str, list[Any]]] = {}
    for dataset in np.unique(level["dataset"][chosen]):
        rows = chosen & (level["dataset"] == dataset)
        compared = compare_columns(values[rows], level["seed"][rows])
        columns = (
            _whole_numbers(compared["mean"]),
            compared["mark"],
            compared["blocks"].tolist(),
            _whole_numbers(compared["p_holm"]),
        )
        cells[str(dataset)] = {
            str(name): list(cell) for name, *cell in zip(wide.columns, *columns, strict=True) if cell[0] is not None
        }
    return cells


def _overall(cells: dict[str, dict[str, list[Any]]]) -> dict[str, list[float]]:
    """By strategy: [mean rank, mean × SCALE] over the datasets on which strategies are compared.

    Only strategies that are compared on all of these datasets are ranked and included.
    """
    means = [{name: mean for name, (mean, mark, *_) in row.items() if mark != "partial"} for row in cells.values()]
    compared = [row for row in means if row]
    names = [name for name in compared[0] if all(name in row for row in compared)] if compared else []
    if not names:
        return {}
    table = np.array([[row[name] for name in names] for row in compared], dtype=np.float64)
    ranks = stats.rankdata(-table, axis=1).mean(axis=0)
    return {name: [float(rank), float(mean)] for name, rank, mean in zip(names, ranks, table.mean(axis=0), strict=True)}
