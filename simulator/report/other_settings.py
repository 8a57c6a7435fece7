"""Settings besides the main one: their best combination and areas, and what noise or uneven classes cost a strategy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from simulator.analysis.comparisons import gains
from simulator.analysis.complete_runs import RUN
from simulator.analysis.evidence import extremes, interval_over_datasets, points, sentences
from simulator.analysis.learning_curves import areas
from simulator.analysis.result_folders import OPTIONS
from simulator.report.analysis import Analysis
from simulator.report.plots_embeddings import curves_figure
from simulator.report.words_choice import Advice
from simulator.report.words_record import difference

HARMS = ("label_noise", "class_noise", "imbalance")
"""Changes of the data whose cost is measured against the same runs without them."""
LETTERS_PER_INCH = 12
"""Of a figure's title, in a size of 9 points."""


@dataclass(frozen=True)
class OtherSetting:
    """A further setting. title: how it differs from the main one; advice: what is best in it; table: one row per
    strategy, best first: mean and gain (0..1), lost, lost_low and lost_high (NaN where there is nothing to
    compare it with), and one column per dataset; lost: what it loses, in words, or empty."""

    title: str
    analysis: Analysis
    advice: Advice
    table: pd.DataFrame
    lost: str


def other_settings(analysis: Analysis) -> list[OtherSetting]:
    """The further settings of a report, those with most runs first."""
    return [_setting(other, analysis) for other in analysis.others]


def _setting(other: Analysis, main: Analysis) -> OtherSetting:
    without = next((one for one in (main, *main.others) if _is_without_harm(one.record, other.record)), None)
    lost = _lost(other, without) if without is not None else pd.DataFrame(columns=["lost", "lost_low", "lost_high"])
    means = other.whole.groupby(level="dataset").mean()
    table = pd.DataFrame({"mean": other.comparison["mean"], "gain": gains(other.whole).mean()}, index=other.order)
    table = table.join(lost).join(means.T)
    title = difference(other.record, main.record, OPTIONS)
    return OtherSetting(title, other, Advice.of(other), table, _lost_in_words(table["lost"].dropna()))


def _is_without_harm(record: Mapping[str, Any], harmed: Mapping[str, Any]) -> bool:
    """Whether a setting is the other one, run the same way, without its noise or uneven classes."""
    same = all(record.get(name) == harmed.get(name) for name in ("protocol", *OPTIONS))
    return same and _harm(record) == {} != _harm(harmed)


def _harm(record: Mapping[str, Any]) -> dict[str, Any]:
    changes = record.get("changes", {})
    return {name: changes[name] for name in HARMS if changes.get(name, 0) not in (0, 1, {})}


def _lost(harmed: Analysis, without: Analysis) -> pd.DataFrame:
    """By strategy, AULC that the setting loses against the same runs and cycles without its changes, with interval."""
    # With the number of labels: the last batch of a smaller pool has fewer than that without the change.
    keys = [*RUN, "cycle", "n_labeled"]
    tables = [one.results.set_index(keys) for one in (harmed, without)]
    common = tables[0].index.intersection(tables[1].index)
    if not len(common):
        return pd.DataFrame(columns=["lost", "lost_low", "lost_high"])
    after, before = (areas(table.loc[common].reset_index(), "accuracy")["whole"] for table in tables)
    difference_of_runs = before - after
    by_strategy = {}
    for name, part in difference_of_runs.groupby(level="strategy"):
        by_strategy[name] = interval_over_datasets(part.groupby(level=["dataset", "seed"]).mean())
    return pd.DataFrame.from_dict(by_strategy, orient="index", columns=["lost", "lost_low", "lost_high"])


def _lost_in_words(lost: pd.Series) -> str:
    if not len(lost):
        return ""
    most = extremes(
        lost.sort_values(ascending=False, kind="stable"),
        lambda value: points(value).lstrip("+"),
        first="{name} loses most ({value})",
        last="{name} least ({value})",
        same="all lose the same ({value})",
    )
    return f"Against the same runs without the change {most}."


def settings_seen(analysis: Analysis) -> str:
    """How the settings differ from the main one."""
    titles = [setting.title for setting in other_settings(analysis)]
    return sentences(*(f"{number}. {title}." for number, title in enumerate(titles, start=1)))


def settings_tables(analysis: Analysis) -> dict[str, pd.DataFrame]:
    """All further settings in one table, one row per setting and strategy."""
    parts = [
        setting.table.rename_axis("strategy").reset_index().assign(setting=setting.title)
        for setting in other_settings(analysis)
    ]
    if not parts:
        return {}
    table = pd.concat(parts)
    return {"other_settings": table[["setting", *(name for name in table if name != "setting")]]}


def settings_figures(analysis: Analysis) -> dict[str, Figure]:
    """Learning curves of each further setting with its best combination, one panel per dataset."""
    return {f"setting-{number}": _curves(setting) for number, setting in enumerate(other_settings(analysis), start=1)}


def _curves(setting: OtherSetting) -> Figure:
    choice, curves = setting.advice.choice, setting.analysis.curves
    level = {name: curves.index.get_level_values(name) for name in ("embedding", "initial")}
    part = curves[(level["embedding"] == choice.embedding) & (level["initial"] == choice.initial)]
    by_dataset = part.droplevel(["embedding", "initial"]).rename_axis(index={"dataset": "embedding"})
    names: Sequence[str] = list(by_dataset.index.unique("embedding"))
    probes = {name: setting.analysis.probes(name).get(choice.embedding) for name in names}
    known_probes = {name: probe for name, probe in probes.items() if probe is not None}
    figure = curves_figure(by_dataset, names, setting.analysis.axis, by_dataset.iloc[:0], known_probes)
    title = f"{setting.title} ({choice.embedding}, {choice.initial} start)"
    lines = wrap(title, width=int(LETTERS_PER_INCH * figure.get_figwidth()))
    figure.suptitle("\n".join(lines), fontsize=9, x=0.01, ha="left")
    return figure


def in_points(value: float) -> str:
    """A share as points with one decimal, and a dash for a missing one."""
    return "–" if np.isnan(value) else f"{value * 100:.1f}"
